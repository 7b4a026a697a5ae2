//! Playlists as they are met in the field, through the public face of the crate.
//!
//! Invariant of the corpus: each file is a player's view of one stream at `/vod/` on `https://cdn.example`; what a test
//! expects is what a player would ask for next. Deliberately absent: a real service's playlists.

use rebuffer_media::Source;
use rebuffer_model::RequestKind::{self, *};

use crate::session::{FIRST, Session, rewritten};

const MASTER: &[u8] = include_bytes!("../../../../tests/fixtures/hls/master.m3u8");
const LOW_LATENCY: &[u8] = include_bytes!("../../../../tests/fixtures/hls/low-latency.m3u8");
const LOW_LATENCY_DELTA: &[u8] = include_bytes!("../../../../tests/fixtures/hls/low-latency-delta.m3u8");
const BYTE_RANGES: &[u8] = include_bytes!("../../../../tests/fixtures/hls/byte-ranges.m3u8");
const I_FRAMES: &[u8] = include_bytes!("../../../../tests/fixtures/hls/i-frames.m3u8");
const SUBTITLES: &[u8] = include_bytes!("../../../../tests/fixtures/hls/subtitles.m3u8");
const CRLF: &[u8] = include_bytes!("../../../../tests/fixtures/hls/crlf-and-mark.m3u8");
const WEIRD: &[u8] = include_bytes!("../../../../tests/fixtures/hls/weird.m3u8");

fn session() -> Session {
    Session::at(&["https://cdn.example"])
}

fn with_master() -> Session {
    let mut session = session();
    assert_eq!(session.fetch("/vod/master.m3u8?player_id=p1", MASTER).absorbed.kind, MasterManifest);
    session
}

/// Kind and rung of a declared URL.
#[track_caller]
fn declared(session: &Session, target: &str) -> (RequestKind, Option<u32>) {
    let classified = session.classify(target);
    assert_eq!(classified.source, Source::Declared, "{target}");
    (classified.kind, classified.variant.map(|variant| variant.rung))
}

#[track_caller]
fn guessed(session: &Session, target: &str) -> RequestKind {
    let classified = session.classify(target);
    assert_eq!((classified.source, classified.variant), (Source::Guessed, None), "{target}");
    classified.kind
}

#[test]
fn the_ladder_is_ordered_by_bandwidth_and_one_playlist_is_one_rung() {
    let session = with_master();
    let ladder =
        session.graph.ladder().iter().map(|v| (v.rung, v.bandwidth, v.uri.as_str())).collect::<Vec<_>>();
    assert_eq!(
        ladder,
        [
            (0, 128_000, "audio/en/index.m3u8"),
            (1, 800_000, "video/360/index.m3u8"),
            (2, 3_200_000, "video/720/index.m3u8"),
            (3, 8_000_000, "https://CDN.example:443/vod/video/1080/index.m3u8?token=abc"),
            (4, 12_000_000, "https://other.example/2160/index.m3u8"),
        ]
    );
    let rung = &session.graph.ladder()[2];
    assert_eq!(rung.average_bandwidth, Some(3_000_000));
    assert_eq!(rung.resolution.map(|r| r.to_string()).as_deref(), Some("1280x720"));
    assert_eq!(rung.codecs.as_deref(), Some("avc1.64001f,mp4a.40.2"));
}

#[test]
fn a_master_names_the_playlists_it_leads_to() {
    let session = with_master();
    assert_eq!(declared(&session, "/vod/master.m3u8?player_id=p1"), (MasterManifest, None));
    assert_eq!(declared(&session, "/vod/master.m3u8"), (MasterManifest, None));
    assert_eq!(declared(&session, "/vod/video/360/index.m3u8"), (Manifest, Some(1)));
    assert_eq!(declared(&session, "/vod/video/360/index.m3u8?_HLS_msn=5&_HLS_part=1"), (Manifest, Some(1)));
    assert_eq!(declared(&session, "/vod/video/1080/index.m3u8?token=abc"), (Manifest, Some(3)));
    assert_eq!(declared(&session, "/vod/video/1080/index.m3u8?token=abc&CMCD=bl%3D1"), (Manifest, Some(3)));
    assert_eq!(declared(&session, "/vod/video/1080/index.m3u8?token=renewed"), (Manifest, Some(3)));
    assert_eq!(declared(&session, "/vod/video/360/iframes.m3u8"), (Manifest, None));
    assert_eq!(declared(&session, "/vod/audio/en/index.m3u8"), (AudioManifest, None));
    assert_eq!(declared(&session, "/vod/subs/en.m3u8?lang=en"), (SubtitleManifest, None));
    assert_eq!(declared(&session, "/vod/keys/session.key"), (Key, None));
    assert_eq!(guessed(&session, "/2160/index.m3u8"), Manifest);
}

