//! What is a playlist: by what declared it, by its first bytes, by type and name, in this order; of every success.
//!
//! Invariant: a body that begins like one is read whatever its headers say, and one that does not is left alone.

use rebuffer_kit::{Ask, Saying, Wire};
use rebuffer_model::{Known, Remark, RequestKind};

use super::{Stage, TEMPLATE, declared, hls, known, latin, media, mpd, rung, typed, wide};

/// Type, name and body of what is a media playlist or an MPD.
fn playlists() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let list = || media(&["s1.ts"]);
    let apple = "application/vnd.apple.mpegurl";
    let xml = |before: &str| format!("{before}{}", mpd("", TEMPLATE));
    let doctype = "<!DOCTYPE MPD [<!ENTITY a \"> b\"><!-- c -->]>";
    let latin_1 = "<?xml version='1.0' encoding='ISO-8859-1'?><!-- \u{e9}t\u{e9} -->";
    let prologue = "<?xml version=\"1.0\"?>\n<!-- <MPX> -->\n";
    vec![
        (apple, "list.m3u8", list().into_bytes()),
        ("", "list", list().into_bytes()),
        ("text/plain", "live", list().into_bytes()),
        ("text/plain; charset=utf-8", "list.txt", list().into_bytes()),
        ("application/octet-stream", "list.bin", list().into_bytes()),
        ("text/html", "list.php", list().into_bytes()),
        ("video/mp2t", "list.ts", list().into_bytes()),
        (apple, "mark.m3u8", format!("\u{feff}{}", list()).into_bytes()),
        ("text/plain", "blank", format!("\r\n \n\t\n{}", list()).into_bytes()),
        ("text/plain", "both", format!("\u{feff}\n\n{}", list()).into_bytes()),
        ("application/dash+xml", "m.mpd", xml("").into_bytes()),
        ("text/xml", "m.xml", xml(prologue).into_bytes()),
        ("text/plain", "m", xml(&format!("\u{feff}{prologue}{doctype}")).into_bytes()),
        ("", "long", xml(&format!("<!-- {} -->", "x".repeat(30_000))).into_bytes()),
        ("application/xml", "latin", latin(&xml(latin_1))),
        ("application/octet-stream", "le", wide(&xml(prologue), true)),
        ("application/octet-stream", "be", wide(&xml(prologue), false)),
        ("", "le-mark", wide(&xml(&format!("\u{feff}{prologue}")), true)),
        ("", "be-mark", wide(&xml("\u{feff}<?xml version='1.0' encoding='utf-16'?>"), false)),
    ]
}

#[tokio::test]
async fn playlists_are_told_by_their_first_bytes_whatever_type_and_name() {
    let mut stage = Stage::new(|asked| {
        let parts = asked.path().split('/').collect::<Vec<_>>();
        let case = parts[1].parse::<usize>().ok().and_then(|number| playlists().into_iter().nth(number));
        match case.filter(|(_, name, _)| parts[2] == *name) {
            Some((content_type, _, body)) => typed(content_type).body(asked, body),
            None => typed("").body(asked, "media"),
        }
    })
    .await;
    for (number, (content_type, name, body)) in playlists().into_iter().enumerate() {
        let target = format!("/{number}/{name}");
        let answer = stage.get(&target).await;
        assert_eq!((answer.status, &answer.body), (200, &body), "{target}: nothing is touched");
        assert_eq!(answer.value("content-type").unwrap_or_default(), content_type, "{target}");
        let row = stage.row(&target).await;
        assert_eq!(known(&row), declared(RequestKind::Manifest), "{target}");
        assert_eq!((row.remarks.as_slice(), row.answer.playlist_unread), (&[][..], None), "{target}");
        let segment = if body.starts_with(b"#") || !body.contains(&b'<') { "s1.ts" } else { "v-1.m4s" };
        let target = format!("/{number}/{segment}");
        assert_eq!(stage.known(&target).await, declared(RequestKind::Segment), "{target}");
    }
}

