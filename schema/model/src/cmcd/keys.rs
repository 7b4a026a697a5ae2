//! The keys of CMCD: name, version, shard, unit, meaning, and where the value goes.
//!
//! Invariant: one row per key; parsers, documentation and menus read the rows. Source: CTA-5004 and CTA-5004-B.
//! Deliberately absent: keys of the player's own; they have no row and are kept as extras.

use super::{Cmcd, CmcdValue};

/// Longest text of each sort of key, in characters.
const ID: usize = 64;
const LONG_ID: usize = 128;
const TOKEN: usize = 8;
const URL: usize = 2_048;

/// Which header a key travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CmcdShard {
    /// `CMCD-Object`.
    Object,
    /// `CMCD-Request`.
    Request,
    /// `CMCD-Session`.
    Session,
    /// `CMCD-Status`.
    Status,
    /// Reports only.
    Report,
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct CmcdKey {
    /// The name.
    pub name: &'static str,
    /// The first version of CMCD that has it.
    pub version: u8,
    /// Which header it travels in.
    pub shard: CmcdShard,
    /// Type, and unit where there is one.
    pub unit: &'static str,
    /// What it says.
    pub doc: &'static str,
    /// Puts a value where it belongs; `None` when it has the wrong type. The first value stays.
    pub put: fn(&mut Cmcd, CmcdValue) -> Option<()>,
}

/// A row: the value is read by `$read` and kept in `$group.$field` unless something is there.
macro_rules! key {
    ($name:literal, $version:literal, $shard:ident, $unit:literal, $doc:literal,
     $group:ident . $field:ident, $read:ident $(($limit:expr))?) => {
        CmcdKey {
            name: $name,
            version: $version,
            shard: CmcdShard::$shard,
            unit: $unit,
            doc: $doc,
            put: |cmcd, value| {
                let value = value.$read($($limit)?)?;
                keep(&mut cmcd.$group.$field, value);
                Some(())
            },
        }
    };
}

