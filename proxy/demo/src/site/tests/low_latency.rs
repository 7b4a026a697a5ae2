//! Parts, segments in progress, and what has to wait.

use super::*;
use crate::timeline::PARTS_PER_SEGMENT;

/// The first three parts of segment 882,000,000 are complete.
const NOW: u64 = 1_764_000_001_300;
const IN_PROGRESS: u64 = 882_000_000;

fn answer(site: &Site, path: &str, query: &str, now: u64) -> Result<Answer, Refusal> {
    site.find(path, query, UnixMillis(now))
}

fn later(site: &Site, path: &str, query: &str, now: u64) -> u64 {
    match answer(site, path, query, now).unwrap() {
        Answer::Later(moment) => moment.0,
        Answer::Now(_) => panic!("{path}?{query} is there at {now}"),
    }
}

#[test]
fn the_master_is_that_of_the_live_form() {
    let site = Site::new();
    assert_eq!(text(&site, "/ll/master.m3u8", NOW), text(&site, "/live/master.m3u8", NOW));
}

#[test]
fn everything_a_playlist_names_can_be_had_and_what_it_hints_comes_next() {
    let site = Site::new();
    for track in ["v0", "v5", "a1"] {
        let playlist = text(&site, &format!("/ll/{track}/index.m3u8"), NOW);
        let uris = playlist.lines().filter_map(|line| {
            if line.starts_with("#EXT-X-PART:") {
                line.split('"').nth(1)
            } else {
                (!line.starts_with('#')).then_some(line)
            }
        });
        for file in uris.chain(["init.mp4"]) {
            find(&site, &format!("/ll/{track}/{file}"), NOW).unwrap();
        }
        let hint = playlist.lines().find_map(|line| line.strip_prefix("#EXT-X-PRELOAD-HINT:"));
        let hint = format!("/ll/{track}/{}", hint.unwrap().split('"').nth(1).unwrap());
        let moment = later(&site, &hint, "", NOW);
        assert_eq!(moment, 1_764_000_001_600);
        assert!(matches!(answer(&site, &hint, "", moment - 1), Ok(Answer::Later(_))));
        find(&site, &hint, moment).unwrap();
    }
}

#[test]
fn a_whole_segment_is_its_parts_one_after_the_other() {
    let site = Site::new();
    for track in ["v1", "a1"] {
        let parts: Vec<_> = (0..PARTS_PER_SEGMENT)
            .flat_map(|index| bytes(find(&site, &format!("/ll/{track}/881999999.{index}.m4s"), NOW).unwrap()))
            .collect();
        assert!(bytes(find(&site, &format!("/ll/{track}/881999999.m4s"), NOW).unwrap()) == parts, "{track}");
    }
}

#[test]
fn a_segment_in_progress_grows_to_what_it_will_be() {
    let site = Site::new();
    let path = format!("/ll/v2/{IN_PROGRESS}.m4s");
    let whole = find(&site, &path, NOW + 2000).unwrap();
    let Answer::Now(growing) = answer(&site, &path, "", NOW).unwrap() else { panic!("nothing yet") };
    assert_eq!(growing.etag, whole.etag);
    assert_eq!(growing.content_type, "video/mp4");
    let Content::Growing(pieces) = growing.content else { panic!("complete already") };
    let moments: Vec<_> = pieces.iter().map(|(moment, _)| moment.0 - 1_764_000_000_000).collect();
    assert_eq!(moments, [400, 800, 1200, 1600, 2000]);
    assert!(pieces.iter().flat_map(|(_, piece)| piece.to_vec()).collect::<Vec<_>>() == bytes(whole));
}

#[test]
fn a_segment_is_there_from_its_first_part_on_and_is_waited_for_as_long_as_that_takes() {
    let site = Site::new();
    let path = format!("/ll/a1/{IN_PROGRESS}.m4s");
    let start = 1_764_000_000_000;
    assert_eq!(later(&site, &path, "", start), start + 400);
    assert_eq!(later(&site, &path, "", start + 399), start + 400);
    assert!(matches!(answer(&site, &path, "", start + 400), Ok(Answer::Now(_))));
    // It may be asked for while the one before it is in progress.
    assert_eq!(later(&site, &path, "", start - 1), start + 400);
    assert_eq!(later(&site, &path, "", start - 2000), start + 400);
    let refused = answer(&site, &path, "", start - 2001).unwrap_err();
    assert_eq!(refused, Refusal::Segment { number: IN_PROGRESS, available: 881_999_967..881_999_998 });
}

