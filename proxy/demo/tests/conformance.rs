//! A minute of low-latency playlists against the rules that a validator checks, in each rendition.
//!
//! Nothing of the crate is used but its router: playlists are read here as a client would. The clock moves by 100 ms
//! a step and crosses the seam of the loop. Source of the rules: draft-pantos-hls-rfc8216bis.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use rebuffer_demo::{UnixMillis, router};
use tower::ServiceExt;

const TRACKS: [&str; 7] = ["v0", "v1", "v2", "v3", "v4", "v5", "a1"];
/// Ten seconds before a loop begins, at an odd moment.
const START: u64 = 1_763_999_990_050;
const END: u64 = START + 60_000;
const STEP: u64 = 100;

#[derive(Clone, Debug, Default, PartialEq)]
struct Part {
    uri: String,
    micros: u64,
    independent: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Segment {
    date: String,
    parts: Vec<Part>,
    /// Absent while it is in progress.
    whole: Option<(String, u64)>,
}

#[derive(Clone, Debug, Default)]
struct Playlist {
    tags: BTreeMap<String, String>,
    segments: BTreeMap<u64, Segment>,
    skipped: u64,
    hints: Vec<String>,
    reports: Vec<String>,
}

struct Origin {
    router: Router,
    now: Arc<AtomicU64>,
}

impl Origin {
    fn new() -> Self {
        let now = Arc::new(AtomicU64::new(START));
        let clock = Arc::clone(&now);
        Self { router: router(move || UnixMillis(clock.load(Ordering::Relaxed))), now }
    }

    async fn get(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    async fn playlist(&self, track: &str, query: &str) -> Playlist {
        let (status, text) = self.get(&format!("/ll/{track}/index.m3u8{query}")).await;
        assert_eq!(status, StatusCode::OK);
        read(&String::from_utf8(text).unwrap())
    }
}

fn micros(seconds: &str) -> u64 {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    whole.parse::<u64>().unwrap() * 1_000_000 + format!("{fraction:0<6}").parse::<u64>().unwrap()
}

fn attribute<'l>(list: &'l str, name: &str) -> Option<&'l str> {
    list.split(',')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .map(|value| value.trim_matches('"'))
}

fn read(text: &str) -> Playlist {
    let mut playlist = Playlist::default();
    let (mut segment, mut duration) = (Segment::default(), None);
    for line in text.lines() {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        match tag {
            "#EXT-X-PROGRAM-DATE-TIME" => value.clone_into(&mut segment.date),
            "#EXT-X-PART" => segment.parts.push(Part {
                uri: attribute(value, "URI").unwrap().to_owned(),
                micros: micros(attribute(value, "DURATION").unwrap()),
                independent: attribute(value, "INDEPENDENT") == Some("YES"),
            }),
            "#EXTINF" => duration = Some(micros(value.trim_end_matches(','))),
            "#EXT-X-PRELOAD-HINT" => playlist.hints.push(value.to_owned()),
            "#EXT-X-RENDITION-REPORT" => playlist.reports.push(value.to_owned()),
            "#EXT-X-SKIP" => {
                playlist.skipped = attribute(value, "SKIPPED-SEGMENTS").unwrap().parse().unwrap()
            }
            uri if !uri.starts_with('#') => {
                segment.whole =
                    Some((uri.to_owned(), duration.take().expect("EXTINF comes before the address")));
                playlist.push(std::mem::take(&mut segment));
            }
            tag => {
                assert_eq!(playlist.tags.insert(tag.to_owned(), value.to_owned()), None, "{tag} comes twice")
            }
        }
    }
    assert_eq!(duration, None);
    if segment != Segment::default() {
        playlist.push(segment);
    }
    playlist
}

impl Playlist {
    fn first(&self) -> u64 {
        self.tags["#EXT-X-MEDIA-SEQUENCE"].parse().unwrap()
    }

    fn push(&mut self, segment: Segment) {
        let number = self.first() + self.skipped + u64::try_from(self.segments.len()).unwrap();
        self.segments.insert(number, segment);
    }

    /// An attribute of a tag that comes once, in microseconds.
    fn micros(&self, tag: &str, name: &str) -> u64 {
        micros(attribute(&self.tags[tag], name).unwrap())
    }

    fn target(&self) -> u64 {
        micros(&self.tags["#EXT-X-TARGETDURATION"])
    }

    fn part_target(&self) -> u64 {
        self.micros("#EXT-X-PART-INF", "PART-TARGET")
    }

    /// Number of the segment of the last part, and that part's index.
    fn last_part(&self) -> (u64, usize) {
        let (number, segment) = self.segments.iter().rfind(|(_, segment)| !segment.parts.is_empty()).unwrap();
        (*number, segment.parts.len() - 1)
    }
}

