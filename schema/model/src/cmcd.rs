//! What a player says of itself with its requests and in its reports: Common Media Client Data (CTA-5004, version 2 in
//! CTA-5004-B).
//!
//! Invariant: in JSON every key has its name of the standard, and a value that is there has the standard's type; what had
//! another type was dropped and counted. Deliberately absent: the syntax of headers, queries and reports (see the media
//! room).

mod keys;
mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use keys::{CMCD_KEYS, CmcdKey, CmcdShard};
pub use value::{CmcdBare, CmcdItem, CmcdValue};

use crate::Extra;

/// The most keys without a meaning of their own that are kept of one record.
const MAX_EXTRAS: usize = 64;
/// The longest such key and the longest such text.
const MAX_EXTRA_TEXT: usize = 256;

/// One record: what came with a request, or one event of a report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cmcd {
    /// About the object asked for.
    #[serde(flatten)]
    pub object: CmcdObject,
    /// About the request and the player's state with it.
    #[serde(flatten)]
    pub request: CmcdRequest,
    /// About the session.
    #[serde(flatten)]
    pub session: CmcdSession,
    /// About playback so far.
    #[serde(flatten)]
    pub status: CmcdStatus,
    /// About the event, in reports.
    #[serde(flatten)]
    pub event: CmcdEvent,
    /// About a response the player received, in reports of event `rr`.
    #[serde(flatten)]
    pub response: CmcdResponse,
    /// How many keys were dropped because their value had the wrong type or was too long.
    #[serde(default, rename = "_dropped", skip_serializing_if = "is_zero")]
    pub dropped: u32,
    /// Keys of the player's own, and those of later versions.
    #[serde(flatten)]
    pub extras: BTreeMap<String, Extra>,
}

/// A number, and the sort of object it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PerObject {
    /// The number.
    pub value: u64,
    /// The sort of object; absent when it is about the object asked for, or all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ot: Option<CmcdObjectType>,
}

/// Something the player will ask for next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextObject {
    /// Path relative to the present request, as written.
    pub path: String,
    /// Bytes of it, `first-last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum CmcdObjectType {
    /// Manifest or playlist.
    #[serde(rename = "m")]
    Manifest,
    /// Audio only.
    #[serde(rename = "a")]
    Audio,
    /// Video only.
    #[serde(rename = "v")]
    Video,
    /// Audio and video muxed.
    #[serde(rename = "av")]
    Muxed,
    /// Initialisation segment.
    #[serde(rename = "i")]
    Init,
    /// Captions or subtitles.
    #[serde(rename = "c")]
    Caption,
    /// Timed text in an ISO file.
    #[serde(rename = "tt")]
    TimedText,
    /// Key, licence or certificate.
    #[serde(rename = "k")]
    Key,
    /// Anything else.
    #[serde(rename = "o")]
    Other,
}

/// What the player is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum CmcdState {
    /// From the request to play to the first frame.
    #[serde(rename = "s")]
    Starting,
    /// Showing pictures.
    #[serde(rename = "p")]
    Playing,
    /// Going elsewhere, because the user asked.
    #[serde(rename = "k")]
    Seeking,
    /// Out of media.
    #[serde(rename = "r")]
    Rebuffering,
    /// Paused.
    #[serde(rename = "a")]
    Paused,
    /// Waiting for something that is not media.
    #[serde(rename = "w")]
    Waiting,
    /// At the end.
    #[serde(rename = "e")]
    Ended,
    /// Broken beyond repair.
    #[serde(rename = "f")]
    Fatal,
    /// Left before the end.
    #[serde(rename = "q")]
    Quit,
    /// Loading ahead of a request to play.
    #[serde(rename = "d")]
    Preloading,
}

