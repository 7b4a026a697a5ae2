//! What a graph remembers and forgets, over many versions and many playlists.

use std::fmt::Write;

use rebuffer_model::RequestKind;

use super::playlists::{MAX_PLAYLIST_WEIGHT, MAX_WEIGHT};
use super::*;
use crate::ByteRange;
use crate::hls::MAX_ENTRIES;

fn graph() -> Graph {
    Graph::new([Origin::parse("http://cdn.example").unwrap()])
}

/// A playlist passes.
fn absorb(graph: &mut Graph, target: &str, body: &[u8]) -> Absorbed {
    absorb_at(graph, target, body, None)
}

fn absorb_at(graph: &mut Graph, target: &str, body: &[u8], now: Option<Timestamp>) -> Absorbed {
    let body = bytes::Bytes::copy_from_slice(body);
    let expected = classify(graph, target).expected;
    let playlist = Playlist::read(&body, expected).unwrap().expect("a playlist");
    let at = Address { origin: OriginId::FIRST, target: target.to_owned() };
    let context = graph.context(&at, &playlist);
    graph.absorb(&playlist, &context, now)
}

fn classify(graph: &Graph, target: &str) -> Classified {
    graph.classify(Request::of(OriginId::FIRST, target))
}

#[test]
fn a_graph_may_be_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Graph>();
}

/// A live playlist of ten segments that begins at `first`; `query` is added to each URL.
fn live(first: u64, query: &str) -> String {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    for number in first..first + 10 {
        writeln!(text, "#EXTINF:2,\n{number}.m4s{query}").unwrap();
    }
    text
}

fn weight(graph: &Graph) -> usize {
    graph.shelf.total_weight()
}

fn is_known(graph: &Graph, target: &str) -> bool {
    classify(graph, target).source == Source::Declared
}

#[test]
fn a_rolling_playlist_stays_known_for_as_many_segments_again_as_it_lists() {
    let mut graph = graph();
    for first in 0..=100 {
        absorb(&mut graph, "/live.m3u8", live(first, "").as_bytes());
    }
    assert!(is_known(&graph, "/109.m4s"));
    assert!(is_known(&graph, "/90.m4s"));
    assert!(!is_known(&graph, "/89.m4s"));
    assert_eq!(classify(&graph, "/89.m4s").kind, RequestKind::Segment, "by its extension");
}

#[test]
fn two_versions_stay_known_even_if_the_numbers_jump() {
    let mut graph = graph();
    for first in [5_000, 0] {
        absorb(&mut graph, "/live.m3u8", live(first, "").as_bytes());
    }
    absorb(&mut graph, "/live.m3u8", live(100_000, "").as_bytes());
    assert!(is_known(&graph, "/9.m4s"), "of the version before");
    assert!(!is_known(&graph, "/5009.m4s"));
}

#[test]
fn hours_of_live_need_no_more_memory_than_a_minute() {
    let mut graph = graph();
    let mut after_a_minute = 0;
    for version in 0..4_000 {
        let renewed = format!("?token={version:08}");
        absorb(&mut graph, &format!("/live.m3u8{renewed}"), live(100_000 + version, &renewed).as_bytes());
        if version == 30 {
            after_a_minute = weight(&graph);
        }
    }
    assert_eq!(weight(&graph), after_a_minute);
    assert_eq!(graph.playlists.len(), 1, "a renewed token is no new playlist");
    assert_eq!(classify(&graph, "/104008.m4s?token=again").source, Source::Declared);
}

#[test]
fn resources_of_endless_delta_updates_are_bounded() {
    let mut graph = graph();
    for version in 0..3_000_u32 {
        let key = "k".repeat(2_000);
        let text = format!(
            "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{version}\n#EXT-X-SKIP:SKIPPED-SEGMENTS=5\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"{key}{version}\"\n#EXTINF:2,\n{version}.m4s\n"
        );
        absorb(&mut graph, "/live.m3u8", text.as_bytes());
        assert!(weight(&graph) <= MAX_PLAYLIST_WEIGHT, "{version}");
    }
    assert!(is_known(&graph, "/2999.m4s"));
}

/// A playlist of so many segments of 2 s, whose names have 250 characters.
fn long_vod(name: &str, segments: usize) -> String {
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n".to_owned();
    let query = "q".repeat(250);
    for number in 0..segments {
        writeln!(text, "#EXTINF:2,\n{name}{number}.ts?{query}").unwrap();
    }
    text
}

