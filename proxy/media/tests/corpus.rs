//! Playlists as they are met in the field, through the public face of the crate.
//!
//! Invariant of the corpus: each file is a player's view of one stream at `/vod/` on `https://cdn.example`; what a test
//! expects is what a player would ask for next. Deliberately absent: a real service's playlists.

use bytes::Bytes;
use rebuffer_media::{ByteRange, Graph, Localised, Origin, Source, localise};
use rebuffer_model::RequestKind::{self, *};

const MASTER: &[u8] = include_bytes!("../../../tests/fixtures/hls/master.m3u8");
const LOW_LATENCY: &[u8] = include_bytes!("../../../tests/fixtures/hls/low-latency.m3u8");
const LOW_LATENCY_DELTA: &[u8] = include_bytes!("../../../tests/fixtures/hls/low-latency-delta.m3u8");
const BYTE_RANGES: &[u8] = include_bytes!("../../../tests/fixtures/hls/byte-ranges.m3u8");
const I_FRAMES: &[u8] = include_bytes!("../../../tests/fixtures/hls/i-frames.m3u8");
const SUBTITLES: &[u8] = include_bytes!("../../../tests/fixtures/hls/subtitles.m3u8");
const CRLF: &[u8] = include_bytes!("../../../tests/fixtures/hls/crlf-and-mark.m3u8");
const WEIRD: &[u8] = include_bytes!("../../../tests/fixtures/hls/weird.m3u8");

const HLS: Option<&str> = Some("application/vnd.apple.mpegurl");

fn graph() -> Graph {
    Graph::new([Origin::parse("https://cdn.example").expect("a literal URL")])
}

fn with_master() -> Graph {
    let mut graph = graph();
    assert_eq!(graph.absorb("/vod/master.m3u8?player_id=p1", HLS, MASTER).kind, MasterManifest);
    graph
}

/// Kind and rung of a declared URL.
#[track_caller]
fn declared(graph: &Graph, target: &str) -> (RequestKind, Option<u32>) {
    let classified = graph.classify(target, None);
    assert_eq!(classified.source, Source::Declared, "{target}");
    (classified.kind, classified.variant.map(|variant| variant.rung))
}

#[track_caller]
fn guessed(graph: &Graph, target: &str) -> RequestKind {
    let classified = graph.classify(target, None);
    assert_eq!((classified.source, classified.variant), (Source::Guessed, None), "{target}");
    classified.kind
}

#[test]
fn the_ladder_is_ordered_by_bandwidth_and_one_playlist_is_one_rung() {
    let graph = with_master();
    let ladder = graph.ladder().iter().map(|v| (v.rung, v.bandwidth, v.uri.as_str())).collect::<Vec<_>>();
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
    let rung = &graph.ladder()[2];
    assert_eq!(rung.average_bandwidth, Some(3_000_000));
    assert_eq!(rung.resolution.map(|r| r.to_string()).as_deref(), Some("1280x720"));
    assert_eq!(rung.codecs.as_deref(), Some("avc1.64001f,mp4a.40.2"));
}

#[test]
fn a_master_names_the_playlists_it_leads_to() {
    let graph = with_master();
    assert_eq!(declared(&graph, "/vod/master.m3u8?player_id=p1"), (MasterManifest, None));
    assert_eq!(declared(&graph, "/vod/master.m3u8"), (MasterManifest, None));
    assert_eq!(declared(&graph, "/vod/video/360/index.m3u8"), (Manifest, Some(1)));
    assert_eq!(declared(&graph, "/vod/video/360/index.m3u8?_HLS_msn=5&_HLS_part=1"), (Manifest, Some(1)));
    assert_eq!(declared(&graph, "/vod/video/1080/index.m3u8?token=abc"), (Manifest, Some(3)));
    assert_eq!(declared(&graph, "/vod/video/1080/index.m3u8?token=abc&CMCD=bl%3D1"), (Manifest, Some(3)));
    assert_eq!(declared(&graph, "/vod/video/1080/index.m3u8?token=renewed"), (Manifest, Some(3)));
    assert_eq!(declared(&graph, "/vod/video/360/iframes.m3u8"), (Manifest, None));
    assert_eq!(declared(&graph, "/vod/audio/en/index.m3u8"), (AudioManifest, None));
    assert_eq!(declared(&graph, "/vod/subs/en.m3u8?lang=en"), (SubtitleManifest, None));
    assert_eq!(declared(&graph, "/vod/keys/session.key"), (Key, None));
    assert_eq!(guessed(&graph, "/2160/index.m3u8"), Manifest);
}

