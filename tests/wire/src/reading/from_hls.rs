//! Every way an HLS playlist names a URL: each is known afterwards, led to the session's port for its origin, or told as left.
//!
//! Invariant: of a URL that is led elsewhere only scheme and authority change. Deliberately absent: steering (see `steering.rs`).

use rebuffer_kit::{Origin, Setup, Wire};
use rebuffer_model::{ActionKind, Known, Remark, RequestKind};

use super::{Stage, declared, hls, known, media, typed};

/// How a URL is named, and what it is then.
const NAMED: [(&str, RequestKind); 21] = [
    ("#EXTINF:2,\n{}", RequestKind::Segment),
    ("#EXTINF:2,\n#EXT-X-BYTERANGE:9@0\n{}", RequestKind::Segment),
    ("#EXT-X-MAP:URI=\"{}\"", RequestKind::Init),
    ("#EXT-X-KEY:METHOD=AES-128,URI=\"{}\"", RequestKind::Key),
    ("#EXT-X-PART:DURATION=1,URI=\"{}\"", RequestKind::Partial),
    ("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"", RequestKind::Partial),
    ("#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"{}\"", RequestKind::Init),
    ("#EXTINF:2,\na.ts\n#EXT-X-RENDITION-REPORT:URI=\"{}\",LAST-MSN=1", RequestKind::Manifest),
    ("#EXTINF:2,\na.ts\n#EXT-X-PREFETCH:{}", RequestKind::Segment),
    ("#EXTINF:2,\na.ts\n#EXT-X-TWITCH-PREFETCH:{}", RequestKind::Segment),
    (
        "#EXT-X-DATERANGE:ID=\"a\",CLASS=\"com.apple.hls.interstitial\",X-ASSET-URI=\"{}\"",
        RequestKind::Manifest,
    ),
    (
        "#EXT-X-DATERANGE:ID=\"a\",CLASS=\"com.apple.hls.interstitial\",X-ASSET-LIST=\"{}\"",
        RequestKind::Other,
    ),
    ("#EXT-X-STREAM-INF:BANDWIDTH=400000\n{}", RequestKind::Manifest),
    ("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,URI=\"{}\"", RequestKind::Manifest),
    ("#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=9000,URI=\"{}\"", RequestKind::Manifest),
    ("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\",URI=\"{}\"", RequestKind::AudioManifest),
    ("#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"s\",URI=\"{}\"", RequestKind::SubtitleManifest),
    ("#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"v\",NAME=\"v\",URI=\"{}\"", RequestKind::Manifest),
    ("#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"{}\"", RequestKind::Key),
    ("#EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"{}\"", RequestKind::Other),
    ("#EXT-X-CONTENT-STEERING:SERVER-URI=\"{}\"", RequestKind::Other),
];

fn named(number: usize, url: &str) -> String {
    format!("#EXTM3U\n{}\n", NAMED[number].0.replace("{}", url))
}

/// The origin `b`, and an origin whose playlist `/N/WHERE` names a URL in the way N: on `b`, on itself, or elsewhere.
async fn stage() -> (Stage, Origin) {
    let away = Origin::serve(|asked| typed("").body(asked, "b")).await;
    let b = away.address;
    let home = Origin::serve(move |asked| {
        let parts = asked.path().split('/').collect::<Vec<_>>();
        let number = parts[1].parse().ok().filter(|number| *number < NAMED.len());
        match (number, parts.get(2).copied()) {
            (Some(number), Some("b")) => {
                hls().body(asked, named(number, &format!("http://{b}/{number}//x?y={{z}}")))
            }
            (Some(number), Some("own")) => {
                let host = asked.value("host").unwrap_or_default();
                hls().body(asked, named(number, &format!("HTTP://{host}?own={number}")))
            }
            (Some(number), Some("near")) => hls().body(asked, named(number, "../near")),
            (Some(number), Some("left")) => {
                hls().body(asked, named(number, &format!("https://cdn{number}.invalid/x")))
            }
            _ => typed("").body(asked, "own"),
        }
    })
    .await;
    let setup = Setup::at(home.address).and("b", b);
    (Stage::with(home, setup, "").await, away)
}

#[tokio::test]
async fn urls_on_another_origin_lead_to_its_port_and_are_known_there() {
    let (mut stage, away) = stage().await;
    for (number, (how, kind)) in NAMED.into_iter().enumerate() {
        let target = format!("/{number}/b");
        let answer = stage.get(&target).await;
        let b = stage.rig.port_to("tv", "b").await;
        assert_eq!(answer.text(), named(number, &format!("http://{b}/{number}//x?y={{z}}")), "{how}");
        assert_eq!(stage.row(&target).await.remarks, [Remark::UrlsRewritten], "{how}");
        away.take_asked();
        let target = format!("/{number}//x?y=%7Bz%7D");
        assert_eq!(Wire::fetch(b, &rebuffer_kit::Ask::get(&target)).await.text(), "b", "{how}");
        let row = stage.row(&target).await;
        assert_eq!(known(&row), declared(kind), "{how}");
        assert_eq!(row.origin.map(|it| it.name.to_string()).as_deref(), Some("b"), "{how}");
        assert_eq!(away.take_asked()[0].target, target, "{how}");
    }
}

#[tokio::test]
async fn urls_on_the_own_origin_become_paths_and_relative_ones_stay() {
    let (mut stage, _away) = stage().await;
    for (number, (how, kind)) in NAMED.into_iter().enumerate() {
        let target = format!("/{number}/own");
        assert_eq!(stage.get(&target).await.text(), named(number, &format!("/?own={number}")), "{how}");
        assert_eq!(stage.row(&target).await.remarks, [Remark::UrlsRewritten], "{how}");
        assert_eq!(stage.known(&format!("/?own={number}")).await, declared(kind), "{how}");
    }
    for (number, (how, kind)) in NAMED.into_iter().enumerate() {
        // `near` means something else with each of them.
        let target = format!("/{number}/near");
        assert_eq!(stage.get(&target).await.text(), named(number, "../near"), "{how}");
        assert_eq!(stage.row(&target).await.remarks, [], "{how}");
        if !matches!(kind, RequestKind::Manifest | RequestKind::AudioManifest | RequestKind::SubtitleManifest)
        {
            assert_eq!(stage.known("/near").await.1, Known::Declared, "{how}");
        }
    }
}

#[tokio::test]
async fn urls_on_unknown_hosts_are_told_with_what_would_keep_them() {
    let (mut stage, _away) = stage().await;
    for (number, (how, _)) in NAMED.into_iter().enumerate() {
        let target = format!("/{number}/left");
        let url = format!("https://cdn{number}.invalid");
        assert_eq!(stage.get(&target).await.text(), named(number, &format!("{url}/x")), "{how}");
        assert_eq!(stage.row(&target).await.remarks, [Remark::OriginLeft], "{how}");
        let setting = format!("--origin-hosts cdn{number}.invalid");
        assert_eq!(
            stage.feed.action("origin_left").await.kind,
            ActionKind::OriginLeft { host: url, setting },
            "{how}"
        );
    }
}

#[tokio::test]
async fn variables_come_from_the_playlist_its_master_and_its_query() {
    let away = Origin::serve(|asked| typed("").body(asked, "b")).await;
    let b = away.address;
    let home = Origin::serve(move |asked| match asked.path() {
        "/master.m3u8" => hls().body(
            asked,
            format!(
                "#EXTM3U\n#EXT-X-DEFINE:NAME=\"dir\",VALUE=\"a/b\"\n#EXT-X-DEFINE:QUERYPARAM=\"cdn\"\n\
                 #EXT-X-DEFINE:NAME=\"host\",VALUE=\"http://{b}\"\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=400000\n{{$dir}}/low.m3u8\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=900000\n{{$cdn}}/{{$dir}}/high.m3u8?{{$none}}\n"
            ),
        ),
        "/a/b/low.m3u8" => hls().body(
            asked,
            "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"host\"\n#EXT-X-DEFINE:IMPORT=\"dir\"\n#EXT-X-DEFINE:QUERYPARAM=\"t\"\n\
             #EXTINF:2,\n{$host}/{$dir}/s1.ts\n#EXTINF:2,\n/{$dir}/s2.ts?t={$t}\n",
        ),
        _ => typed("").body(asked, "own"),
    })
    .await;
    let setup = Setup::at(home.address).and("b", b);
    let mut stage = Stage::with(home, setup, "").await;
    let escaped = format!("http%3A%2F%2F{}", b.to_string().replace(':', "%3a"));
    let answer = stage.get(&format!("/master.m3u8?x=1&cdn={escaped}")).await;
    let port = stage.rig.port_to("tv", "b").await;
    let lines = answer.text().lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    assert_eq!(
        lines,
        ["{$dir}/low.m3u8".to_owned(), format!("http://{port}/a/b/high.m3u8?{{$none}}")],
        "what has its host from a variable is written out"
    );
    Wire::fetch(port, &rebuffer_kit::Ask::get("/a/b/high.m3u8?%7B$none%7D")).await;
    let row = stage.row("/a/b/high.m3u8").await;
    assert_eq!((known(&row), super::rung(&row)), (declared(RequestKind::Manifest), Some(1)));

    let answer = stage.get("/a/b/low.m3u8?t=%2fq%26").await;
    let row = stage.row("/a/b/low.m3u8").await;
    assert_eq!((known(&row), super::rung(&row)), (declared(RequestKind::Manifest), Some(0)));
    let lines = answer.text().lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
    assert_eq!(lines, [format!("http://{port}/a/b/s1.ts"), "/{$dir}/s2.ts?t={$t}".to_owned()]);
    Wire::fetch(port, &rebuffer_kit::Ask::get("/a/b/s1.ts")).await;
    assert_eq!(known(&stage.row("/a/b/s1.ts").await), declared(RequestKind::Segment));
    assert_eq!(stage.known("/a/b/s2.ts?t=/q&").await, declared(RequestKind::Segment));
}

#[tokio::test]
async fn a_path_of_a_playlist_never_becomes_a_host() {
    let mut stage = Stage::new(|asked| match asked.path() {
        "/list.m3u8" => {
            let host = asked.value("host").unwrap_or_default();
            hls().body(asked, media(&[&format!("http://{host}//evil.invalid/x.ts"), "/.//evil.invalid/y.ts"]))
        }
        _ => typed("").body(asked, "own"),
    })
    .await;
    assert_eq!(
        stage.get("/list.m3u8").await.text(),
        media(&["/.//evil.invalid/x.ts", "/.//evil.invalid/y.ts"])
    );
    stage.row("/list.m3u8").await;
    for target in ["//evil.invalid/x.ts", "//evil.invalid/y.ts"] {
        stage.home.take_asked();
        assert_eq!(stage.known(target).await, declared(RequestKind::Segment), "{target}");
        assert_eq!(stage.home.take_asked()[0].target, target);
    }
    assert_eq!(stage.feed.waiting("origin_left"), 0);
}