#[test]
fn of_a_huge_playlist_the_end_is_known() {
    let mut graph = graph();
    let mut text = "#EXTM3U\n".to_owned();
    for number in 0..MAX_ENTRIES + 100 {
        writeln!(text, "#EXTINF:2,\n{number}.ts").unwrap();
    }
    absorb(&mut graph, "/event.m3u8", text.as_bytes());
    assert!(is_known(&graph, &format!("/{}.ts", MAX_ENTRIES + 99)));
    assert!(!is_known(&graph, "/0.ts"));
    assert!(weight(&graph) <= MAX_PLAYLIST_WEIGHT);
}

#[test]
fn a_day_and_a_film_of_eight_renditions_are_known_whole() {
    let mut graph = graph();
    absorb(&mut graph, "/day.m3u8", long_vod("d", 43_200).as_bytes());
    assert!(is_known(&graph, &format!("/d0.ts?{}", "q".repeat(250))) && is_known(&graph, "/d43199.ts"));

    let mut graph = super::Graph::default();
    graph.add_origin(Origin::parse("http://cdn.example").unwrap());
    for rendition in 0..8 {
        absorb(
            &mut graph,
            &format!("/{rendition}.m3u8"),
            long_vod(&format!("r{rendition}-"), 5_400).as_bytes(),
        );
    }
    for (rendition, number) in [(0, 0), (0, 5_399), (3, 2_700), (7, 5_399)] {
        assert!(is_known(&graph, &format!("/r{rendition}-{number}.ts?renewed=1")), "{rendition} {number}");
    }
    assert!(weight(&graph) < MAX_WEIGHT / 4, "{}", weight(&graph));
}

#[test]
fn the_playlist_unseen_for_longest_makes_way() {
    let mut graph = graph();
    for list in 0..8 {
        absorb(&mut graph, &format!("/{list}.m3u8"), long_vod(&format!("s{list}-"), 50_000).as_bytes());
    }
    assert!(weight(&graph) <= MAX_WEIGHT);
    assert!(is_known(&graph, "/s7-0.ts"));
    assert!(!is_known(&graph, "/s0-49999.ts"));
    assert!(is_known(&graph, "/0.m3u8"), "the playlist itself is still known");
    assert!(!classify(&graph, "/0.m3u8").is_read && classify(&graph, "/7.m3u8").is_read);
}

#[test]
fn playlists_beyond_the_bound_make_way_and_take_what_they_declared_with_them() {
    let mut graph = graph();
    for list in 0..300 {
        let text = format!("#EXTM3U\n#EXTINF:2,\n{list}.ts\n");
        absorb(&mut graph, &format!("/{list}.m3u8"), text.as_bytes());
    }
    assert_eq!(graph.playlists.len(), 256);
    assert!(!is_known(&graph, "/0.m3u8") && !is_known(&graph, "/0.ts"));
    assert!(is_known(&graph, "/299.m3u8") && is_known(&graph, "/299.ts"));

    let mut huge = "#EXTM3U\n".to_owned();
    for rung in 0..400 {
        writeln!(huge, "#EXT-X-STREAM-INF:BANDWIDTH={rung}\nv{rung}.m3u8").unwrap();
    }
    let absorbed = absorb(&mut graph, "/master.m3u8", huge.as_bytes());
    assert_eq!((absorbed.kind, graph.ladder().len()), (RequestKind::MasterManifest, 128));
    assert_eq!(graph.playlists.len(), 256);
    assert_eq!(classify(&graph, "/master.m3u8").kind, RequestKind::MasterManifest);
    let known = (0..400).filter(|rung| is_known(&graph, &format!("/v{rung}.m3u8"))).collect::<Vec<_>>();
    assert_eq!(known, (0..128).collect::<Vec<_>>(), "rungs beyond the ladder's bound are not declared");

    let mut renditions = "#EXTM3U\n".to_owned();
    for number in 0..400 {
        writeln!(renditions, "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a{number}.m3u8\"").unwrap();
    }
    graph.begin_at(OriginId::FIRST, "/renditions.m3u8");
    absorb(&mut graph, "/renditions.m3u8", renditions.as_bytes());
    assert_eq!(classify(&graph, "/renditions.m3u8").kind, RequestKind::MasterManifest);
    let known = (0..400).filter(|number| is_known(&graph, &format!("/a{number}.m3u8"))).collect::<Vec<_>>();
    assert_eq!(known, (0..255).collect::<Vec<_>>(), "what is needed now does not make way");
}