/// Every key of the standard, by shard.
pub const CMCD_KEYS: &[CmcdKey] = &[
    key!("br", 1, Object, "list of kbit/s", "Encoded bitrate.", object.bitrate, into_per_object),
    key!("tb", 1, Object, "list of kbit/s", "Top bitrate.", object.top_bitrate, into_per_object),
    key!("lb", 2, Object, "list of kbit/s", "Lowest bitrate.", object.lowest_bitrate, into_per_object),
    key!("ab", 2, Object, "list of kbit/s", "Aggregate bitrate.", object.aggregate_bitrate, into_per_object),
    key!(
        "tab",
        2,
        Object,
        "list of kbit/s",
        "Top aggregate bitrate.",
        object.top_aggregate_bitrate,
        into_per_object
    ),
    key!(
        "lab",
        2,
        Object,
        "list of kbit/s",
        "Lowest aggregate bitrate.",
        object.lowest_aggregate_bitrate,
        into_per_object
    ),
    key!(
        "tpb",
        2,
        Object,
        "list of kbit/s",
        "Top playable bitrate.",
        object.top_playable_bitrate,
        into_per_object
    ),
    key!("d", 1, Object, "ms", "Duration of the object.", object.duration_ms, into_whole),
    key!("ot", 1, Object, "token", "Type of the object.", object.object_type, into_object_type),
    key!("bl", 1, Request, "list of ms", "Buffer length.", request.buffer_ms, into_per_object),
    key!("tbl", 2, Request, "list of ms", "Target buffer length.", request.target_buffer_ms, into_per_object),
    key!("dl", 1, Request, "ms", "Deadline before the buffer runs dry.", request.deadline_ms, into_whole),
    key!(
        "mtp",
        1,
        Request,
        "list of kbit/s",
        "Measured throughput.",
        request.measured_throughput,
        into_per_object
    ),
    key!(
        "nor",
        1,
        Request,
        "list of strings",
        "Next objects to be requested.",
        request.next_objects,
        into_next_objects(URL)
    ),
    key!("nrr", 1, Request, "string", "Range of the next object.", request.next_range, into_text(ID)),
    key!("su", 1, Request, "flag", "Needed urgently.", request.startup, into_flag),
    key!(
        "pb",
        2,
        Request,
        "list of kbit/s",
        "Bitrate at the playhead.",
        request.playhead_bitrate,
        into_per_object
    ),
    key!("ltc", 2, Request, "ms", "Live latency.", request.latency_ms, into_whole),
    key!("sta", 2, Request, "token", "State of the player.", request.state, into_state),
    key!("sn", 2, Request, "count", "Number of the report.", request.sequence_number, into_whole),
    key!("dfa", 2, Request, "count", "Frames dropped so far.", request.dropped_frames, into_whole),
    key!(
        "cs",
        2,
        Request,
        "string",
        "Signature of the content.",
        request.content_signature,
        into_text(LONG_ID)
    ),
    key!("sid", 1, Session, "string", "Session id.", session.session_id, into_text(ID)),
    key!("cid", 1, Session, "string", "Content id.", session.content_id, into_text(LONG_ID)),
    key!("sf", 1, Session, "token", "Streaming format.", session.streaming_format, into_text(TOKEN)),
    key!("st", 1, Session, "token", "Stream type.", session.stream_type, into_text(TOKEN)),
    key!(
        "msd",
        2,
        Session,
        "ms",
        "Delay from starting to playing.",
        session.media_start_delay_ms,
        into_whole
    ),
    key!("v", 1, Session, "number", "Version of CMCD.", session.version, into_whole),
    key!("bs", 1, Status, "flag", "Buffer ran dry since the last report.", status.starved, into_flag),
    key!(
        "bsa",
        2,
        Status,
        "list of counts",
        "Times the buffer ran dry so far.",
        status.starvations,
        into_per_object
    ),
    key!(
        "bsd",
        2,
        Status,
        "list of ms",
        "How long the buffer was dry each time.",
        status.starvation_ms,
        into_per_object
    ),
    key!(
        "bsda",
        2,
        Status,
        "list of ms",
        "How long the buffer was dry so far.",
        status.starvation_total_ms,
        into_per_object
    ),
    key!(
        "rtp",
        1,
        Status,
        "kbit/s",
        "Requested maximum throughput.",
        status.requested_throughput,
        into_whole
    ),
    key!("pr", 1, Status, "decimal", "Playback rate.", status.playback_rate, into_decimal),
    key!("pt", 2, Status, "ms", "Playhead time.", status.playhead_ms, into_whole),
    key!("bg", 2, Status, "flag", "In the background.", status.backgrounded, into_flag),
    key!("nr", 2, Status, "flag", "Nothing is rendered.", status.not_rendered, into_flag),
    key!("cdn", 2, Status, "string", "Id of the delivery network.", status.cdn, into_text(LONG_ID)),
    key!("ec", 2, Status, "list of strings", "Error codes.", status.error_codes, into_texts(LONG_ID)),
    key!("e", 2, Report, "token", "The event.", event.event, into_text(TOKEN)),
    key!("ts", 2, Report, "ms since 1970", "When, by the device's clock.", event.timestamp_ms, into_whole),
    key!("h", 2, Report, "string", "Host of the content.", event.host, into_text(LONG_ID)),
    key!("cen", 2, Report, "string", "Name of a custom event.", event.custom_event, into_text(ID)),
    key!("url", 2, Report, "string", "URL of the response.", response.url, into_text(URL)),
    key!("rc", 2, Report, "status", "Status of the response, 0 for none.", response.status, into_whole),
    key!("ttfb", 2, Report, "ms", "Time to the first byte.", response.first_byte_ms, into_whole),
    key!(
        "ttfbb",
        2,
        Report,
        "ms",
        "Time to the first byte of the body.",
        response.first_body_byte_ms,
        into_whole
    ),
    key!("ttlb", 2, Report, "ms", "Time to the last byte.", response.last_byte_ms, into_whole),
    key!("cmsds", 2, Report, "base64", "CMSD-Static of the response.", response.cmsd_static, into_text(URL)),
    key!(
        "cmsdd",
        2,
        Report,
        "base64",
        "CMSD-Dynamic of the response.",
        response.cmsd_dynamic,
        into_text(URL)
    ),
    key!("smrt", 2, Report, "base64", "Metrics of the media track.", response.metrics, into_text(URL)),
];

/// A place for a value that may have one already.
trait Place<T> {
    fn keep(&mut self, value: T);
}

impl<T> Place<T> for Option<T> {
    fn keep(&mut self, value: T) {
        self.get_or_insert(value);
    }
}

impl<T> Place<Self> for Vec<T> {
    fn keep(&mut self, value: Self) {
        if self.is_empty() {
            *self = value;
        }
    }
}

fn keep<T>(place: &mut impl Place<T>, value: T) {
    place.keep(value);
}
