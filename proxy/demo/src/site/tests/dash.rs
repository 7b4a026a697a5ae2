//! Descriptions, the names they give to segments, and the clock.

use super::*;

const NOW: u64 = 1_764_000_007_999;

#[test]
fn every_path_to_begin_at_leads_somewhere() {
    let site = Site::new();
    for path in crate::PATHS {
        let document = find(&site, path, NOW).unwrap();
        let dash = path.ends_with(".mpd");
        let expected = if dash { "application/dash+xml" } else { "application/vnd.apple.mpegurl" };
        assert_eq!(document.content_type, expected, "{path}");
    }
    let refused = find(&site, "/nowhere", NOW).unwrap_err().to_string();
    assert!(crate::PATHS.iter().all(|path| refused.contains(path)), "{refused}");
}

#[test]
fn a_segment_has_the_same_bytes_by_its_number_and_by_its_time() {
    let site = Site::new();
    for (by_number, by_time) in [
        ("/live/v3/882000000.m4s", "/live/v3/t158760000000000.m4s"),
        ("/live/a1/882000001.m4s", "/live/a1/t84672000096256.m4s"),
        ("/vod/v3/299.m4s", "/vod/v3/t53820000.m4s"),
        ("/vod/a1/1.m4s", "/vod/a1/t96256.m4s"),
    ] {
        let [one, other] = [by_number, by_time].map(|path| find(&site, path, NOW).unwrap());
        assert_eq!(one.etag, other.etag, "{by_time}");
        assert!(bytes(one) == bytes(other), "{by_time}");
    }
}

#[test]
fn a_time_at_which_no_segment_starts_names_nothing() {
    let site = Site::new();
    for file in ["t1.m4s", "t.m4s", "t00.m4s", "t+0.m4s", "tt0.m4s", "t18446744073709551615.m4s"] {
        assert_eq!(find(&site, &format!("/vod/v0/{file}"), NOW).unwrap_err(), Refusal::Path, "{file}");
    }
    let beyond = find(&site, "/vod/v0/t54000000.m4s", NOW).unwrap_err();
    assert_eq!(beyond, Refusal::Segment { number: 300, available: 0..300 });
}

#[test]
fn the_time_is_the_clock() {
    let document = find(&Site::new(), "/time", NOW).unwrap();
    assert_eq!((document.content_type, document.cache_control), ("text/plain; charset=utf-8", "no-store"));
    assert_eq!(bytes(document), b"2025-11-24T16:00:07.999Z");
}