#[test]
fn the_ladder_changes_only_when_it_does() {
    let mut session = session();
    let first = session.fetch("/vod/master.m3u8", MASTER);
    assert!(first.absorbed.ladder.is_some());
    assert_eq!(first.foreign, ["https://other.example"]);
    assert!(session.fetch("/vod/master.m3u8", MASTER).absorbed.ladder.is_none());
    session.fetch("/vod/video/360/index.m3u8", LOW_LATENCY);

    let smaller = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=3200000\nvideo/720/index.m3u8\n";
    let changed = session.fetch("/vod/master.m3u8", smaller).absorbed.ladder;
    let before = changed.and_then(|change| change.replaced).map(|ladder| ladder.len());
    assert_eq!(before, Some(5));
    assert_eq!(declared(&session, "/vod/video/720/index.m3u8"), (Manifest, Some(0)));
    assert_eq!(declared(&session, "/vod/video/360/index.m3u8"), (Manifest, None));
    assert_eq!(declared(&session, "/vod/video/360/100.m4s"), (Segment, None));
}

#[test]
fn segments_parts_hints_maps_and_keys_have_the_rung_of_their_playlist() {
    let mut session = with_master();
    let absorbed = session.fetch("/vod/video/720/index.m3u8?_HLS_msn=104&_HLS_part=0", LOW_LATENCY).absorbed;
    assert_eq!((absorbed.kind, absorbed.variant.map(|v| v.rung)), (Manifest, Some(2)));
    for (name, kind) in [
        ("100.m4s", Segment),
        ("103.m4s", Segment),
        ("102.1.m4s", Partial),
        ("104.0.m4s", Partial),
        ("104.1.m4s", Partial),
        ("init.mp4", Init),
        ("next-init.mp4", Init),
        ("keys/1?id=7", Key),
        ("100.m4s?CMCD=br%3D3000", Segment),
    ] {
        assert_eq!(declared(&session, &format!("/vod/video/720/{name}")), (kind, Some(2)), "{name}");
    }
    assert_eq!(guessed(&session, "/vod/video/720/99.m4s"), Segment);
}

#[test]
fn the_same_playlist_in_an_audio_or_subtitle_rendition_is_audio_or_subtitles() {
    let mut session = with_master();
    session.fetch("/vod/audio/en/index.m3u8", LOW_LATENCY);
    assert_eq!(declared(&session, "/vod/audio/en/100.m4s"), (AudioSegment, None));
    assert_eq!(declared(&session, "/vod/audio/en/init.mp4"), (Init, None));
    assert_eq!(declared(&session, "/vod/audio/en/102.0.m4s"), (Partial, None));
    session.fetch("/vod/subs/en.m3u8?lang=en", SUBTITLES);
    assert_eq!(declared(&session, "/vod/subs/en-1.vtt"), (SubtitleSegment, None));
    assert_eq!(declared(&session, "/vod/subs/en-2.vtt?part=2"), (SubtitleSegment, None));
}

