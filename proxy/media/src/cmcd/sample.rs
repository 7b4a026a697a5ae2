//! From CMCD to the sample of a player that posts nothing else.
//!
//! Invariant: a metric is filled only from a key that says the same thing in the same sense; what has no metric of its own
//! goes to the extras as `cmcd_` and its key. Numbers about sound alone say nothing about pictures.
//! Deliberately absent: comparing with earlier samples; each record stands for itself.

use rebuffer_model::{Cmcd, CmcdObjectType, CmcdState, Extra, PerObject, PlayerMetrics, Timestamp};

/// The latest instant that can be written, ms since 1970: the end of the year 9999.
const LAST_INSTANT: u64 = 253_402_300_799_999;

/// What an event is called in samples.
const EVENTS: &[(&str, &str)] = &[
    ("t", "heartbeat"),
    ("ps", "state_change"),
    ("bc", "bitrate_change"),
    ("pr", "ratechange"),
    ("e", "error"),
    ("sk", "seeked"),
];

/// What a record says as a sample; its source is `cmcd`.
pub fn to_metrics(cmcd: &Cmcd) -> PlayerMetrics {
    let Cmcd { object, request, session, status, event, .. } = cmcd;
    let asked = object.object_type;
    let playhead = of_pictures(&request.playhead_bitrate, None);
    let bitrate = playhead
        .or_else(|| of_pictures(&object.bitrate, asked).filter(|_| is_pictures(&object.bitrate, asked)));
    let top = of_pictures(&object.top_bitrate, asked).filter(|top| *top > 0);
    let (state, waiting_reason) = state(cmcd);
    PlayerMetrics {
        event_time: event.timestamp_ms.filter(|ms| *ms <= LAST_INSTANT).and_then(instant),
        last_event: event.event.as_deref().map(event_name),
        trigger_type: event.event.clone(),
        state: state.map(str::to_owned),
        waiting_reason: waiting_reason.map(str::to_owned),
        source: Some("cmcd".to_owned()),
        error: (!status.error_codes.is_empty()).then(|| status.error_codes.join(", ")),
        video_bitrate_mbps: bitrate.map(mbps),
        video_quality_pct: bitrate.zip(top).map(|(bitrate, top)| percent(bitrate, top)),
        network_bitrate_mbps: of_pictures(&request.measured_throughput, None)
            .or_else(|| request.measured_throughput.first().map(|first| first.value))
            .map(mbps),
        buffer_depth_s: of_pictures(&request.buffer_ms, asked).map(seconds),
        live_offset_s: request.latency_ms.map(seconds),
        position_s: status.playhead_ms.map(seconds),
        playback_rate: status.playback_rate,
        video_start_time_s: session.media_start_delay_ms.map(seconds),
        stalls: of_pictures(&status.starvations, None).and_then(|count| u32::try_from(count).ok()),
        stall_time_s: of_pictures(&status.starvation_total_ms, None).map(seconds),
        last_stall_time_s: of_pictures_last(&status.starvation_ms).map(seconds),
        dropped_frames: request.dropped_frames,
        extras: extras(cmcd),
        ..PlayerMetrics::default()
    }
}

/// The number that is about pictures. One that names no object is about the object `asked` for, if that is known.
fn of_pictures(list: &[PerObject], asked: Option<CmcdObjectType>) -> Option<u64> {
    let named = list.iter().find(|each| each.ot.is_some_and(shows_pictures));
    let unnamed =
        || list.iter().find(|each| each.ot.is_none() && asked.is_none_or(|asked| !is_beside_pictures(asked)));
    named.or_else(unnamed).map(|each| each.value)
}

fn of_pictures_last(list: &[PerObject]) -> Option<u64> {
    let is_about_pictures = |each: &&PerObject| each.ot.is_none_or(shows_pictures);
    list.iter().rev().find(is_about_pictures).map(|each| each.value)
}

/// Whether a bitrate is known to be of pictures: by its own word, or by that of the request.
fn is_pictures(list: &[PerObject], asked: Option<CmcdObjectType>) -> bool {
    asked.is_some_and(shows_pictures) || list.iter().any(|each| each.ot.is_some_and(shows_pictures))
}

fn shows_pictures(ot: CmcdObjectType) -> bool {
    matches!(ot, CmcdObjectType::Video | CmcdObjectType::Muxed)
}

fn is_beside_pictures(ot: CmcdObjectType) -> bool {
    matches!(ot, CmcdObjectType::Audio | CmcdObjectType::Caption | CmcdObjectType::TimedText)
}

/// The state in the words of samples, and what is waited for.
fn state(cmcd: &Cmcd) -> (Option<&'static str>, Option<&'static str>) {
    let Some(state) = cmcd.request.state else {
        return (cmcd.status.playback_rate.filter(|rate| *rate == 0.0).map(|_| "paused"), None);
    };
    match state {
        CmcdState::Starting => (Some("buffering"), Some("starting")),
        CmcdState::Playing => (Some("playing"), None),
        CmcdState::Seeking => (Some("buffering"), Some("seeking")),
        CmcdState::Rebuffering => (Some("stalled"), Some("rebuffering")),
        CmcdState::Paused => (Some("paused"), None),
        CmcdState::Waiting => (Some("buffering"), Some("waiting")),
        CmcdState::Ended => (Some("ended"), None),
        CmcdState::Fatal => (Some("error"), None),
        CmcdState::Quit | CmcdState::Preloading => (Some("idle"), None),
    }
}

fn event_name(event: &str) -> String {
    let known = EVENTS.iter().find(|(token, _)| *token == event);
    known.map_or_else(|| format!("cmcd_{event}"), |(_, name)| (*name).to_owned())
}

fn extras(cmcd: &Cmcd) -> std::collections::BTreeMap<String, Extra> {
    let Cmcd { request, session, status, event, .. } = cmcd;
    let flag = |flag: Option<bool>| flag.map(Extra::Flag);
    let text = |text: &Option<String>| text.clone().map(Extra::Text);
    let number = |number: Option<u64>| number.map(count);
    let rows = [
        ("bs", flag(status.starved)),
        ("su", flag(request.startup)),
        ("bg", flag(status.backgrounded)),
        ("nr", flag(status.not_rendered)),
        ("cid", text(&session.content_id)),
        ("sf", text(&session.streaming_format)),
        ("st", text(&session.stream_type)),
        ("cdn", text(&status.cdn)),
        ("cen", text(&event.custom_event)),
        ("dl", number(request.deadline_ms)),
        ("rtp", number(status.requested_throughput)),
        ("sn", number(request.sequence_number)),
        ("tbl", number(of_pictures(&request.target_buffer_ms, None))),
    ];
    let own = cmcd.extras.iter().map(|(key, value)| (key.clone(), value.clone()));
    let known = rows.into_iter().filter_map(|(key, value)| Some((format!("cmcd_{key}"), value?)));
    own.chain(known).collect()
}

fn instant(ms: u64) -> Option<Timestamp> {
    i64::try_from(ms).ok().map(Timestamp::from_millis)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of CMCD stay below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

fn count(number: u64) -> Extra {
    Extra::Number(float(number))
}

fn seconds(ms: u64) -> f64 {
    float(ms) / 1_000.0
}

fn mbps(kbps: u64) -> f64 {
    float(kbps) / 1_000.0
}

fn percent(part: u64, whole: u64) -> f64 {
    float(part) * 100.0 / float(whole)
}
