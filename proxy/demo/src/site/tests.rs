//! Playlists and segments at pinned moments.

use std::collections::HashMap;

use super::*;

mod dash;
mod low_latency;

fn find(site: &Site, path: &str, now: u64) -> Result<Document, Refusal> {
    site.find(path, "", UnixMillis(now)).map(|answer| match answer {
        Answer::Now(document) => document,
        Answer::Later(moment) => panic!("{path} is not there before {moment:?}"),
    })
}

fn bytes(document: Document) -> Vec<u8> {
    match document.content {
        Content::Whole(payload) => payload.to_vec(),
        Content::Growing(_) => panic!("not complete"),
    }
}

fn text(site: &Site, path: &str, now: u64) -> String {
    let document = find(site, path, now).unwrap();
    assert_eq!(document.content_type, "application/vnd.apple.mpegurl");
    String::from_utf8(bytes(document)).unwrap()
}

fn sequence(playlist: &str) -> u64 {
    let line = playlist.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
    line.unwrap().parse().unwrap()
}

fn segments(playlist: &str) -> Vec<u64> {
    playlist.lines().filter_map(|line| line.strip_suffix(".m4s")).map(|line| line.parse().unwrap()).collect()
}

#[test]
fn the_master_declares_each_rung_with_the_audio() {
    let master = text(&Site::new(), "/live/master.m3u8", 0);
    assert!(master.starts_with("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"));
    assert!(master.contains(
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Tone\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",\
         URI=\"a1/index.m3u8\"\n"
    ));
    assert!(master.ends_with(
        "#EXT-X-STREAM-INF:BANDWIDTH=8000000,AVERAGE-BANDWIDTH=8000000,CODECS=\"avc1.640028,mp4a.40.2\",\
         RESOLUTION=1920x1080,FRAME-RATE=25.000,AUDIO=\"audio\"\nv5/index.m3u8\n"
    ));
    assert_eq!(master.matches("#EXT-X-STREAM-INF").count(), 6);
    assert_eq!(master, text(&Site::new(), "/vod/master.m3u8", 0));
}

#[test]
fn a_live_playlist_at_a_pinned_moment() {
    let playlist = text(&Site::new(), "/live/v0/index.m3u8", 1_764_000_007_999);
    let head: Vec<_> = playlist.lines().take(9).collect();
    assert_eq!(
        head,
        [
            "#EXTM3U",
            "#EXT-X-VERSION:6",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            "#EXT-X-TARGETDURATION:2",
            "#EXT-X-MEDIA-SEQUENCE:881999988",
            "#EXT-X-MAP:URI=\"init.mp4\"",
            "#EXT-X-PROGRAM-DATE-TIME:2025-11-24T15:59:36.000Z",
            "#EXTINF:2.000000,",
            "881999988.m4s",
        ]
    );
    assert!(playlist.ends_with("#EXTINF:2.000000,\n882000002.m4s\n"));
    assert_eq!(segments(&playlist), Vec::from_iter(881_999_988..=882_000_002));
    assert!(!playlist.contains("ENDLIST"));
}

#[test]
fn the_seam_of_the_loop_leaves_no_trace_in_a_playlist() {
    let site = Site::new();
    // 882,000,000 is a multiple of the 12 segments of a loop, and here the fourth entry from the end.
    for track in ["v0", "v5", "a1"] {
        let playlist = text(&site, &format!("/live/{track}/index.m3u8"), 1_764_000_008_000);
        assert!(segments(&playlist).contains(&882_000_000));
        assert!(!playlist.contains("DISCONTINUITY"), "{track}");
        assert!(playlist.contains("#EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:00.000Z\n"), "{track}");
    }
}

#[test]
fn dates_and_durations_of_audio_follow_its_frames() {
    let playlist = text(&Site::new(), "/live/a1/index.m3u8", 1_764_000_008_000);
    assert!(playlist.ends_with(
        "#EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:00.000Z\n#EXTINF:2.005333,\n882000000.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:02.005Z\n#EXTINF:2.005333,\n882000001.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:04.011Z\n#EXTINF:2.005333,\n882000002.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2025-11-24T16:00:06.016Z\n#EXTINF:1.984000,\n882000003.m4s\n"
    ));
}

#[test]
fn a_reload_only_drops_from_the_front_and_adds_at_the_end() {
    let site = Site::new();
    let mut before = text(&site, "/live/a1/index.m3u8", 1_764_000_000_000);
    for now in (1_764_000_000_000..1_764_000_060_000).step_by(500) {
        let playlist = text(&site, "/live/a1/index.m3u8", now);
        let step = sequence(&playlist) - sequence(&before);
        assert!(step <= 1, "the window jumped at {now}");
        assert_eq!(segments(&playlist)[0], sequence(&playlist));
        // Three lines an entry, after six of head: what both list is told in the same words.
        let kept = |text: &str, skip: u64| -> Vec<String> {
            text.lines().skip(6 + 3 * usize::try_from(skip).unwrap()).map(str::to_owned).collect()
        };
        assert!(kept(&playlist, 0).starts_with(&kept(&before, step)), "history changed at {now}");
        before = playlist;
    }
    assert_eq!(sequence(&before), 882_000_029 - 15);
}

