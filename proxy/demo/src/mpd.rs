//! Writes the media presentation descriptions (ISO/IEC 23009-1).
//!
//! Invariant: a description names the segments of the HLS playlists by the same numbers, so a player of either kind
//! meets the same bytes. The text of one changes only with what it declares, and `publishTime` says since when.
//! Live and low-latency ones start at the Unix epoch, where the timeline has its zero; segment numbers begin there.
//! Deliberately absent: `BaseURL`, as all addresses are relative, and segments in one file, as there are no such files.

use std::fmt::Write;
use std::ops::Range;

use crate::clip::{Clip, Span};
use crate::ladder::{AUDIO, FRAMES_PER_SECOND, RUNGS, Track};
use crate::timeline::{
    Form, LIVE_WINDOW, PART_MILLIS, SEGMENT_MILLIS, SEGMENT_SECONDS, UnixMillis, VOD_SEGMENTS,
};

/// How a description names segments, and in how many periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `$Number$` and a nominal duration.
    Numbers,
    /// `$Time$` and a `SegmentTimeline` of what is listed.
    Timeline,
    /// As numbers, with a period for each loop of the clip.
    Periods,
}

/// A description that is served, by the form's directory and its file name there.
pub(crate) type Manifest = (Form, &'static str, Layout);

/// Each description there is.
pub(crate) const MANIFESTS: [Manifest; 7] = [
    (Form::Live, "manifest.mpd", Layout::Numbers),
    (Form::Live, "timeline.mpd", Layout::Timeline),
    (Form::Live, "periods.mpd", Layout::Periods),
    (Form::LowLatency, "manifest.mpd", Layout::Numbers),
    (Form::Vod, "manifest.mpd", Layout::Numbers),
    (Form::Vod, "timeline.mpd", Layout::Timeline),
    (Form::Vod, "periods.mpd", Layout::Periods),
];

/// What comes before the time in a segment's file name.
pub(crate) const TIME_PREFIX: char = 't';

/// One description at one moment.
struct Description<'t> {
    tracks: &'t [Track],
    form: Form,
    layout: Layout,
    /// The segments that HLS would list.
    listed: Range<u64>,
}

const LIVE_DELAY_SECONDS: u64 = 3 * SEGMENT_SECONDS;
const LOW_LATENCY_DELAY_SECONDS: u64 = 2;
/// As many as the clip has, so that decode times show what a player makes of a period's own zero.
const PERIOD_SEGMENTS: u64 = 12;
/// How many segments before its beginning a period is announced: longer than an update of the description takes.
const ANNOUNCED_AHEAD: u64 = 3;

const PROFILE: &str = "urn:mpeg:dash:profile:isoff-live:2011";
const LOW_LATENCY_PROFILES: &str =
    "urn:mpeg:dash:profile:isoff-live:2011,http://www.dashif.org/guidelines/low-latency-live-v5";
const UTC_TIMING: &str = "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-xsdate:2014\" value=\"../time\"/>";
/// Media that plays at the moment it was made, minus two seconds; a player may stretch that to hold more.
const SERVICE: &str = "  <ServiceDescription id=\"0\">
    <Latency referenceId=\"0\" target=\"2000\" min=\"1000\" max=\"6000\"/>
    <PlaybackRate min=\"0.95\" max=\"1.05\"/>
  </ServiceDescription>
";

pub(crate) fn write(tracks: &[Track], form: Form, layout: Layout, now: UnixMillis) -> String {
    let description = Description { tracks, form, layout, listed: form.listed(now) };
    let service = if form == Form::LowLatency { SERVICE } else { "" };
    let periods: String = description.firsts().map(|first| description.period(first)).collect();
    let timing = if form == Form::Vod { String::new() } else { format!("  {UTC_TIMING}\n") };
    format!("{}{service}{periods}{timing}</MPD>\n", description.root())
}

