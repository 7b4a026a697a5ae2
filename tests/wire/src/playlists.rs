//! Playlists that are edited on their way, what rules know of a segment's place, and ladders that change.
//!
//! Invariant: an edit is in force on the next fetch, whatever the client has; what cannot be edited is said. Deliberately absent:
//! how each edit looks (see the media room).

use std::io::Write;
use std::net::SocketAddr;

use flate2::Compression;
use flate2::write::GzEncoder;
use rebuffer_kit::{Ask, Asked, Feed, Origin, Rig, Said, Saying, Setup, Wire, refused};
use rebuffer_model::{ActionKind, Edits, UnmetEdit};

const MASTER: &str = concat!(
    "#EXTM3U\r\n# kept \r\n#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS=\"avc1.4d401e\"\r\nlow.m3u8\r\n",
    "#EXT-X-STREAM-INF:CODECS=\"avc1.4d401f\",BANDWIDTH=900000\r\nhigh.m3u8\r\n",
);
const STRIPPED: &str = concat!(
    "#EXTM3U\r\n# kept \r\n#EXT-X-STREAM-INF:BANDWIDTH=400000\r\nlow.m3u8\r\n",
    "#EXT-X-STREAM-INF:BANDWIDTH=900000\r\nhigh.m3u8\r\n",
);
const LIVE: &str = concat!(
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:100\n",
    "#EXTINF:2,\ns100.ts\n#EXTINF:2,\ns101.ts\n#EXTINF:2,\ns102.ts\n#EXTINF:2,\ns103.ts\n",
);
const TAG: &str = "\"v1\"";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn site(asked: &Asked) -> Said {
    let playlist = || {
        let ok = Saying::new(200, "OK").with("Content-Type", "application/vnd.apple.mpegurl");
        ok.with("ETag", TAG).with("Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT")
    };
    match asked.path() {
        _ if asked.value("if-none-match") == Some(TAG) => {
            Saying::new(304, "Not Modified").with("ETag", TAG).bare()
        }
        "/master.m3u8" if asked.value("x-republished").is_some() => {
            playlist().body(asked, MASTER.replace("400000", "500000"))
        }
        "/master.m3u8" if asked.value("accept-encoding").is_some() => {
            playlist().with("Content-Encoding", "gzip").body(asked, gzip(MASTER))
        }
        "/master.m3u8" => playlist().body(asked, MASTER),
        "/zstd.m3u8" => playlist().with("Content-Encoding", "zstd").body(asked, "not to be read"),
        "/live.m3u8" => playlist().body(asked, LIVE),
        _ => Saying::new(200, "OK").with("Content-Type", "video/mp2t").body(asked, "media"),
    }
}

struct Stage {
    rig: Rig,
    origin: Origin,
    session: SocketAddr,
    feed: Feed,
}

impl Stage {
    async fn with(settings: &str) -> Self {
        let origin = Origin::serve(site).await;
        let rig = Rig::start(Setup::at(origin.address)).await;
        rig.api.create("tv", settings).await;
        let session = rig.session("tv").await;
        let feed = rig.feed().await;
        Self { rig, origin, session, feed }
    }
}