impl Segment {
    fn micros(&self) -> u64 {
        let parts = self.parts.iter().map(|part| part.micros).sum();
        self.whole.as_ref().map_or(parts, |(_, micros)| *micros)
    }
}

/// Calls `check` with each rendition's playlist at each step, and the one before.
async fn watch(mut check: impl FnMut(&str, u64, &Playlist, &Playlist)) {
    let origin = Origin::new();
    for track in TRACKS {
        let mut before: Option<Playlist> = None;
        for now in (START..END).step_by(usize::try_from(STEP).unwrap()) {
            origin.now.store(now, Ordering::Relaxed);
            let playlist = origin.playlist(track, "").await;
            check(track, now, before.as_ref().unwrap_or(&playlist), &playlist);
            before = Some(playlist);
        }
    }
}

#[tokio::test]
async fn durations_keep_to_their_targets() {
    watch(|track, now, _, playlist| {
        let (target, part_target) = (playlist.target(), playlist.part_target());
        for (number, segment) in &playlist.segments {
            if let Some((_, micros)) = segment.whole {
                assert!((micros + 500_000) / 1_000_000 * 1_000_000 <= target, "{track} {number} at {now}");
            }
            for (index, part) in segment.parts.iter().enumerate() {
                assert!(part.micros <= part_target, "{track} {number}.{index} at {now}");
                // The last part of a segment may be shorter, but which one that is shows only when it is whole.
                let last = segment.whole.is_some() && index + 1 == segment.parts.len();
                assert!(last || part.micros * 100 >= part_target * 85, "{track} {number}.{index} at {now}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn hold_backs_and_skip_boundary_are_far_enough_from_the_end_and_the_same_everywhere() {
    let mut control = None;
    watch(|track, _, _, playlist| {
        let tag = "#EXT-X-SERVER-CONTROL";
        assert!(playlist.micros(tag, "PART-HOLD-BACK") >= 3 * playlist.part_target(), "{track}");
        assert!(playlist.micros(tag, "HOLD-BACK") >= 3 * playlist.target(), "{track}");
        assert!(playlist.micros(tag, "CAN-SKIP-UNTIL") >= 6 * playlist.target(), "{track}");
        assert_eq!(attribute(&playlist.tags[tag], "CAN-BLOCK-RELOAD"), Some("YES"), "{track}");
        let same = (playlist.tags[tag].clone(), playlist.target(), playlist.part_target());
        assert_eq!(control.get_or_insert_with(|| same.clone()), &same, "{track}");
    })
    .await;
}

#[tokio::test]
async fn parts_are_listed_within_three_targets_of_the_end_and_as_long_as_their_segment() {
    watch(|track, now, _, playlist| {
        let mut from_end = 0;
        for (number, segment) in playlist.segments.iter().rev() {
            from_end += segment.micros();
            if segment.parts.is_empty() {
                continue;
            }
            // The first part of a segment starts as far from the end as the segment does; audio strays by a frame.
            assert!(from_end <= 3 * playlist.target() + 21_334, "{track} {number} at {now}: {from_end}");
            let parts = segment.parts.iter().map(|part| part.micros).sum::<u64>();
            assert!(parts.abs_diff(segment.micros()) <= 3, "{track} {number} at {now}");
            assert!(segment.parts[0].independent, "{track} {number} at {now}");
        }
        assert!(playlist.segments.values().rev().nth(1).is_some_and(|segment| segment.parts.len() == 5));
    })
    .await;
}

#[tokio::test]
async fn numbers_never_go_back_and_what_was_said_stays_true() {
    watch(|track, now, before, playlist| {
        let (first, was_first) = (playlist.first(), before.first());
        assert!(was_first <= first && first <= was_first + 1, "{track} at {now}");
        assert!(before.last_part() <= playlist.last_part(), "{track} at {now}");
        for (number, old) in before.segments.range(first..) {
            let new = playlist.segments.get(number).expect("segments leave from the front alone");
            assert_eq!(new.date, old.date, "{track} {number} at {now}");
            assert!(old.whole.is_none() || new.whole == old.whole, "{track} {number} at {now}");
            assert!(new.parts.starts_with(&old.parts) || new.parts.is_empty(), "{track} {number} at {now}");
        }
        let tags = |playlist: &Playlist| {
            let mut tags = playlist.tags.clone();
            tags.remove("#EXT-X-MEDIA-SEQUENCE");
            tags
        };
        assert_eq!(tags(playlist), tags(before), "{track} at {now}");
    })
    .await;
}

#[tokio::test]
async fn a_new_part_comes_on_time_and_is_the_one_that_was_hinted() {
    let mut changed = START;
    watch(|track, now, before, playlist| {
        assert_eq!(playlist.hints.len(), 1, "{track} at {now}");
        assert_eq!(attribute(&playlist.hints[0], "TYPE"), Some("PART"));
        if now == START || playlist.hints != before.hints {
            changed = now;
        }
        // A playlist is renewed within one and a half part targets.
        assert!((now - changed) * 1000 <= playlist.part_target() * 3 / 2, "{track} at {now}");
        if playlist.hints != before.hints {
            let (number, index) = playlist.last_part();
            let new = &playlist.segments[&number].parts[index];
            assert_eq!(attribute(&before.hints[0], "URI"), Some(new.uri.as_str()), "{track} at {now}");
            let old = before.last_part();
            assert!(old == (number, index.wrapping_sub(1)) || (old.0 + 1 == number && index == 0));
        }
    })
    .await;
}

#[tokio::test]
async fn dates_count_on_by_the_durations() {
    watch(|track, now, _, playlist| {
        let millis = |date: &str| date.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let segments: Vec<_> = playlist.segments.iter().collect();
        for pair in segments.windows(2) {
            let [(_, one), (number, other)] = [pair[0], pair[1]];
            let gap = millis(&other.date) - millis(&one.date);
            let gap = u64::try_from(gap).unwrap() * 1000;
            assert!(gap.abs_diff(one.micros()) <= 1_000, "{track} {number} at {now}");
        }
    })
    .await;
}

#[tokio::test]
async fn reports_say_what_the_other_renditions_say_at_the_same_moment() {
    let origin = Origin::new();
    for now in (START..START + 6_000).step_by(300) {
        origin.now.store(now, Ordering::Relaxed);
        let mut playlists = BTreeMap::new();
        for track in TRACKS {
            playlists.insert(track, origin.playlist(track, "").await);
        }
        for (track, playlist) in &playlists {
            let reported = playlist.reports.iter().map(|report| {
                let uri = attribute(report, "URI").unwrap();
                let other = uri.strip_prefix("../").and_then(|uri| uri.strip_suffix("/index.m3u8")).unwrap();
                let number = |name| attribute(report, name).unwrap().parse::<u64>().unwrap();
                assert_ne!(other, *track);
                let (msn, part) = playlists[other].last_part();
                assert_eq!((number("LAST-MSN"), number("LAST-PART")), (msn, u64::try_from(part).unwrap()));
                other
            });
            assert_eq!(
                reported.collect::<std::collections::BTreeSet<_>>().len(),
                TRACKS.len() - 1,
                "{track}"
            );
        }
    }
}

#[tokio::test]
async fn a_delta_update_and_the_playlist_before_make_the_playlist() {
    let origin = Origin::new();
    for track in ["v0", "a1"] {
        origin.now.store(START, Ordering::Relaxed);
        let mut known = origin.playlist(track, "").await;
        for now in (START..START + 30_000).step_by(400) {
            origin.now.store(now, Ordering::Relaxed);
            let mut delta = origin.playlist(track, "?_HLS_skip=YES").await;
            let full = origin.playlist(track, "").await;
            assert!(delta.skipped > 0 && full.skipped == 0);
            // Nothing nearer to the end of the last whole segment than the boundary is skipped.
            let kept = full.segments.range(delta.first() + delta.skipped - 1..);
            let last_skipped = kept.filter(|(_, segment)| segment.whole.is_some()).skip(1);
            let distance: u64 = last_skipped.map(|(_, segment)| segment.micros()).sum();
            assert!(distance > full.micros("#EXT-X-SERVER-CONTROL", "CAN-SKIP-UNTIL"), "{track} at {now}");

            let skipped = delta.first()..delta.first() + delta.skipped;
            for (number, segment) in known.segments.range(skipped.clone()) {
                delta.segments.insert(*number, segment.clone());
            }
            assert!(skipped.clone().all(|number| delta.segments.contains_key(&number)), "{track} at {now}");
            assert_eq!(delta.segments, full.segments, "{track} at {now}");
            assert_eq!(delta.hints, full.hints);
            known = full;
        }
    }
}

#[tokio::test]
async fn everything_listed_can_be_had_and_what_was_removed_can_be_for_a_while() {
    let origin = Origin::new();
    for track in ["v0", "a1"] {
        origin.now.store(START, Ordering::Relaxed);
        let playlist = origin.playlist(track, "").await;
        let parts =
            playlist.segments.values().flat_map(|segment| &segment.parts).map(|part| part.uri.clone());
        let wholes = playlist.segments.values().filter_map(|segment| Some(segment.whole.clone()?.0));
        let uris: Vec<_> = parts.chain(wholes).collect();
        // A segment stays for as long as it lasts and the longest playlist that listed it: 2 s and 30 s.
        for now in [START, START + 32_000] {
            origin.now.store(now, Ordering::Relaxed);
            for uri in &uris {
                let (status, body) = origin.get(&format!("/ll/{track}/{uri}")).await;
                assert_eq!(status, StatusCode::OK, "{track} {uri} at {now}");
                assert!(body.len() > 4_000, "{track} {uri}");
            }
        }
    }
}
