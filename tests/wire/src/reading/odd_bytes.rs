//! Bytes before text: lines that are not UTF-8, MPDs in other encodings, entities.
//!
//! Invariant: what is rewritten keeps every other byte, in its own encoding; what is not understood is told.

use rebuffer_kit::Saying;
use rebuffer_model::{Remark, RequestKind};

use super::{Stage, TEMPLATE, dash, declared, hls, known, latin, mpd, wide};

#[tokio::test]
async fn a_line_that_is_not_utf_8_keeps_its_bytes_and_is_understood() {
    const LIST: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,Caf\u{e9}\nHOSTfilm\u{e9}\u{ff}.ts\n\
                        #EXTINF:2,\nfolder\u{e9}/b.ts\n#EXT-X-ENDLIST\n";
    let mut stage = Stage::new(|asked| match asked.path() {
        "/list.m3u8" => {
            let own = format!("http://{}/", asked.value("host").unwrap_or_default());
            hls().body(asked, latin(&LIST.replace("HOST", &own)))
        }
        _ => Saying::new(200, "OK").body(asked, "media"),
    })
    .await;
    assert_eq!(stage.get("/list.m3u8").await.body, latin(&LIST.replace("HOST", "/")));
    let row = stage.row("/list.m3u8").await;
    assert_eq!((row.remarks.as_slice(), row.answer.playlist_unread), (&[Remark::UrlsRewritten][..], None));
    stage.home.take_asked();
    // As players spell it that keep the bytes, and as those that read them as text.
    for target in ["/film%E9%FF.ts", "/folder%E9/b.ts", "/folder%EF%BF%BD/b.ts"] {
        assert_eq!(stage.known(target).await, declared(RequestKind::Segment), "{target}");
        assert_eq!(stage.home.take_asked()[0].target, target);
    }
}

#[tokio::test]
async fn an_mpd_is_rewritten_in_its_own_encoding() {
    let text = |encoding: &str, host: &str| {
        let head = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><!-- \u{e9}t\u{e9} -->");
        format!("{head}{}", mpd(&format!("<BaseURL>{host}/\u{e9}/</BaseURL>"), TEMPLATE))
    };
    let encode = move |path: &str, host: &str| match path {
        "/latin" => latin(&text("ISO-8859-1", host)),
        "/le" => wide(&text("UTF-16", host), true),
        "/be" => wide(&text("UTF-16", host), false),
        "/le-mark" => wide(&format!("\u{feff}{}", text("UTF-16", host)), true),
        "/be-mark" => wide(&format!("\u{feff}{}", text("UTF-16", host)), false),
        _ => format!("\u{feff}{}", text("UTF-8", host)).into_bytes(),
    };
    for target in ["/latin", "/le", "/be", "/le-mark", "/be-mark", "/utf-8-mark"] {
        let mut stage = Stage::new(move |asked| {
            let own = format!("http://{}", asked.value("host").unwrap_or_default());
            match asked.path().starts_with("/%C3%A9/") {
                true => Saying::new(200, "OK").body(asked, "media"),
                false => dash().body(asked, encode(asked.path(), &own)),
            }
        })
        .await;
        let answer = stage.get(target).await;
        assert!(answer.body == encode(target, ""), "{target}: {:?}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.value("content-length"), Some(answer.body.len().to_string().as_str()));
        let row = stage.row(target).await;
        assert_eq!(row.remarks, [Remark::UrlsRewritten], "{target}");
        assert_eq!(stage.known("/%C3%A9/v-2.m4s").await, declared(RequestKind::Segment), "{target}");
    }
}

#[tokio::test]
async fn entities_are_expanded_where_they_name_a_host() {
    let text = |host: &str, base: &str| {
        // In any order; elements that nobody refers to are no part of the document, and a comment declares nothing.
        let unused = "<!ENTITY unused '<BaseURL>no/</BaseURL>'><!-- <!ENTITY host \"http://no.invalid\"> -->";
        let declared = format!("{unused}<!ENTITY dir '&host;/a'><!ENTITY host \"{host}\">");
        let base = format!("<BaseURL>{base}</BaseURL>");
        format!("<?xml version=\"1.0\"?><!DOCTYPE MPD [{declared}]>{}", mpd(&base, TEMPLATE))
    };
    let mut stage = Stage::new(move |asked| match asked.path() {
        "/m.mpd" => {
            let own = format!("http://{}", asked.value("host").unwrap_or_default());
            dash().body(asked, text(&own, "&dir;/?x=1&amp;y=2"))
        }
        _ => Saying::new(200, "OK").body(asked, "media"),
    })
    .await;
    let own = format!("http://{}", stage.home.address);
    assert_eq!(stage.get("/m.mpd").await.text(), text(&own, "/a/?x=1&amp;y=2"));
    assert_eq!(stage.row("/m.mpd").await.remarks, [Remark::UrlsRewritten]);
    assert_eq!(stage.known("/a/v-1.m4s").await, declared(RequestKind::Segment));
}

#[tokio::test]
async fn entities_that_are_not_expanded_are_told() {
    let nested =
        (1..30).map(|depth| format!("<!ENTITY e{depth} '{}'>", format!("&e{};", depth - 1).repeat(10)));
    let laughs = format!("<!DOCTYPE MPD [<!ENTITY e0 'xxxxxxxxxx'>{}]>", nested.collect::<String>());
    let laughs = format!("{laughs}{}", mpd("<BaseURL>&e29;/</BaseURL>", TEMPLATE));
    let external = "<!DOCTYPE MPD [<!ENTITY host SYSTEM \"file:///etc/hostname\">]>";
    let external = format!("{external}{}", mpd("<BaseURL>&host;/</BaseURL>", TEMPLATE));
    let long = format!("<!DOCTYPE MPD [<!ENTITY e '{}'>]>", "x".repeat(9_000));
    let long = format!("{long}{}", mpd("<BaseURL>&e;/</BaseURL>", TEMPLATE));
    let elements = "<!DOCTYPE MPD [<!ENTITY a '&b;'><!ENTITY b '<BaseURL>a/</BaseURL>'>]>";
    let elements = format!("{elements}{}", mpd("&a;", TEMPLATE));
    let itself = "<!DOCTYPE MPD [<!ENTITY a '&b;/'><!ENTITY b '&a;'>]>";
    let itself = format!("{itself}{}", mpd("<BaseURL>&a;</BaseURL>", TEMPLATE));
    let beyond = "its entities hold elements, or are longer, deeper or more than are expanded";
    let bodies = [
        ("/laughs.mpd", laughs, beyond),
        ("/elements.mpd", elements, beyond),
        ("/itself.mpd", itself, beyond),
        ("/external.mpd", external, "it declares an external entity, which is not fetched"),
        ("/long.mpd", long, beyond),
    ];
    let served = bodies.clone();
    let mut stage = Stage::new(move |asked| {
        let body = served.iter().find(|(path, ..)| *path == asked.path());
        dash().body(asked, body.map(|(_, body, _)| body.clone()).unwrap_or_default())
    })
    .await;
    for (target, body, reason) in bodies {
        assert_eq!(stage.get(target).await.text(), body, "{target}");
        let row = stage.row(target).await;
        assert_eq!(row.answer.playlist_unread.as_deref(), Some(reason), "{target}");
        assert_eq!(
            (known(&row).0, row.remarks),
            (RequestKind::Manifest, vec![Remark::PlaylistUnread]),
            "{target}"
        );
    }
}