#[tokio::test]
async fn a_head_says_nothing_of_a_body_that_would_be_edited() {
    let stage = Stage::with("").await;
    let mut wire = Wire::connect(stage.session).await;
    let described = ["content-length", "etag", "last-modified"];
    let head = wire.ask(&Ask::new("HEAD", "/master.m3u8")).await.head;
    assert!(described.iter().all(|name| head.value(name).is_some()), "nothing is asked of it: {head:?}");
    stage.rig.api.patch("tv", r#"{"content":{"strip_codecs":true}}"#).await;
    let head = wire.ask(&Ask::new("HEAD", "/master.m3u8")).await.head;
    assert!(described.iter().all(|name| head.value(name).is_none()), "{head:?}");
    let head = wire.ask(&Ask::new("HEAD", "/s100.ts")).await.head;
    assert_eq!(head.value("content-length"), Some("5"), "no playlist");
}

#[tokio::test]
async fn an_edit_is_there_on_the_next_fetch_and_gone_on_the_one_after_it() {
    let mut stage = Stage::with("").await;
    let mut wire = Wire::connect(stage.session).await;
    let ask = || Ask::get("/master.m3u8").with("Accept-Encoding", "gzip");
    let plain = wire.ask(&ask()).await;
    assert_eq!((plain.body, plain.head.value("etag")), (gzip(MASTER), Some(TAG)), "nothing is touched");
    assert_eq!(stage.feed.exchange("/master.m3u8").await.answer.edits, None);

    stage.rig.api.patch("tv", r#"{"content":{"strip_codecs":true}}"#).await;
    assert_eq!(stage.feed.action("content_change").await.kind.event(), "content_change");
    // The client has the playlist as it was, and would be told that it has not changed.
    stage.origin.take_asked();
    let edited = wire.ask(&ask().with("If-None-Match", TAG).with("Range", "bytes=0-9")).await;
    let asked = stage.origin.take_asked();
    let conditions = ["accept-encoding", "if-none-match", "range"].map(|name| asked[0].value(name));
    assert_eq!(conditions, [None; 3], "the whole playlist, as text");
    assert_eq!((edited.status, edited.text()), (200, STRIPPED));
    assert_eq!(edited.value("content-length"), Some(&*STRIPPED.len().to_string()));
    let described = ["content-encoding", "etag", "last-modified"].map(|name| edited.value(name));
    assert_eq!(described, [None; 3], "what described the origin's bytes");
    let row = stage.feed.exchange("/master.m3u8").await;
    assert_eq!(row.answer.edits, Some(Edits { changed: 2, unmet: Vec::new() }));
    assert_eq!((row.cause, row.fault), (None, None));

    stage.rig.api.patch("tv", r#"{"content":null}"#).await;
    stage.origin.take_asked();
    assert_eq!(wire.ask(&ask().with("If-None-Match", TAG)).await.status, 304, "nothing is touched again");
    assert_eq!(stage.origin.take_asked()[0].value("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn what_cannot_be_edited_is_in_each_row_and_said_once() {
    let mut stage = Stage::with(r#""content":{"allowed_variants":["none.m3u8"]}"#).await;
    let mut wire = Wire::connect(stage.session).await;
    for _ in 0..2 {
        assert_eq!(wire.ask(&Ask::get("/master.m3u8")).await.text(), MASTER);
        let edits = stage.feed.exchange("/master.m3u8").await.answer.edits.expect("edits");
        assert_eq!((edits.changed, edits.unmet[0].field.as_str()), (0, "allowed_variants"));
    }
    assert_eq!(wire.ask(&Ask::get("/zstd.m3u8")).await.text(), "not to be read");
    let answer = stage.feed.exchange("/zstd.m3u8").await.answer;
    let why = &answer.edits.as_ref().expect("edits").unmet[0].why;
    assert!(why.contains("playlist_unread"), "{answer:?}");
    assert!(answer.playlist_unread.is_some_and(|why| why.contains("unpack")));
    let mut said = Vec::new();
    for _ in 0..2 {
        let ActionKind::ContentUnmet { field, why } = stage.feed.action("content_unmet").await.kind else {
            panic!("another action")
        };
        said.push(UnmetEdit { field, why });
    }
    assert_eq!(said.iter().map(|unmet| unmet.field.as_str()).collect::<Vec<_>>(), ["allowed_variants", ""]);
}

#[tokio::test]
async fn another_ladder_is_an_action_with_both() {
    let mut stage = Stage::with("").await;
    let mut wire = Wire::connect(stage.session).await;
    let again = Ask::get("/master.m3u8");
    for ask in [again.clone(), again.clone(), again.with("X-Republished", "yes")] {
        wire.ask(&ask).await;
    }
    let ActionKind::ManifestChanged { old, new } = stage.feed.action("manifest_changed").await.kind else {
        panic!("another action")
    };
    let rates = |ladder: &[rebuffer_model::Variant]| ladder.iter().map(|v| v.bandwidth).collect::<Vec<_>>();
    assert_eq!((rates(&old), rates(&new)), (vec![400_000, 900_000], vec![500_000, 900_000]));
    assert_eq!(rates(&stage.rig.api.player("tv").await.ladder), [500_000, 900_000]);
}

#[tokio::test]
async fn a_rule_knows_where_a_segment_stands() {
    let cases = [
        (r#""media_sequence":{"from":101,"to":102}"#, [200, 404, 404, 200]),
        (r#""from_live_edge":{"to":0}"#, [200, 200, 200, 404]),
        (r#""index_in_play":{"from":1,"to":1}"#, [200, 404, 200, 200]),
        (r#""index_in_play":{"from":1},"from_live_edge":{"from":1}"#, [200, 404, 404, 200]),
    ];
    for (sequence, expected) in cases {
        let stage = Stage::with(&format!(
            r#""fault_rules":[{{"id":"bad","type":"404","mode":"requests","frequency":1,
                "filter":{{"sequence":{{{sequence}}}}}}}]"#
        ))
        .await;
        let mut wire = Wire::connect(stage.session).await;
        wire.ask(&Ask::get("/live.m3u8")).await;
        let mut statuses = Vec::new();
        for number in 100..104 {
            // Asked twice: a segment keeps its place.
            let target = format!("/s{number}.ts");
            let first = wire.ask(&Ask::get(&target)).await.status;
            assert_eq!(wire.ask(&Ask::get(&target)).await.status, first, "{sequence}: {target}");
            statuses.push(first);
        }
        assert_eq!(statuses, expected, "{sequence}");
    }
}

#[tokio::test]
async fn edits_out_of_bounds_are_refused_by_name() {
    let stage = Stage::with("").await;
    let revision = stage.rig.api.player("tv").await.control_revision;
    for (field, value) in [("bandwidth_pct", "-91"), ("live_offset", "3601"), ("colour", "1")] {
        let patch = format!(r#"{{"content":{{"{field}":{value}}}}}"#);
        let problem = refused(&stage.rig.api.try_patch("tv", &revision, &patch).await, 400);
        assert!(problem.pointer.is_some_and(|at| at.starts_with("/content")), "{}", problem.detail);
    }
    let record = stage.rig.api.patch("tv", r#"{"content":{"live_offset":6}}"#).await;
    assert_eq!(record.content.live_offset, 6);
}
