//! Descriptions at pinned moments, and each segment they name against the segments there are.

use super::*;
use crate::ladder::TRACKS;

const NOW: u64 = 1_764_000_007_999;

fn at(form: Form, layout: Layout, now: u64) -> String {
    write(&TRACKS, form, layout, UnixMillis(now))
}

/// The value of each occurrence of an attribute, in order.
fn attributes<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let opening = format!(" {name}=\"");
    text.split(&opening).skip(1).map(|rest| rest.split_once('"').unwrap().0).collect()
}

fn numbers(text: &str, name: &str) -> Vec<u64> {
    attributes(text, name).into_iter().map(|value| value.parse().unwrap()).collect()
}

/// Start and duration of each segment in the timelines of a text, one list for each.
fn timelines(text: &str) -> Vec<Vec<(u64, u64)>> {
    let timelines = text.split("<SegmentTimeline>").skip(1);
    timelines
        .map(|timeline| {
            let rows = timeline.split_once("</SegmentTimeline>").unwrap().0.lines();
            let rows = rows.filter(|line| line.contains("<S "));
            rows.flat_map(|row| {
                let field = |name| numbers(row, name).first().copied();
                let (start, ticks) = (field("t").unwrap(), field("d").unwrap());
                (0..=field("r").unwrap_or(0)).map(move |index| (start + index * ticks, ticks))
            })
            .collect()
        })
        .collect()
}

#[test]
fn a_live_description_starts_at_the_epoch_and_names_the_clock_to_go_by() {
    let text = at(Form::Live, Layout::Numbers, NOW);
    let head: Vec<_> = text.lines().take(6).collect();
    assert_eq!(
        head,
        [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"",
            "  profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"",
            "  minBufferTime=\"PT2S\" maxSegmentDuration=\"PT2.006S\"",
            "  type=\"dynamic\" availabilityStartTime=\"1970-01-01T00:00:00.000Z\" \
             publishTime=\"1970-01-01T00:00:00.000Z\"",
            "  minimumUpdatePeriod=\"PT10S\" timeShiftBufferDepth=\"PT30S\" suggestedPresentationDelay=\"PT6S\">",
        ]
    );
    assert!(text.ends_with(
        "  <UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-xsdate:2014\" value=\"../time\"/>\n</MPD>\n"
    ));
    assert!(!text.contains("availabilityTime"));
}

#[test]
fn each_rung_is_declared_without_the_audio() {
    for (form, _, layout) in MANIFESTS {
        let text = at(form, layout, NOW);
        let periods = text.matches("<Period ").count();
        let bandwidths = numbers(&text, "bandwidth");
        let rungs = [304_000, 704_000, 1_504_000, 3_104_000, 4_904_000, 7_904_000, 96_000];
        assert_eq!(bandwidths, rungs.repeat(periods), "{form:?} {layout:?}");
        assert_eq!(attributes(&text, "codecs")[5..7], ["avc1.640028", "mp4a.40.2"]);
        for representation in ["v0", "v1", "v2", "v3", "v4", "v5", "a1"] {
            let declared = text.matches(&format!("<Representation id=\"{representation}\"")).count();
            assert_eq!(declared, periods, "{form:?} {layout:?} {representation}");
        }
    }
}

#[test]
fn numbers_count_from_the_epoch_and_never_change() {
    let text = at(Form::Live, Layout::Numbers, NOW);
    assert_eq!(text, at(Form::Live, Layout::Numbers, NOW + 86_400_000));
    assert_eq!(numbers(&text, "startNumber"), [0, 0]);
    assert_eq!(numbers(&text, "timescale"), [90_000, 48_000]);
    assert_eq!(numbers(&text, "duration"), [180_000, 96_000]);
    assert_eq!(attributes(&text, "media"), ["$RepresentationID$/$Number$.m4s"; 2]);
}

#[test]
fn a_timeline_lists_what_hls_lists_to_the_tick() {
    for form in [Form::Live, Form::Vod] {
        let text = at(form, Layout::Timeline, NOW);
        assert_eq!(attributes(&text, "media"), ["$RepresentationID$/t$Time$.m4s"; 2]);
        let timelines = timelines(&text);
        for (timeline, track) in timelines.iter().zip([&TRACKS[0], &TRACKS[6]]) {
            let spans = form.listed(UnixMillis(NOW)).map(|number| track.clip.span(number));
            let expected: Vec<_> = spans.map(|span| (span.start, span.ticks)).collect();
            assert_eq!(timeline, &expected, "{form:?} {}", track.name);
        }
        assert_eq!(timelines.len(), 2);
    }
}