/// About the object asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CmcdObject {
    /// Encoded bitrate, kbit/s; the peak where both are declared.
    #[serde(rename = "br", skip_serializing_if = "Vec::is_empty")]
    pub bitrate: Vec<PerObject>,
    /// Highest bitrate of the ladder, kbit/s.
    #[serde(rename = "tb", skip_serializing_if = "Vec::is_empty")]
    pub top_bitrate: Vec<PerObject>,
    /// Lowest bitrate of the ladder, kbit/s.
    #[serde(rename = "lb", skip_serializing_if = "Vec::is_empty")]
    pub lowest_bitrate: Vec<PerObject>,
    /// Encoded bitrate of everything together, where it is not known per track, kbit/s.
    #[serde(rename = "ab", skip_serializing_if = "Vec::is_empty")]
    pub aggregate_bitrate: Vec<PerObject>,
    /// Highest such bitrate, kbit/s.
    #[serde(rename = "tab", skip_serializing_if = "Vec::is_empty")]
    pub top_aggregate_bitrate: Vec<PerObject>,
    /// Lowest such bitrate, kbit/s.
    #[serde(rename = "lab", skip_serializing_if = "Vec::is_empty")]
    pub lowest_aggregate_bitrate: Vec<PerObject>,
    /// Highest bitrate this device can play, kbit/s.
    #[serde(rename = "tpb", skip_serializing_if = "Vec::is_empty")]
    pub top_playable_bitrate: Vec<PerObject>,
    /// How long the object plays, ms; of the part for a partial segment.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What it is.
    #[serde(rename = "ot", skip_serializing_if = "Option::is_none")]
    pub object_type: Option<CmcdObjectType>,
}

/// About the request and the player's state with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CmcdRequest {
    /// Length of the buffer, ms.
    #[serde(rename = "bl", skip_serializing_if = "Vec::is_empty")]
    pub buffer_ms: Vec<PerObject>,
    /// Length the buffer should have, ms.
    #[serde(rename = "tbl", skip_serializing_if = "Vec::is_empty")]
    pub target_buffer_ms: Vec<PerObject>,
    /// Time until the buffer runs dry, ms.
    #[serde(rename = "dl", skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Throughput the player measured and reckons with, kbit/s.
    #[serde(rename = "mtp", skip_serializing_if = "Vec::is_empty")]
    pub measured_throughput: Vec<PerObject>,
    /// What it will ask for next.
    #[serde(rename = "nor", skip_serializing_if = "Vec::is_empty")]
    pub next_objects: Vec<NextObject>,
    /// Bytes of the next object, `first-last`; version 1 only.
    #[serde(rename = "nrr", skip_serializing_if = "Option::is_none")]
    pub next_range: Option<String>,
    /// Whether it is urgent: at start-up, after a seek, or to recover.
    #[serde(rename = "su", skip_serializing_if = "Option::is_none")]
    pub startup: Option<bool>,
    /// Bitrate at the playhead, kbit/s.
    #[serde(rename = "pb", skip_serializing_if = "Vec::is_empty")]
    pub playhead_bitrate: Vec<PerObject>,
    /// Distance from live, ms.
    #[serde(rename = "ltc", skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// What the player is doing.
    #[serde(rename = "sta", skip_serializing_if = "Option::is_none")]
    pub state: Option<CmcdState>,
    /// Counts the reports of a session in one mode to one target, from 0.
    #[serde(rename = "sn", skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<u64>,
    /// Frames dropped so far.
    #[serde(rename = "dfa", skip_serializing_if = "Option::is_none")]
    pub dropped_frames: Option<u64>,
    /// Signature of the content.
    #[serde(rename = "cs", skip_serializing_if = "Option::is_none")]
    pub content_signature: Option<String>,
}