impl Description<'_> {
    fn root(&self) -> String {
        let profiles = if self.form == Form::LowLatency { LOW_LATENCY_PROFILES } else { PROFILE };
        // The longest audio segment has 94 frames of 1024 samples.
        let head = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"\n  \
             profiles=\"{profiles}\"\n  minBufferTime=\"PT{SEGMENT_SECONDS}S\" maxSegmentDuration=\"PT2.006S\"\n  "
        );
        // Numbers say the same for ever; what lists something was published with the last of it.
        let (published, update) = match self.layout {
            Layout::Numbers => (UnixMillis(0), 5 * SEGMENT_SECONDS),
            Layout::Timeline | Layout::Periods => {
                (UnixMillis(self.listed.end * SEGMENT_MILLIS), SEGMENT_SECONDS)
            }
        };
        let delay = match self.form {
            Form::Live => LIVE_DELAY_SECONDS,
            Form::LowLatency => LOW_LATENCY_DELAY_SECONDS,
            Form::Vod => {
                let seconds = VOD_SEGMENTS * SEGMENT_SECONDS;
                return format!("{head}type=\"static\" mediaPresentationDuration=\"PT{seconds}S\">\n");
            }
        };
        format!(
            "{head}type=\"dynamic\" availabilityStartTime=\"{}\" publishTime=\"{}\"\n  \
             minimumUpdatePeriod=\"PT{update}S\" timeShiftBufferDepth=\"PT{}S\" \
             suggestedPresentationDelay=\"PT{delay}S\">\n",
            UnixMillis(0).date_time(),
            published.date_time(),
            LIVE_WINDOW * SEGMENT_SECONDS
        )
    }

    /// The first segment of each period.
    fn firsts(&self) -> impl Iterator<Item = u64> {
        let end = if self.form == Form::Vod { self.listed.end } else { self.listed.end + ANNOUNCED_AHEAD };
        let laps = match self.layout {
            Layout::Numbers | Layout::Timeline => 0..1,
            Layout::Periods => self.listed.start / PERIOD_SEGMENTS..end.div_ceil(PERIOD_SEGMENTS),
        };
        laps.map(|lap| lap * PERIOD_SEGMENTS)
    }

    fn period(&self, first: u64) -> String {
        let start = first * SEGMENT_SECONDS;
        format!(
            "  <Period id=\"{start}\" start=\"PT{start}S\">\n{}{}  </Period>\n",
            self.video(first),
            self.audio(first)
        )
    }

    fn video(&self, first: u64) -> String {
        let track = self.tracks.first().expect("the ladder has tracks");
        let width = RUNGS.iter().map(|rung| rung.width).max().unwrap_or_default();
        let height = RUNGS.iter().map(|rung| rung.height).max().unwrap_or_default();
        let mut text = format!(
            "    <AdaptationSet id=\"0\" contentType=\"video\" mimeType=\"{}\" segmentAlignment=\"true\"\n      \
             startWithSAP=\"1\" maxWidth=\"{width}\" maxHeight=\"{height}\" frameRate=\"{FRAMES_PER_SECOND}\">\n{}",
            track.content_type,
            self.template(&track.clip, first)
        );
        for rung in &RUNGS {
            let _ = writeln!(
                text,
                "      <Representation id=\"{}\" bandwidth=\"{}\" codecs=\"{}\" width=\"{}\" height=\"{}\"/>",
                rung.name,
                rung.video_bandwidth(),
                rung.codec,
                rung.width,
                rung.height
            );
        }
        text + "    </AdaptationSet>\n"
    }

    fn audio(&self, first: u64) -> String {
        let track = self.tracks.last().expect("the ladder has tracks");
        format!(
            "    <AdaptationSet id=\"1\" contentType=\"audio\" mimeType=\"{}\" segmentAlignment=\"true\"\n      \
             startWithSAP=\"1\">\n      <AudioChannelConfiguration\n        \
             schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" value=\"{}\"/>\n{}      \
             <Representation id=\"{}\" bandwidth=\"{}\" codecs=\"{}\" audioSamplingRate=\"{}\"/>\n    \
             </AdaptationSet>\n",
            track.content_type,
            AUDIO.channels,
            self.template(&track.clip, first),
            AUDIO.name,
            AUDIO.bandwidth,
            AUDIO.codec,
            track.clip.ticks_per_second
        )
    }

    /// The template for the segments from number `first` on, which is where the period starts.
    fn template(&self, clip: &Clip, first: u64) -> String {
        let reference = match self.form {
            Form::Live | Form::Vod => String::new(),
            Form::LowLatency => format!(
                "      <ProducerReferenceTime id=\"0\" type=\"encoder\" wallClockTime=\"{}\" presentationTime=\"0\">\n        \
                 {UTC_TIMING}\n      </ProducerReferenceTime>\n",
                UnixMillis(0).date_time()
            ),
        };
        let head = format!(
            "{reference}      <SegmentTemplate timescale=\"{}\" presentationTimeOffset=\"{}\"\n        \
             initialization=\"$RepresentationID$/init.mp4\" ",
            clip.ticks_per_second,
            clip.span(first).start
        );
        match self.layout {
            Layout::Numbers | Layout::Periods => {
                let duration = SEGMENT_SECONDS * clip.ticks_per_second;
                format!(
                    "{head}media=\"$RepresentationID$/$Number$.m4s\"\n        \
                     startNumber=\"{first}\" duration=\"{duration}\"{}/>\n",
                    self.early()
                )
            }
            Layout::Timeline => format!(
                "{head}media=\"$RepresentationID$/{TIME_PREFIX}$Time$.m4s\">\n        \
                 <SegmentTimeline>\n{}        </SegmentTimeline>\n      </SegmentTemplate>\n",
                self.timeline(clip)
            ),
        }
    }

    /// Says that a segment can be had once its first part is complete.
    fn early(&self) -> String {
        if self.form != Form::LowLatency {
            return String::new();
        }
        let millis = SEGMENT_MILLIS - PART_MILLIS;
        format!(
            "\n        availabilityTimeOffset=\"{}.{:03}\" availabilityTimeComplete=\"false\"",
            millis / 1000,
            millis % 1000
        )
    }

    /// What is listed, segments of one length together.
    fn timeline(&self, clip: &Clip) -> String {
        let mut runs: Vec<(Span, u64)> = Vec::new();
        for span in self.listed.clone().map(|number| clip.span(number)) {
            match runs.last_mut() {
                Some((first, repeated)) if first.ticks == span.ticks => *repeated += 1,
                Some(_) | None => runs.push((span, 0)),
            }
        }
        runs.iter()
            .map(|(Span { start, ticks }, repeated)| match repeated {
                0 => format!("          <S t=\"{start}\" d=\"{ticks}\"/>\n"),
                repeated => format!("          <S t=\"{start}\" d=\"{ticks}\" r=\"{repeated}\"/>\n"),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