#[tokio::test]
async fn documents_of_an_mpd_are_told_by_their_roots() {
    let bodies = |path: &str| match path {
        "/period" => Some(format!("<?xml version='1.0'?><!-- --><Period>{TEMPLATE}</Period>")),
        "/patch" => Some("<Patch mpdId=\"a\"><add sel=\"/MPD\"/></Patch>".to_owned()),
        "/prefixed" => Some("<d:MPD xmlns:d=\"urn:mpeg:dash:schema:mpd:2011\"/>".to_owned()),
        _ => None,
    };
    let mut stage =
        Stage::new(move |asked| typed("text/plain").body(asked, bodies(asked.path()).unwrap_or_default()))
            .await;
    for target in ["/period", "/patch", "/prefixed"] {
        assert_eq!(stage.get(target).await.text(), bodies(target).expect("a document"));
        let row = stage.row(target).await;
        assert_eq!(known(&row), declared(RequestKind::Manifest), "{target}");
        assert_eq!(row.answer.playlist_unread, None, "{target}");
    }
}

#[tokio::test]
async fn what_does_not_begin_like_a_playlist_is_none() {
    let bodies = [
        ("/page.m3u8", "application/vnd.apple.mpegurl", "<!DOCTYPE html><html><a href=\"/s1.ts\"></html>"),
        ("/comment.m3u8", "text/plain", "# a list\ns1.ts\n"),
        ("/page.mpd", "application/dash+xml", "<html><MPD/></html>"),
        ("/smil", "text/xml", "<smil><MPD/></smil>"),
        ("/headless.m3u8", "application/vnd.apple.mpegurl", "#EXTINF:2,\n/s1.ts\n#EXTM3U\n"),
        ("/blank.m3u8", "application/vnd.apple.mpegurl", " \r\n"),
    ];
    let mut stage = Stage::new(move |asked| {
        let body = bodies.iter().find(|(path, ..)| *path == asked.path());
        body.map_or_else(
            || typed("").body(asked, "media"),
            |(_, content_type, body)| typed(content_type).body(asked, *body),
        )
    })
    .await;
    for (target, _, body) in bodies {
        assert_eq!(stage.get(target).await.text(), body);
        let row = stage.row(target).await;
        assert_eq!(
            known(&row),
            (RequestKind::Other, Known::Guessed),
            "{target}: its bytes outweigh its name"
        );
        assert_eq!((row.request.variant, row.answer.playlist_unread), (None, None), "{target}");
    }
    assert_eq!(stage.known("/s1.ts").await, (RequestKind::Segment, Known::Guessed), "nothing was learned");
    assert_eq!(stage.rig.api.player("tv").await.ladder, []);
}

