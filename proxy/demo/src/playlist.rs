//! Writes the multivariant and the media playlists (RFC 8216).
//!
//! Invariant: the same range of segments always gives the same text, and each track lists the same range.
//! Live entries carry the wall clock, as time zero of that timeline is the Unix epoch; on-demand ones have none.
//! Deliberately absent here: parts and what comes with them, which is `low_latency`'s.

use std::fmt::Write;
use std::ops::Range;

use crate::clip::{Clip, Span};
use crate::ladder::{AUDIO, FRAMES_PER_SECOND, RUNGS};
use crate::timeline::{Form, SEGMENT_SECONDS, UnixMillis};

pub(crate) mod low_latency;

/// `EXT-X-MAP` outside I-frame playlists needs version 6.
const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n";

pub(crate) fn master() -> String {
    let mut text = format!(
        "{HEAD}#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Tone\",DEFAULT=YES,AUTOSELECT=YES,\
         CHANNELS=\"{}\",URI=\"{}/index.m3u8\"\n",
        AUDIO.channels, AUDIO.name
    );
    for rung in &RUNGS {
        // No segment differs from its rate, so the peak is also the average.
        let rate = rung.bandwidth;
        let line = format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={rate},AVERAGE-BANDWIDTH={rate},CODECS=\"{},{}\",\
             RESOLUTION={}x{},FRAME-RATE={FRAMES_PER_SECOND}.000,AUDIO=\"audio\"\n{}/index.m3u8\n",
            rung.codec, AUDIO.codec, rung.width, rung.height, rung.name
        );
        text.push_str(&line);
    }
    text
}

pub(crate) fn media(clip: &Clip, form: Form, segments: Range<u64>) -> String {
    let mut text =
        format!("{HEAD}#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}\n#EXT-X-MEDIA-SEQUENCE:{}\n", segments.start);
    match form {
        Form::Live | Form::LowLatency => {}
        Form::Vod => text.push_str("#EXT-X-PLAYLIST-TYPE:VOD\n"),
    }
    text.push_str("#EXT-X-MAP:URI=\"init.mp4\"\n");
    for number in segments {
        let span = clip.span(number);
        if form == Form::Live {
            let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(clip, span));
        }
        let _ = writeln!(text, "#EXTINF:{},\n{number}.m4s", seconds(clip, span));
    }
    match form {
        Form::Live | Form::LowLatency => {}
        Form::Vod => text.push_str("#EXT-X-ENDLIST\n"),
    }
    text
}

fn date_time(clip: &Clip, span: Span) -> String {
    let millis = (span.start * 1000 + clip.ticks_per_second / 2) / clip.ticks_per_second;
    UnixMillis(millis).date_time()
}

/// Seconds with six decimals, in whole numbers all the way.
fn seconds(clip: &Clip, span: Span) -> String {
    let micros = (span.ticks * 1_000_000 + clip.ticks_per_second / 2) / clip.ticks_per_second;
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