#[test]
fn a_query_that_nobody_declared_does_not_hide_a_segment() {
    let mut graph = graph();
    absorb(&mut graph, "/live.m3u8", live(0, "").as_bytes());
    assert!(is_known(&graph, "/3.m4s?signature=abc"));
    assert!(is_known(&graph, "/live.m3u8?session=1"));
}

#[test]
fn parts_are_forgotten_sooner_than_segments() {
    let mut graph = graph();
    for last in 100..120 {
        let mut text = live(last - 9, "");
        for part in 0..3 {
            writeln!(text, "#EXT-X-PART:DURATION=1,URI=\"{}.{part}.m4s\"", last + 1).unwrap();
        }
        absorb(&mut graph, "/live.m3u8", text.as_bytes());
    }
    assert!(is_known(&graph, "/119.0.m4s") && is_known(&graph, "/120.2.m4s"));
    assert!(!is_known(&graph, "/110.0.m4s"));
    assert!(is_known(&graph, "/110.m4s"));
}

#[test]
fn one_script_that_serves_everything_is_told_apart_by_query() {
    let mut graph = graph();
    absorb(&mut graph, "/get?f=master", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n?f=low\n");
    absorb(&mut graph, "/get?f=low", b"#EXTM3U\n#EXT-X-MAP:URI=\"?f=init\"\n#EXTINF:2,\n?f=1\n");
    let kind = |target| classify(&graph, target).kind;
    assert_eq!(kind("/get?f=master"), RequestKind::MasterManifest);
    assert_eq!(kind("/get?f=low&_HLS_msn=3"), RequestKind::Manifest);
    assert_eq!(kind("/get?f=init"), RequestKind::Init);
    assert_eq!(kind("/get?f=1&CMCD=a"), RequestKind::Segment);
    assert_eq!(kind("/get?f=unknown"), RequestKind::Other);
}

#[test]
fn what_a_playlist_shares_with_a_later_one_is_the_later_ones() {
    let mut graph = graph();
    let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb.m3u8\n";
    absorb(&mut graph, "/master.m3u8", master.as_bytes());
    let rung = |graph: &Graph| classify(graph, "/0.m4s").variant.map(|variant| variant.rung);
    absorb(&mut graph, "/a.m3u8", live(0, "").as_bytes());
    assert_eq!(rung(&graph), Some(0));
    absorb(&mut graph, "/b.m3u8", live(0, "").as_bytes());
    assert_eq!(rung(&graph), Some(1));
}

#[test]
fn a_segment_knows_its_number_and_how_far_it_is_from_the_edge() {
    let mut graph = graph();
    absorb(&mut graph, "/live.m3u8", live(100, "").as_bytes());
    let place = |graph: &Graph, target| {
        let place = classify(graph, target).place;
        (place.media_sequence, place.from_live_edge, place.hinted)
    };
    assert_eq!(place(&graph, "/109.m4s"), (Some(109), Some(0), false));
    assert_eq!(place(&graph, "/100.m4s?CMCD=a"), (Some(100), Some(9), false));
    assert_eq!(place(&graph, "/live.m3u8"), (None, None, false));
    assert_eq!(place(&graph, "/elsewhere.m4s"), (None, None, false));

    let mut newer = live(103, "");
    newer.push_str("#EXT-X-MAP:URI=\"i.mp4\"\n#EXT-X-PART:DURATION=1,URI=\"113.0\"\n");
    newer.push_str("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"113.1\"\n");
    absorb(&mut graph, "/live.m3u8", newer.as_bytes());
    assert_eq!(place(&graph, "/109.m4s"), (Some(109), Some(3), false));
    assert_eq!(place(&graph, "/100.m4s"), (Some(100), Some(12), false), "of the version before");
    assert_eq!(place(&graph, "/113.0"), (Some(113), Some(0), false));
    assert_eq!(place(&graph, "/113.1"), (Some(113), Some(0), true));
    assert_eq!(place(&graph, "/i.mp4"), (None, None, false));

    newer.push_str("#EXT-X-PART:DURATION=1,URI=\"113.1\"\n");
    absorb(&mut graph, "/live.m3u8", newer.as_bytes());
    assert_eq!(place(&graph, "/113.1"), (Some(113), Some(0), false), "listed as well");
}

#[test]
fn segments_in_one_file_have_numbers_of_their_own() {
    let text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"100@0\"\n\
                #EXT-X-BYTERANGE:50@100\n#EXTINF:4,\na.mp4\n#EXT-X-BYTERANGE:50\n#EXTINF:4,\na.mp4\n\
                #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"a.mp4\",BYTERANGE-START=200\n#EXT-X-ENDLIST\n";
    let mut graph = graph();
    absorb(&mut graph, "/vod.m3u8", text.as_bytes());
    let asked = |range| {
        let range = ByteRange::from_header(range);
        let classified = graph.classify(Request { range, ..Request::of(OriginId::FIRST, "/a.mp4") });
        (classified.kind, classified.place.media_sequence, classified.place.hinted)
    };
    assert_eq!(asked("bytes=0-99"), (RequestKind::Init, None, false));
    assert_eq!(asked("bytes=100-149"), (RequestKind::Segment, Some(7), false));
    assert_eq!(asked("bytes=150-199"), (RequestKind::Segment, Some(8), false));
    assert_eq!(asked("bytes=200-"), (RequestKind::Partial, Some(9), true));
}

#[test]
fn segments_are_counted_as_a_play_asks_for_them() {
    let mut graph = graph();
    absorb(&mut graph, "/live.m3u8", live(100, "").as_bytes());
    let mut index = |play, target| graph.ask(play, Request::of(OriginId::FIRST, target)).1;
    assert_eq!(index("p", "/live.m3u8"), None);
    assert_eq!(
        [index("p", "/105.m4s"), index("p", "/106.m4s"), index("p", "/105.m4s")],
        [Some(0), Some(1), Some(0)]
    );
    assert_eq!(index("q", "/106.m4s"), Some(0));
}

#[test]
fn variables_are_known_in_the_master_and_in_its_playlists() {
    let mut graph = graph();
    let master =
        "#EXTM3U\n#EXT-X-DEFINE:NAME=\"d\",VALUE=\"deep/er\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{$d}/a.m3u8\n";
    absorb(&mut graph, "/master.m3u8", master.as_bytes());
    assert_eq!(classify(&graph, "/deep/er/a.m3u8").variant.map(|it| it.rung), Some(0));
    let media =
        "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"d\"\n#EXT-X-DEFINE:QUERYPARAM=\"t\"\n#EXTINF:4,\n{$d}/1.ts?t={$t}\n";
    absorb(&mut graph, "/deep/er/a.m3u8?t=5", media.as_bytes());
    assert!(is_known(&graph, "/deep/er/deep/er/1.ts?t=5"));
}

#[test]
fn a_report_tells_of_a_sibling() {
    let mut graph = graph();
    let text =
        format!("{}#EXT-X-RENDITION-REPORT:URI=\"../b/live.m3u8\",LAST-MSN=9,LAST-PART=2\n", live(0, ""));
    absorb(&mut graph, "/a/live.m3u8", text.as_bytes());
    assert_eq!(classify(&graph, "/b/live.m3u8?_HLS_msn=9").source, Source::Declared);
}

/// An MPD of one representation whose segments are listed one by one.
fn listed(prefix: &str, segments: usize) -> String {
    let mut text = "<MPD><Period><AdaptationSet mimeType='video/mp4'><Representation id='1' bandwidth='1'>\
                    <SegmentList>"
        .to_owned();
    for number in 0..segments {
        write!(text, "<SegmentURL media='{prefix}{number}.m4s'/>").unwrap();
    }
    text + "</SegmentList></Representation></AdaptationSet></Period></MPD>"
}

#[test]
fn presentations_need_no_more_memory_than_they_may() {
    let mut graph = graph();
    for number in 0..60 {
        absorb(&mut graph, &format!("/{number}.mpd"), listed(&format!("{number}-"), 5_000).as_bytes());
        assert!(graph.playlists.versions_weight() <= MAX_WEIGHT, "{number}");
    }
    assert!(is_known(&graph, "/59-4999.m4s"));
    assert!(is_known(&graph, "/0-4999.m4s"), "the primary presentation makes way last");
    assert!(!is_known(&graph, "/1-4999.m4s"));
}

#[test]
fn an_mpd_that_moves_with_every_version_is_one_presentation() {
    let mut graph = graph();
    for version in 0..1_000 {
        let text =
            listed("s", 3).replace("<MPD>", &format!("<MPD><Location>/{}.mpd</Location>", version + 1));
        absorb(&mut graph, &format!("/{version}.mpd"), text.as_bytes());
    }
    assert_eq!(graph.playlists.len(), 1);
    assert!(is_known(&graph, "/1000.mpd") && !is_known(&graph, "/3.mpd"));
    assert!(graph.shelf.len() <= 20);
}