#[tokio::test]
async fn every_success_counts_also_a_range_that_is_the_whole() {
    const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\nlow.m3u8\n";
    let mut stage = Stage::new(|asked| {
        let (status, reason) = match asked.path() {
            "/203" => (203, "Non-Authoritative Information"),
            _ => (206, "Partial Content"),
        };
        if asked.path() == "/low.m3u8" {
            return hls().body(asked, media(&["s1.ts"]));
        }
        let own = format!("http://{}/", asked.value("host").unwrap_or_default());
        let body = if asked.path() == "/changed" {
            MASTER.replace("low", &format!("{own}low"))
        } else {
            MASTER.to_owned()
        };
        let saying = Saying::new(status, reason).with("Content-Type", "text/plain").with("ETag", "\"v1\"");
        let range = format!("bytes 0-{}/{}", body.len() - 1, body.len());
        let saying = if status == 206 { saying.with("Content-Range", &range) } else { saying };
        saying.body(asked, body)
    })
    .await;
    let whole = format!("bytes 0-{}/{}", MASTER.len() - 1, MASTER.len());
    for (target, status) in [("/203", 203), ("/206", 206)] {
        let answer = Wire::fetch(stage.session, &Ask::get(target).with("Range", "bytes=0-")).await;
        assert_eq!((answer.status, answer.text(), answer.value("etag")), (status, MASTER, Some("\"v1\"")));
        assert_eq!(answer.value("content-range"), (status == 206).then_some(whole.as_str()));
        let row = stage.row(target).await;
        assert_eq!((known(&row), row.remarks), (declared(RequestKind::MasterManifest), vec![]), "{target}");
    }
    assert!(stage.home.take_asked().iter().all(|asked| asked.value("range") == Some("bytes=0-")));

    let answer = Wire::fetch(stage.session, &Ask::get("/changed").with("Range", "bytes=0-")).await;
    let expected = MASTER.replace("low", "/low");
    let range = format!("bytes 0-{}/{}", expected.len() - 1, expected.len());
    assert_eq!((answer.status, answer.text()), (206, expected.as_str()));
    assert_eq!(answer.value("content-range"), Some(range.as_str()));
    assert_eq!(answer.value("content-length"), Some(expected.len().to_string().as_str()));
    assert_eq!(answer.value("etag"), Some("W/\"v1\""), "the same thing in other bytes");
    let row = stage.row("/changed").await;
    assert_eq!(row.remarks, [Remark::UrlsRewritten]);
    stage.get("/low.m3u8").await;
    let row = stage.row("/low.m3u8").await;
    assert_eq!((known(&row), rung(&row)), (declared(RequestKind::Manifest), Some(0)));
}

#[tokio::test]
async fn a_part_of_a_playlist_passes_and_is_told() {
    let whole = media(&["s1.ts"]);
    let cut = whole.clone();
    let mut stage = Stage::new(move |asked| {
        let (first, last) = if asked.path() == "/middle.m3u8" { (4, 30) } else { (0, 20) };
        let range = format!("bytes {first}-{last}/{}", cut.len());
        let saying = Saying::new(206, "Partial Content").with("Content-Range", &range);
        let part = cut.get(first..=last).expect("a part").to_owned();
        saying.with("Content-Type", "application/vnd.apple.mpegurl").body(asked, part)
    })
    .await;
    for (target, first, last) in [("/begin", 0, 20), ("/begin.m3u8", 0, 20), ("/middle.m3u8", 4, 30)] {
        let range = format!("bytes={first}-{last}");
        let answer = Wire::fetch(stage.session, &Ask::get(target).with("Range", &range)).await;
        assert_eq!((answer.status, answer.text()), (206, whole.get(first..=last).expect("a part")));
        let told = format!("bytes {first}-{last}/{}", whole.len());
        assert_eq!(answer.value("content-range"), Some(told.as_str()));
        let row = stage.row(target).await;
        let reason = format!("the origin sent only {told} of it");
        assert_eq!(row.answer.playlist_unread, Some(reason), "{target}");
        assert_eq!(row.remarks, [Remark::PlaylistUnread], "{target}");
    }
    assert_eq!(stage.known("/s1.ts").await.1, Known::Guessed);
}

#[tokio::test]
async fn several_parts_and_parts_of_an_unknown_whole_pass_and_are_told() {
    const PARTS: &str = "--x\r\nContent-Range: bytes 0-6/90\r\n\r\n#EXTM3U\r\n--x--\r\n";
    let mut stage = Stage::new(|asked| {
        let part =
            |content_type: &str| Saying::new(206, "Partial Content").with("Content-Type", content_type);
        let apple = "application/vnd.apple.mpegurl";
        match asked.path() {
            "/master" => hls().body(asked, super::master(&["declared"])),
            "/parts.m3u8" => part("multipart/byteranges; boundary=x").body(asked, PARTS),
            "/open.m3u8" => part(apple).with("Content-Range", "bytes 0-6/*").body(asked, "#EXTM3U"),
            _ => part(apple).with("Content-Range", "bytes 30-34/90").body(asked, "1.ts\n"),
        }
    })
    .await;
    stage.get("/master").await;
    for (target, body, reason) in [
        ("/parts.m3u8", PARTS, "parts of it"),
        ("/open.m3u8", "#EXTM3U", "bytes 0-6/* of it"),
        ("/declared", "1.ts\n", "bytes 30-34/90 of it"),
    ] {
        let answer = stage.get(target).await;
        assert_eq!((answer.status, answer.text()), (206, body), "{target}");
        let row = stage.row(target).await;
        assert_eq!(row.answer.playlist_unread, Some(format!("the origin sent only {reason}")), "{target}");
        assert_eq!((known(&row).0, row.remarks), (RequestKind::Manifest, vec![Remark::PlaylistUnread]));
    }
}