#[test]
fn a_live_segment_asked_for_a_little_too_early_is_waited_for() {
    let site = Site::new();
    for path in [format!("/live/v0/{IN_PROGRESS}.m4s"), "/live/v0/t158760000000000.m4s".to_owned()] {
        let end = 1_764_000_002_000;
        assert_eq!(later(&site, &path, "", end - 400), end);
        assert!(answer(&site, &path, "", end - 401).is_err());
        find(&site, &path, end).unwrap();
    }
}

#[test]
fn parts_outside_the_window_are_missing_and_say_so() {
    let site = Site::new();
    let next = Part::new(IN_PROGRESS, 3).unwrap();
    for (number, index) in [(IN_PROGRESS, 4), (IN_PROGRESS + 1, 0), (881_999_968, 4), (0, 0)] {
        let missing = answer(&site, &format!("/ll/v2/{number}.{index}.m4s"), "", NOW).unwrap_err();
        let part = Part::new(number, index).unwrap();
        assert_eq!(missing, Refusal::Part { part, first: 881_999_969, next });
        assert!(
            missing.to_string().starts_with(&format!("part {index} of segment {number} is not available"))
        );
        assert!(missing.to_string().ends_with("from segment 881999969 on are, before part 3 of 882000000"));
    }
    find(&site, "/ll/v2/881999969.0.m4s", NOW).unwrap();
}

#[test]
fn a_playlist_waits_for_what_was_asked_and_then_holds_it() {
    let site = Site::new();
    for (query, moment, expected) in [
        ("_HLS_msn=882000000&_HLS_part=3", 1_600, "URI=\"882000000.3.m4s\""),
        ("_HLS_msn=882000000&_HLS_part=5&_HLS_skip=YES", 2_400, "URI=\"882000001.0.m4s\""),
        ("_HLS_msn=882000000", 2_000, "\n882000000.m4s\n"),
    ] {
        let moment = 1_764_000_000_000 + moment;
        assert_eq!(later(&site, "/ll/v0/index.m3u8", query, NOW), moment, "{query}");
        assert!(matches!(answer(&site, "/ll/v0/index.m3u8", query, moment - 1), Ok(Answer::Later(_))));
        let Ok(Answer::Now(document)) = answer(&site, "/ll/v0/index.m3u8", query, moment) else { panic!() };
        let playlist = String::from_utf8(bytes(document)).unwrap();
        assert!(playlist.contains(expected), "{query}");
        assert_eq!(playlist.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=8\n"), query.contains("skip"));
    }
}

#[test]
fn what_is_in_the_playlist_or_has_left_it_is_answered_at_once_and_in_full() {
    let site = Site::new();
    let playlist = text(&site, "/ll/v0/index.m3u8", NOW);
    for query in
        ["_HLS_msn=882000000&_HLS_part=2", "_HLS_msn=881999999", "_HLS_msn=0", "_HLS_msn=3&_HLS_part=9"]
    {
        let Ok(Answer::Now(document)) = answer(&site, "/ll/v0/index.m3u8", query, NOW) else {
            panic!("{query}")
        };
        assert_eq!(String::from_utf8(bytes(document)).unwrap(), playlist, "{query}");
    }
}

#[test]
fn directives_count_for_low_latency_playlists_alone() {
    let site = Site::new();
    for query in ["_HLS_part=0", "_HLS_msn=x", "_HLS_msn=999999999"] {
        let refused = answer(&site, "/ll/v0/index.m3u8", query, NOW);
        assert!(matches!(refused, Err(Refusal::Directive(_))), "{query}");
        // The first ends and the second offers no directives; the others are no playlists of media.
        for path in ["/vod/v0/index.m3u8", "/live/v0/index.m3u8", "/ll/master.m3u8", "/ll/v0/init.mp4"] {
            assert!(matches!(answer(&site, path, query, NOW), Ok(Answer::Now(_))), "{path}?{query}");
        }
    }
    let full = text(&site, "/vod/v0/index.m3u8", NOW);
    let Ok(Answer::Now(asked)) = answer(&site, "/vod/v0/index.m3u8", "_HLS_skip=YES", NOW) else { panic!() };
    assert_eq!(String::from_utf8(bytes(asked)).unwrap(), full);
}

#[test]
fn parts_have_one_address_each_and_only_here() {
    let site = Site::new();
    for path in [
        "/ll/v0/881999999.5.m4s",
        "/ll/v0/881999999.00.m4s",
        "/ll/v0/0881999999.0.m4s",
        "/ll/v0/881999999..m4s",
        "/ll/v0/.0.m4s",
        "/ll/v0/881999999.0.0.m4s",
        "/ll/v0/18446744073709551615.0.m4s",
        "/live/v0/881999999.0.m4s",
        "/vod/v0/1.0.m4s",
        "/ll/timeline.mpd",
        "/ll/periods.mpd",
    ] {
        assert_eq!(answer(&site, path, "", NOW).unwrap_err(), Refusal::Path, "{path}");
    }
}