/// About the session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CmcdSession {
    /// The playback session; a play of ours.
    #[serde(rename = "sid", skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The content.
    #[serde(rename = "cid", skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
    /// `d` DASH, `h` HLS, `s` Smooth Streaming, `e` HESP, `o` other.
    #[serde(rename = "sf", skip_serializing_if = "Option::is_none")]
    pub streaming_format: Option<String>,
    /// `v` on demand, `l` live, `ll` low-latency live.
    #[serde(rename = "st", skip_serializing_if = "Option::is_none")]
    pub stream_type: Option<String>,
    /// From starting to playing, ms; said once.
    #[serde(rename = "msd", skip_serializing_if = "Option::is_none")]
    pub media_start_delay_ms: Option<u64>,
    /// The version; absent means 1.
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// About playback so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CmcdStatus {
    /// Whether the buffer ran dry since the last report.
    #[serde(rename = "bs", skip_serializing_if = "Option::is_none")]
    pub starved: Option<bool>,
    /// How often it ran dry so far.
    #[serde(rename = "bsa", skip_serializing_if = "Vec::is_empty")]
    pub starvations: Vec<PerObject>,
    /// How long each time, ms.
    #[serde(rename = "bsd", skip_serializing_if = "Vec::is_empty")]
    pub starvation_ms: Vec<PerObject>,
    /// How long altogether, ms.
    #[serde(rename = "bsda", skip_serializing_if = "Vec::is_empty")]
    pub starvation_total_ms: Vec<PerObject>,
    /// The throughput it would be content with, kbit/s.
    #[serde(rename = "rtp", skip_serializing_if = "Option::is_none")]
    pub requested_throughput: Option<u64>,
    /// 1 is normal speed, 0 paused.
    #[serde(rename = "pr", skip_serializing_if = "Option::is_none")]
    pub playback_rate: Option<f64>,
    /// The playhead, ms.
    #[serde(rename = "pt", skip_serializing_if = "Option::is_none")]
    pub playhead_ms: Option<u64>,
    /// Whether the player is in the background.
    #[serde(rename = "bg", skip_serializing_if = "Option::is_none")]
    pub backgrounded: Option<bool>,
    /// Whether nothing is being rendered.
    #[serde(rename = "nr", skip_serializing_if = "Option::is_none")]
    pub not_rendered: Option<bool>,
    /// The delivery network.
    #[serde(rename = "cdn", skip_serializing_if = "Option::is_none")]
    pub cdn: Option<String>,
    /// Error codes.
    #[serde(rename = "ec", skip_serializing_if = "Vec::is_empty")]
    pub error_codes: Vec<String>,
}

/// About the event, in reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CmcdEvent {
    /// `ps` play state, `e` error, `t` time interval, `rr` response received, `bc` bitrate change and the like.
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// When, by the device's clock, ms since 1970.
    #[serde(rename = "ts", skip_serializing_if = "Option::is_none")]
    pub timestamp_ms: Option<u64>,
    /// The host the player asks.
    #[serde(rename = "h", skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The name of an event of the player's own.
    #[serde(rename = "cen", skip_serializing_if = "Option::is_none")]
    pub custom_event: Option<String>,
}

/// About a response the player received.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CmcdResponse {
    /// What was asked.
    #[serde(rename = "url", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The status; 0 is none.
    #[serde(rename = "rc", skip_serializing_if = "Option::is_none")]
    pub status: Option<u64>,
    /// From the request to the first byte, ms.
    #[serde(rename = "ttfb", skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// From the request to the first byte of the body, ms.
    #[serde(rename = "ttfbb", skip_serializing_if = "Option::is_none")]
    pub first_body_byte_ms: Option<u64>,
    /// From the request to the last byte, ms.
    #[serde(rename = "ttlb", skip_serializing_if = "Option::is_none")]
    pub last_byte_ms: Option<u64>,
    /// `CMSD-Static` of the response, base64.
    #[serde(rename = "cmsds", skip_serializing_if = "Option::is_none")]
    pub cmsd_static: Option<String>,
    /// `CMSD-Dynamic` of the response, base64.
    #[serde(rename = "cmsdd", skip_serializing_if = "Option::is_none")]
    pub cmsd_dynamic: Option<String>,
    /// Metrics of the media track, base64.
    #[serde(rename = "smrt", skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
}

impl Cmcd {
    /// Puts a value under its key. One of the wrong type, one that is too long and one too many are dropped and counted;
    /// of a key that comes twice the first stays.
    pub fn put(&mut self, key: &str, value: CmcdValue) {
        let known = CMCD_KEYS.iter().find(|known| known.name == key);
        let fits = match known {
            Some(known) => (known.put)(self, value),
            None => self.put_extra(key, value),
        };
        if fits.is_none() {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Counts a key whose value could not be read.
    pub fn drop_one(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }

    /// Whether nothing was said at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn put_extra(&mut self, key: &str, value: CmcdValue) -> Option<()> {
        let is_key = !key.is_empty() && key.len() <= MAX_EXTRA_TEXT && !key.starts_with('_');
        let room = self.extras.len() < MAX_EXTRAS || self.extras.contains_key(key);
        let extra = match value.into_first()?.bare {
            CmcdBare::Number(number) => Extra::Number(number),
            CmcdBare::Flag(flag) => Extra::Flag(flag),
            CmcdBare::Text(text) => Extra::Text(text),
        };
        let fits = !matches!(&extra, Extra::Text(text) if text.len() > MAX_EXTRA_TEXT);
        (is_key && room && fits).then(|| {
            self.extras.entry(key.to_owned()).or_insert(extra);
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests;