#[test]
fn the_ladder_changes_only_when_it_does() {
    let mut graph = graph();
    let first = graph.absorb("/vod/master.m3u8", HLS, MASTER);
    assert!(first.ladder_changed);
    assert_eq!(first.foreign, ["other.example"]);
    assert!(!graph.absorb("/vod/master.m3u8", HLS, MASTER).ladder_changed);
    graph.absorb("/vod/video/360/index.m3u8", HLS, LOW_LATENCY);

    let smaller = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=3200000\nvideo/720/index.m3u8\n";
    assert!(graph.absorb("/vod/master.m3u8", HLS, smaller).ladder_changed);
    assert_eq!(declared(&graph, "/vod/video/720/index.m3u8"), (Manifest, Some(0)));
    assert_eq!(declared(&graph, "/vod/video/360/index.m3u8"), (Manifest, None));
    assert_eq!(declared(&graph, "/vod/video/360/100.m4s"), (Segment, None));
}

#[test]
fn segments_parts_hints_maps_and_keys_have_the_rung_of_their_playlist() {
    let mut graph = with_master();
    let absorbed = graph.absorb("/vod/video/720/index.m3u8?_HLS_msn=104&_HLS_part=0", HLS, LOW_LATENCY);
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
        assert_eq!(declared(&graph, &format!("/vod/video/720/{name}")), (kind, Some(2)), "{name}");
    }
    assert_eq!(guessed(&graph, "/vod/video/720/99.m4s"), Segment);
}

#[test]
fn the_same_playlist_in_an_audio_or_subtitle_rendition_is_audio_or_subtitles() {
    let mut graph = with_master();
    graph.absorb("/vod/audio/en/index.m3u8", HLS, LOW_LATENCY);
    assert_eq!(declared(&graph, "/vod/audio/en/100.m4s"), (AudioSegment, None));
    assert_eq!(declared(&graph, "/vod/audio/en/init.mp4"), (Init, None));
    assert_eq!(declared(&graph, "/vod/audio/en/102.0.m4s"), (Partial, None));
    graph.absorb("/vod/subs/en.m3u8?lang=en", HLS, SUBTITLES);
    assert_eq!(declared(&graph, "/vod/subs/en-1.vtt"), (SubtitleSegment, None));
    assert_eq!(declared(&graph, "/vod/subs/en-2.vtt?part=2"), (SubtitleSegment, None));
}

#[test]
fn ranges_of_one_file_are_told_apart() {
    let mut graph = with_master();
    graph.absorb("/vod/video/360/index.m3u8", HLS, BYTE_RANGES);
    graph.absorb("/vod/video/360/iframes.m3u8", HLS, I_FRAMES);
    let kind = |range: Option<&str>| {
        let classified = graph.classify("/vod/video/360/main.mp4", range.and_then(ByteRange::from_header));
        (classified.kind, classified.variant.map(|variant| variant.rung))
    };
    assert_eq!(kind(Some("bytes=0-799")), (Init, Some(1)));
    assert_eq!(kind(Some("bytes=800-50799")), (Segment, Some(1)));
    assert_eq!(kind(Some("bytes=0-800")), (Segment, Some(1)));
    assert_eq!(kind(None), (Segment, Some(1)));
    assert_eq!(declared(&graph, "/vod/video/360/only-frames.mp4"), (Segment, None));

    graph.absorb("/vod/video/720/index.m3u8", HLS, LOW_LATENCY);
    let part = ByteRange::from_header("bytes=1000-1499");
    assert_eq!(graph.classify("/vod/video/720/103.m4s", part).kind, Partial);
}