#[test]
fn every_rung_shares_the_timeline_of_the_first() {
    for track in &TRACKS[1..6] {
        assert_eq!(track.clip.ticks_per_second, TRACKS[0].clip.ticks_per_second);
        for number in 0..25 {
            assert_eq!(track.clip.span(number), TRACKS[0].clip.span(number), "{}", track.name);
        }
    }
}

#[test]
fn the_text_changes_with_its_publish_time_and_never_without() {
    for (form, _, layout) in MANIFESTS {
        let mut before = at(form, layout, NOW);
        for now in (NOW..NOW + 60_000).step_by(500) {
            let text = at(form, layout, now);
            let published =
                |text: &str| attributes(text, "publishTime").first().map(|time| (*time).to_owned());
            assert_eq!(
                text == before,
                published(&text) == published(&before),
                "{form:?} {layout:?} at {now}"
            );
            assert!(published(&text) >= published(&before));
            before = text;
        }
    }
}

#[test]
fn periods_are_loops_that_follow_one_another_and_start_on_their_own_zero() {
    for now in (NOW..NOW + 50_000).step_by(500) {
        let text = at(Form::Live, Layout::Periods, now);
        let firsts: Vec<_> = numbers(&text, "startNumber").into_iter().step_by(2).collect();
        assert!(firsts.windows(2).all(|pair| pair[1] == pair[0] + 12), "{firsts:?}");
        let listed = Form::Live.listed(UnixMillis(now));
        assert!(firsts[0] <= listed.start && listed.end < firsts.last().unwrap() + 12, "{firsts:?} at {now}");
        let offsets = numbers(&text, "presentationTimeOffset");
        for (first, offsets) in firsts.iter().zip(offsets.chunks(2)) {
            assert!(text.contains(&format!("<Period id=\"{0}\" start=\"PT{0}S\">", first * 2)));
            for (offset, track) in offsets.iter().zip([&TRACKS[0], &TRACKS[6]]) {
                assert_eq!(*offset, track.clip.span(*first).start, "{}", track.name);
                // Without a remainder, so that audio and video of a period begin together.
                assert_eq!(*offset, first * 2 * track.clip.ticks_per_second, "{}", track.name);
            }
        }
    }
}

#[test]
fn a_period_is_announced_before_it_begins() {
    // The loop that starts at segment 882,000,000 is in the description six seconds ahead.
    let start = 1_764_000_000_000;
    let period = "<Period id=\"1764000000\"";
    assert!(!at(Form::Live, Layout::Periods, start - 6_001).contains(period));
    assert!(at(Form::Live, Layout::Periods, start - 4_000).contains(period));
}

#[test]
fn low_latency_says_how_early_a_segment_can_be_had() {
    let text = at(Form::LowLatency, Layout::Numbers, NOW);
    assert_eq!(attributes(&text, "availabilityTimeOffset"), ["1.600"; 2]);
    assert_eq!(attributes(&text, "availabilityTimeComplete"), ["false"; 2]);
    assert!(text.contains("<Latency referenceId=\"0\" target=\"2000\" min=\"1000\" max=\"6000\"/>"));
    assert_eq!(text.matches("<ProducerReferenceTime id=\"0\" type=\"encoder\"").count(), 2);
    assert!(text.contains("http://www.dashif.org/guidelines/low-latency-live-v5"));
}

#[test]
fn a_vod_description_is_static_and_the_clock_does_not_touch_it() {
    for layout in [Layout::Numbers, Layout::Timeline, Layout::Periods] {
        let text = at(Form::Vod, layout, 0);
        assert_eq!(text, at(Form::Vod, layout, NOW));
        assert!(text.contains("type=\"static\" mediaPresentationDuration=\"PT600S\">"));
        for absent in ["UTCTiming", "publishTime", "minimumUpdatePeriod", "availability"] {
            assert!(!text.contains(absent), "{layout:?} {absent}");
        }
    }
    let text = at(Form::Vod, Layout::Periods, 0);
    assert_eq!(text.matches("<Period ").count(), 25);
    assert_eq!(numbers(&text, "startNumber").last(), Some(&288));
}

#[test]
fn each_element_that_is_opened_is_closed() {
    for (form, _, layout) in MANIFESTS {
        let text = at(form, layout, NOW);
        let mut open = Vec::new();
        for tag in text.split('<').skip(2) {
            let (tag, _) = tag.split_once('>').unwrap();
            let name = tag.split([' ', '\n']).next().unwrap();
            match name.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{form:?} {layout:?}"),
                None if tag.ends_with('/') => {}
                None => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}