#[test]
fn a_restart_does_not_jump() {
    let now = 1_764_000_001_000;
    let (before, after) = (Site::new(), Site::new());
    for path in ["/live/v3/index.m3u8", "/live/v3/881999999.m4s", "/live/a1/881999990.m4s", "/vod/v1/7.m4s"] {
        let [one, other] = [&before, &after].map(|site| find(site, path, now).unwrap());
        assert_eq!(one.etag, other.etag);
        assert_eq!(bytes(one), bytes(other), "{path}");
    }
}

#[test]
fn everything_a_playlist_lists_can_be_had() {
    let site = Site::new();
    for form in ["live", "vod"] {
        for track in ["v0", "v1", "v2", "v3", "v4", "v5", "a1"] {
            let playlist = text(&site, &format!("/{form}/{track}/index.m3u8"), 1_764_000_001_000);
            for file in playlist.lines().filter(|line| !line.starts_with('#')).chain(["init.mp4"]) {
                let found = find(&site, &format!("/{form}/{track}/{file}"), 1_764_000_001_000);
                assert!(found.is_ok(), "{form} {track} {file}: {found:?}");
            }
        }
    }
}

#[test]
fn a_vod_playlist_ends_and_the_clock_does_not_touch_it() {
    let site = Site::new();
    let playlist = text(&site, "/vod/a1/index.m3u8", 0);
    assert_eq!(playlist, text(&site, "/vod/a1/index.m3u8", 1_764_000_001_000));
    assert!(playlist.contains("#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP"));
    assert!(playlist.ends_with("299.m4s\n#EXT-X-ENDLIST\n"));
    assert!(!playlist.contains("PROGRAM-DATE-TIME"));
    let micros = playlist.lines().filter_map(|line| line.strip_prefix("#EXTINF:")).map(|line| {
        let (seconds, micros) = line.trim_end_matches(',').split_once('.').unwrap();
        seconds.parse::<u64>().unwrap() * 1_000_000 + micros.parse::<u64>().unwrap()
    });
    // Rounding each of 300 durations to a microsecond loses no more than 150 of them.
    assert!(micros.sum::<u64>().abs_diff(600_000_000) <= 150);
}

#[test]
fn segments_outside_the_window_are_missing_and_say_so() {
    let site = Site::new();
    let now = 1_764_000_001_000;
    let available = 881_999_969..882_000_000;
    for number in [881_999_968, 882_000_000, 0, u64::MAX] {
        let missing = find(&site, &format!("/live/v2/{number}.m4s"), now).unwrap_err();
        assert_eq!(missing, Refusal::Segment { number, available: available.clone() });
        assert!(missing.to_string().contains("from 881999969 up to, not including, 882000000"));
    }
    for number in [available.start, available.end - 1] {
        assert!(find(&site, &format!("/live/v2/{number}.m4s"), now).is_ok());
    }
    assert!(find(&site, "/vod/v2/300.m4s", now).is_err());
}

#[test]
fn other_paths_name_nothing() {
    let site = Site::new();
    for path in [
        "",
        "/",
        "/live",
        "/live/",
        "/live/v9/index.m3u8",
        "/live/v0",
        "/live/v0/",
        "/live/v0/1.mp4",
        "/dead/master.m3u8",
        "/vod/v0/01.m4s",
        "/vod/v0/+1.m4s",
        "/vod/v0/-1.m4s",
        "/vod/v0/x.m4s",
        "/vod/v0/0.m4s/",
        "/vod/v0/99999999999999999999.m4s",
    ] {
        assert_eq!(find(&site, path, 100_000).unwrap_err(), Refusal::Path, "{path}");
    }
}

#[test]
fn entity_tags_tell_documents_apart() {
    let site = Site::new();
    let mut seen = HashMap::new();
    for path in [
        "/live/master.m3u8",
        "/live/v0/index.m3u8",
        "/live/v1/init.mp4",
        "/live/v0/init.mp4",
        "/live/v0/49.m4s",
        "/live/v0/48.m4s",
        "/live/v1/49.m4s",
        "/live/a1/49.m4s",
        "/live/a1/index.m3u8",
    ] {
        let document = find(&site, path, 100_000).unwrap();
        assert_eq!(seen.insert(document.etag, path), None, "{path}");
    }
    let later = find(&site, "/live/v0/index.m3u8", 102_000).unwrap();
    assert_eq!(seen.insert(later.etag, "later"), None);
}