#[tokio::test]
async fn what_is_no_answer_to_a_get_or_no_success_is_not_read_and_told() {
    let mut stage = Stage::new(|asked| {
        let status = match asked.path() {
            "/404.m3u8" => 404,
            "/503.m3u8" => 503,
            _ => 200,
        };
        let body = if asked.path() == "/s1.ts" { "media".to_owned() } else { media(&["s1.ts"]) };
        Saying::new(status, "Said").with("Content-Type", "text/plain").body(asked, body)
    })
    .await;
    for (method, target, reason) in [
        ("GET", "/404.m3u8", "it is the body of a 404, and only a success is read"),
        ("GET", "/503.m3u8", "it is the body of a 503, and only a success is read"),
        ("POST", "/200.m3u8", "only what a GET asks for is read"),
    ] {
        let answer = Wire::fetch(stage.session, &Ask::new(method, target)).await;
        assert_eq!(answer.text(), media(&["s1.ts"]));
        let row = stage.row(target).await;
        assert_eq!(known(&row), (RequestKind::Manifest, Known::Guessed), "{target}");
        assert_eq!(row.answer.playlist_unread.as_deref(), Some(reason), "{target}");
    }
    assert_eq!(stage.known("/s1.ts").await.1, Known::Guessed);
}

#[tokio::test]
async fn media_that_begins_like_a_playlist_stays_media_and_is_told() {
    let mut stage = Stage::new(|asked| match asked.path() {
        "/list.m3u8" => hls().body(asked, media(&["s1.ts"])),
        "/s1.ts" => hls().body(asked, media(&["s2.ts"])),
        _ => typed("").body(asked, "media"),
    })
    .await;
    stage.get("/list.m3u8").await;
    assert_eq!(stage.get("/s1.ts").await.text(), media(&["s2.ts"]));
    let row = stage.row("/s1.ts").await;
    assert_eq!(known(&row), declared(RequestKind::Segment));
    let reason = row.answer.playlist_unread.as_deref();
    assert_eq!(reason, Some("a playlist declared it to be something else"));
    assert_eq!(stage.known("/s2.ts").await.1, Known::Guessed);
}

#[tokio::test]
async fn what_a_playlist_declared_is_read_whatever_it_is_called() {
    let mut stage = Stage::new(|asked| match asked.path() {
        "/master" => hls().body(asked, super::master(&["rung.mp4", "rung.jpg"])),
        "/rung.mp4" | "/rung.jpg" => typed("image/jpeg").body(asked, media(&["s1.key"])),
        _ => typed("").body(asked, "media"),
    })
    .await;
    stage.get("/master").await;
    for (target, place) in [("/rung.mp4", 0), ("/rung.jpg", 1)] {
        stage.get(target).await;
        let row = stage.row(target).await;
        assert_eq!((known(&row), rung(&row)), (declared(RequestKind::Manifest), Some(place)), "{target}");
    }
    stage.get("/s1.key").await;
    let row = stage.row("/s1.key").await;
    assert_eq!((known(&row), rung(&row)), (declared(RequestKind::Segment), Some(1)));
}
