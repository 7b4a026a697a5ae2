//! Low-latency playlists at pinned moments; what holds at every moment is in `tests/conformance.rs`.

use super::*;
use crate::ladder::TRACKS;

fn at(track: &str, now: u64, delta: bool) -> String {
    let track = TRACKS.iter().find(|other| other.name == track).unwrap();
    media(&TRACKS, track, UnixMillis(now), delta)
}

fn lines(text: &str, range: impl std::slice::SliceIndex<[String], Output = [String]>) -> Vec<String> {
    text.lines().map(str::to_owned).collect::<Vec<_>>()[range].to_vec()
}

#[test]
fn the_head_says_what_the_server_can_do() {
    let text = at("v0", 1_764_000_001_300, false);
    assert_eq!(
        lines(&text, ..11),
        [
            "#EXTM3U",
            "#EXT-X-VERSION:9",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            "#EXT-X-TARGETDURATION:2",
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,CAN-SKIP-DATERANGES=YES,\
             HOLD-BACK=6.0,PART-HOLD-BACK=1.23",
            "#EXT-X-PART-INF:PART-TARGET=0.41",
            "#EXT-X-MEDIA-SEQUENCE:881999985",
            "#EXT-X-MAP:URI=\"init.mp4\"",
            "#EXT-X-PROGRAM-DATE-TIME:2025-11-24T15:59:30.000Z",
            "#EXTINF:2.000000,",
            "881999985.m4s",
        ]
    );
}

#[test]
fn the_segment_in_progress_ends_with_its_last_complete_part_and_the_hint_of_the_next() {
    let text = at("v0", 1_764_000_001_300, false);
    let tail = text.split_once("881999998.m4s\n").unwrap().1;
    assert_eq!(
        lines(tail, ..13),
        [
            "#EXT-X-PROGRAM-DATE-TIME:2025-11-24T15:59:58.000Z",
            "#EXT-X-PART:DURATION=0.400000,URI=\"881999999.0.m4s\",INDEPENDENT=YES",
            "#EXT-X-PART:DURATION=0.400000,URI=\"881999999.1.m4s\"",
            "#EXT-X-PART:DURATION=0.400000,URI=\"881999999.2.m4s\"",
            "#EXT-X-PART:DURATION=0.400000,URI=\"881999999.3.m4s\"",
            "#EXT-X-PART:DURATION=0.400000,URI=\"881999999.4.m4s\"",
            "#EXTINF:2.000000,",
            "881999999.m4s",
            "#EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:00.000Z",
            "#EXT-X-PART:DURATION=0.400000,URI=\"882000000.0.m4s\",INDEPENDENT=YES",
            "#EXT-X-PART:DURATION=0.400000,URI=\"882000000.1.m4s\"",
            "#EXT-X-PART:DURATION=0.400000,URI=\"882000000.2.m4s\"",
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"882000000.3.m4s\"",
        ]
    );
}

#[test]
fn each_other_rendition_is_reported_at_the_same_part() {
    let text = at("v3", 1_764_000_001_300, false);
    let reports = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-RENDITION-REPORT:"));
    let expected = ["v0", "v1", "v2", "v4", "v5", "a1"]
        .map(|other| format!("URI=\"../{other}/index.m3u8\",LAST-MSN=882000000,LAST-PART=2"));
    assert_eq!(reports.collect::<Vec<_>>(), expected);
}

#[test]
fn with_its_last_part_a_segment_is_whole_and_the_next_one_is_hinted() {
    for track in ["v0", "a1"] {
        let text = at(track, 1_764_000_002_000, false);
        let tail = text.split_once("URI=\"882000000.4.m4s\"").unwrap().1;
        let tail: Vec<_> = tail.lines().skip(1).collect();
        assert!(tail[0].starts_with("#EXTINF:2.00"), "{track}");
        assert_eq!(tail[1..3], ["882000000.m4s", "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"882000001.0.m4s\""]);
        assert!(tail[3].ends_with("LAST-MSN=882000000,LAST-PART=4"), "{track}");
    }
}

#[test]
fn every_part_of_audio_is_independent_and_as_long_as_its_frames() {
    let text = at("a1", 1_764_000_002_000, false);
    let parts = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-PART:")).rev().take(5);
    let expected = [
        "DURATION=0.405333,URI=\"882000000.4.m4s\",INDEPENDENT=YES",
        "DURATION=0.384000,URI=\"882000000.3.m4s\",INDEPENDENT=YES",
        "DURATION=0.405333,URI=\"882000000.2.m4s\",INDEPENDENT=YES",
        "DURATION=0.405333,URI=\"882000000.1.m4s\",INDEPENDENT=YES",
        "DURATION=0.405333,URI=\"882000000.0.m4s\",INDEPENDENT=YES",
    ];
    assert_eq!(parts.collect::<Vec<_>>(), expected);
}

#[test]
fn a_delta_update_replaces_what_lies_beyond_the_skip_boundary() {
    for track in ["v5", "a1"] {
        let (full, delta) = (at(track, 1_764_000_001_300, false), at(track, 1_764_000_001_300, true));
        let (head, rest) = full.split_once("#EXT-X-MAP:URI=\"init.mp4\"\n").unwrap();
        // Seven segments, 14 s, stay: the eighth from the end ends 14 s before it, which is more than 12 s.
        let (skipped, kept) = rest.split_once("881999992.m4s\n").unwrap();
        assert_eq!(skipped.matches("#EXTINF").count(), 8);
        assert_eq!(delta, format!("{head}#EXT-X-SKIP:SKIPPED-SEGMENTS=8\n{kept}"), "{track}");
    }
}

#[test]
fn a_stream_too_young_to_skip_anything_answers_in_full() {
    assert_eq!(at("v0", 13_999, true), at("v0", 13_999, false));
    assert!(at("v0", 16_000, true).contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n"));
}

#[test]
fn before_the_first_part_there_is_a_hint_alone() {
    let text = at("v0", 0, false);
    assert!(text.ends_with("#EXT-X-MAP:URI=\"init.mp4\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"0.0.m4s\"\n"));
}