#[test]
fn a_delta_update_forgets_nothing_that_it_skips() {
    let mut graph = with_master();
    graph.absorb("/vod/video/720/index.m3u8", HLS, LOW_LATENCY);
    for _ in 0..5 {
        graph.absorb("/vod/video/720/index.m3u8?_HLS_msn=105&_HLS_skip=YES", HLS, LOW_LATENCY_DELTA);
    }
    for name in ["100.m4s", "102.m4s", "104.m4s", "init.mp4", "105.0.m4s"] {
        assert_eq!(declared(&graph, &format!("/vod/video/720/{name}")).1, Some(2), "{name}");
    }
}

#[test]
fn a_media_playlist_without_a_master_is_a_manifest_and_its_segments_are_known() {
    let mut graph = graph();
    assert_eq!(guessed(&graph, "/vod/index.m3u8"), Manifest);
    let absorbed = graph.absorb("/vod/index.m3u8", None, CRLF);
    assert_eq!((absorbed.kind, absorbed.variant, absorbed.ladder_changed), (Manifest, None, false));
    for target in [
        "/vod/a%20b.ts?x=1&y=%222%22",
        "/vod/a%20b.ts?x=1&y=\"2\"",
        "/vod/absolute.ts",
        "/vod/scheme-relative.ts",
        "/vod/last-line-without-an-end.ts",
    ] {
        assert_eq!(declared(&graph, target), (Segment, None), "{target}");
    }
}

#[test]
fn what_is_weird_is_passed_over() {
    let mut graph = graph();
    let absorbed = graph.absorb("/vod/a/weird.m3u8", HLS, WEIRD);
    assert_eq!(absorbed.foreign, ["cdn.example:99999", "[::1"]);
    assert_eq!(declared(&graph, "/up.ts").0, Segment);
    assert_eq!(declared(&graph, "/vod/a/seg%C3%A9%20%E2%82%AC.ts").0, Segment);
    assert_eq!(declared(&graph, "/vod/a/unquoted.mp4").0, Init);
    assert_eq!(guessed(&graph, "/vod/a/other.ts"), Segment);
}

#[test]
fn what_is_no_playlist_teaches_nothing() {
    let mut graph = with_master();
    let absorbed = graph.absorb("/vod/video/360/index.m3u8", Some("text/html"), b"<h1>404</h1>");
    assert_eq!((absorbed.kind, absorbed.variant), (Other, None));
    assert_eq!(declared(&graph, "/vod/video/360/index.m3u8"), (Manifest, Some(1)));
    for odd in ["", "*", "https://cdn.example/vod/master.m3u8", "no-slash"] {
        let before = graph.ladder().clone();
        graph.absorb(odd, HLS, b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n");
        assert_eq!(graph.ladder(), &before, "{odd}");
    }
}

#[test]
fn localising_leaves_only_foreign_hosts_absolute() {
    let origin = [Origin::parse("https://cdn.example/base/does/not/matter").unwrap()];
    let body = Bytes::from_static(MASTER);
    let Localised { body, changed, foreign } = localise(&body, &origin);
    let text = std::str::from_utf8(&body).unwrap();
    assert_eq!((changed, foreign), (2, vec!["other.example".to_owned()]));
    assert!(text.contains("\n/vod/video/1080/index.m3u8?token=abc\n"));
    assert!(text.contains("SERVER-URI=\"/steering.json\",PATHWAY-ID"));
    assert_eq!(localise(&body, &origin).body.as_ptr(), body.as_ptr(), "once is enough");

    let mut graph = graph();
    graph.absorb("/vod/master.m3u8", HLS, &body);
    assert_eq!(declared(&graph, "/vod/video/1080/index.m3u8?token=abc"), (Manifest, Some(3)));
}