#[test]
fn ranges_of_one_file_are_told_apart() {
    let mut session = with_master();
    session.fetch("/vod/video/360/index.m3u8", BYTE_RANGES);
    session.fetch("/vod/video/360/iframes.m3u8", I_FRAMES);
    let kind = |range: Option<&str>| {
        let classified = session.classify_range("/vod/video/360/main.mp4", range);
        (classified.kind, classified.variant.map(|variant| variant.rung))
    };
    assert_eq!(kind(Some("bytes=0-799")), (Init, Some(1)));
    assert_eq!(kind(Some("bytes=800-50799")), (Segment, Some(1)));
    assert_eq!(kind(Some("bytes=0-800")), (Segment, Some(1)));
    assert_eq!(kind(Some("bytes=0-")), (Segment, Some(1)));
    assert_eq!(kind(None), (Segment, Some(1)));
    assert_eq!(declared(&session, "/vod/video/360/only-frames.mp4"), (Segment, None));

    session.fetch("/vod/video/720/index.m3u8", LOW_LATENCY);
    let part = session.classify_range("/vod/video/720/103.m4s", Some("bytes=1000-1499"));
    assert_eq!(part.kind, Partial);
}

#[test]
fn a_delta_update_forgets_nothing_that_it_skips() {
    let mut session = with_master();
    session.fetch("/vod/video/720/index.m3u8", LOW_LATENCY);
    for _ in 0..5 {
        session.fetch("/vod/video/720/index.m3u8?_HLS_msn=105&_HLS_skip=YES", LOW_LATENCY_DELTA);
    }
    for name in ["100.m4s", "102.m4s", "104.m4s", "init.mp4", "105.0.m4s"] {
        assert_eq!(declared(&session, &format!("/vod/video/720/{name}")).1, Some(2), "{name}");
    }
}

#[test]
fn a_media_playlist_without_a_master_is_a_manifest_and_its_segments_are_known() {
    let mut session = session();
    assert_eq!(guessed(&session, "/vod/index.m3u8"), Manifest);
    let absorbed = session.fetch("/vod/index.m3u8", CRLF).absorbed;
    assert_eq!((absorbed.kind, absorbed.variant, absorbed.ladder), (Manifest, None, None));
    for target in [
        "/vod/a%20b.ts?x=1&y=%222%22",
        "/vod/a%20b.ts?x=1&y=\"2\"",
        "/vod/absolute.ts",
        "/vod/scheme-relative.ts",
        "/vod/last-line-without-an-end.ts",
    ] {
        assert_eq!(declared(&session, target), (Segment, None), "{target}");
    }
}

#[test]
fn what_is_weird_is_passed_over() {
    let mut session = session();
    let read = session.fetch("/vod/a/weird.m3u8", WEIRD);
    assert_eq!(read.foreign, ["[::1", "cdn.example:99999"]);
    assert_eq!(declared(&session, "/up.ts").0, Segment);
    assert_eq!(declared(&session, "/vod/a/seg%C3%A9%20%E2%82%AC.ts").0, Segment);
    assert_eq!(declared(&session, "/vod/a/unquoted.mp4").0, Init);
    assert_eq!(guessed(&session, "/vod/a/other.ts"), Segment);
}

#[test]
fn what_is_no_playlist_teaches_nothing() {
    let mut session = with_master();
    let nothing = session.fetch_at(FIRST, "/vod/video/360/index.m3u8", b"<h1>404</h1>", None);
    assert!(nothing.is_ok_and(|read| read.is_none()));
    assert_eq!(declared(&session, "/vod/video/360/index.m3u8"), (Manifest, Some(1)));
    for odd in ["", "*", "https://cdn.example/vod/master.m3u8", "no-slash"] {
        let before = session.graph.ladder().clone();
        session.fetch(odd, b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n");
        assert_eq!(session.graph.ladder(), &before, "{odd}");
    }
}

#[test]
fn localising_leaves_only_foreign_hosts_absolute() {
    let read = rewritten(&["https://cdn.example/base/does/not/matter"], MASTER);
    let text = std::str::from_utf8(&read.body).unwrap();
    assert_eq!((read.changed, read.foreign), (2, vec!["https://other.example".to_owned()]));
    assert!(text.contains("\n/vod/video/1080/index.m3u8?token=abc\n"));
    assert!(text.contains("SERVER-URI=\"/steering.json\",PATHWAY-ID"));
    assert_eq!(rewritten(&["https://cdn.example"], &read.body).changed, 0, "once is enough");

    let mut session = session();
    session.fetch("/vod/master.m3u8", &read.body);
    assert_eq!(declared(&session, "/vod/video/1080/index.m3u8?token=abc"), (Manifest, Some(3)));
}
