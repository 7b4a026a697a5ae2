//! The low-latency media playlist: parts, hints, what the server can do, and where the other renditions are.
//!
//! Invariant: a playlist changes with each complete part and at no other time, in each rendition at the same moment.
//! The last part listed is the one before the part hinted, also where that lies in another segment.
//! Source: draft-pantos-hls-rfc8216bis, 4.4.3.7 and 4.4.3.8, 4.4.4.9, 4.4.5, 6.2.2 and 6.2.5.1.
//! Deliberately absent: byte ranges, as each part has an address of its own, and date ranges.

use std::fmt::Write;
use std::ops::Range;

use super::{date_time, seconds};
use crate::clip::Clip;
use crate::ladder::Track;
use crate::timeline::{Form, PARTS_PER_SEGMENT, Part, SEGMENT_SECONDS, UnixMillis};

/// Parts last 400 ms, give or take half a frame of audio: the longest has 19 frames of 1024 samples, 405.3 ms.
pub(crate) const PART_TARGET: &str = "0.41";

/// A delta update needs version 9. Hold-back and skip boundary are the least that the target durations allow.
const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n";
const SERVER_CONTROL: &str = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,CAN-SKIP-DATERANGES=YES,\
                              HOLD-BACK=6.0,PART-HOLD-BACK=1.23\n";
const SKIP_BOUNDARY_SEGMENTS: u64 = 12 / SEGMENT_SECONDS;
/// Parts further from the end are not listed: three target durations.
const LISTED_PARTS: u64 = 3 * PARTS_PER_SEGMENT;

/// The playlist of `track` among `tracks`, as a delta update if the client has what that skips.
pub(crate) fn media(tracks: &[Track], track: &Track, now: UnixMillis, delta: bool) -> String {
    let clip = &track.clip;
    let segments = Form::LowLatency.listed(now);
    let hinted = Part::in_progress(now);
    let mut text = format!(
        "{HEAD}#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}\n{SERVER_CONTROL}\
         #EXT-X-PART-INF:PART-TARGET={PART_TARGET}\n#EXT-X-MEDIA-SEQUENCE:{}\n",
        segments.start
    );
    let skipped = if delta { skippable(&segments) } else { 0 };
    if skipped > 0 {
        // Stands for the tags of those segments, too, and so for `EXT-X-MAP`.
        let _ = writeln!(text, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
    } else {
        text.push_str("#EXT-X-MAP:URI=\"init.mp4\"\n");
    }
    for number in segments.start + skipped..segments.end {
        open(&mut text, clip, number, hinted);
        let _ = writeln!(text, "#EXTINF:{},\n{number}.m4s", seconds(clip, clip.span(number)));
    }
    if hinted.index() > 0 {
        open(&mut text, clip, hinted.segment(), hinted);
    }
    let _ = writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"", file(hinted));
    if let Some(last) = hinted.before() {
        for other in tracks.iter().filter(|other| other.name != track.name) {
            let _ = writeln!(
                text,
                "#EXT-X-RENDITION-REPORT:URI=\"../{}/index.m3u8\",LAST-MSN={},LAST-PART={}",
                other.name,
                last.segment(),
                last.index()
            );
        }
    }
    text
}

/// The file name of a part.
pub(crate) fn file(part: Part) -> String {
    format!("{}.{}.m4s", part.segment(), part.index())
}

/// How many segments end further from the end of the last one than the skip boundary.
fn skippable(segments: &Range<u64>) -> u64 {
    (segments.end - segments.start).saturating_sub(SKIP_BOUNDARY_SEGMENTS + 1)
}

/// What stands before the `EXTINF` of a segment: its date, and its complete parts while it is near the end.
fn open(text: &mut String, clip: &Clip, number: u64, hinted: Part) {
    let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(clip, clip.span(number)));
    let near = |first: &Part| first.ordinal() + LISTED_PARTS >= hinted.ordinal();
    if !Part::of(number).next().as_ref().is_some_and(near) {
        return;
    }
    for part in Part::of(number).take_while(|part| *part < hinted) {
        let independent = if clip.is_independent(part) { ",INDEPENDENT=YES" } else { "" };
        let duration = seconds(clip, clip.part_span(part));
        let _ = writeln!(text, "#EXT-X-PART:DURATION={duration},URI=\"{}\"{independent}", file(part));
    }
}

#[cfg(test)]
mod tests;
