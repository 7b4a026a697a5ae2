//! What has to be known of a play to label what happens next: a small fold over its records.
//!
//! Invariant: [`Play::fold`] never grows a `Play` beyond a fixed size, and looks at no clock.
//! Deliberately absent: any label.

use std::collections::VecDeque;

use rebuffer_model::{Cause, Exchange, FaultCategory, Record, RecordBody, Sample, Timestamp};

/// A request for what failed this recently is a retry.
const RETRY_MS: f64 = 4_000.0;
/// More failures than this within the retry time are not told apart.
const MAX_FAILURES: usize = 64;

/// What is remembered of one play of one player.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Play {
    /// When playback halted for want of data, while it does.
    pub stalled_since: Option<Timestamp>,
    /// When buffering began, while it lasts.
    pub buffering_since: Option<Timestamp>,
    /// When the first frame was seen.
    pub first_frame: Option<FirstFrame>,
    /// When the viewer last jumped.
    pub jumped_at: Option<Timestamp>,
    failures: VecDeque<(String, Timestamp)>,
    seen: bool,
}

/// When the first frame of a play was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstFrame {
    /// At this instant.
    At(Timestamp),
    /// Before the first record of the play that was seen.
    Earlier,
}

impl Play {
    /// Remembers what matters of this record.
    pub fn fold(&mut self, record: &Record) {
        match &record.body {
            RecordBody::Sample(sample) => self.report(record.ts, sample),
            RecordBody::Exchange(exchange) => self.exchange(record.ts, exchange),
            RecordBody::Action(_) | RecordBody::Gap { .. } => {}
        }
        self.seen = true;
    }

    /// Whether this request asks again for what failed a moment ago.
    pub fn retries(&self, exchange: &Exchange) -> bool {
        let path = path(exchange);
        self.failures.iter().any(|(failed, at)| {
            failed == path && (0.0..=RETRY_MS).contains(&exchange.started_at.millis_since(*at))
        })
    }

    fn report(&mut self, ts: Timestamp, sample: &Sample) {
        let player = &sample.player;
        match player.last_event.as_deref() {
            Some("stall_start") => self.stalled_since = Some(ts),
            Some("stall_end") => self.stalled_since = None,
            Some("buffering_start") => self.buffering_since = Some(ts),
            Some("buffering_end") => self.buffering_since = None,
            Some("timejump") => self.jumped_at = Some(ts),
            Some("video_first_frame" | "video_start_time") if self.first_frame.is_none() => {
                self.first_frame = Some(FirstFrame::At(ts));
            }
            Some("restart") => {
                *self = Self { failures: std::mem::take(&mut self.failures), ..Self::default() }
            }
            Some(_) | None => {}
        }
        let shown = |time: Option<f64>| time.is_some_and(|time| time > 0.0);
        let told = shown(player.first_frame_time_s) || shown(player.video_start_time_s);
        if self.first_frame.is_none() && told && player.last_event.as_deref() != Some("restart") {
            self.first_frame = Some(if self.seen { FirstFrame::At(ts) } else { FirstFrame::Earlier });
        }
    }

    fn exchange(&mut self, ts: Timestamp, exchange: &Exchange) {
        while self.failures.front().is_some_and(|(_, at)| ts.millis_since(*at) > RETRY_MS) {
            self.failures.pop_front();
        }
        let path = path(exchange);
        self.failures.retain(|(failed, _)| failed != path);
        if failed(exchange) {
            if self.failures.len() == MAX_FAILURES {
                self.failures.pop_front();
            }
            self.failures.push_back((path.to_owned(), ts));
        }
    }
}

/// Whether the client did not get what it asked for; giving up by itself is not that.
pub(crate) fn failed(exchange: &Exchange) -> bool {
    !abandoned(exchange) && (exchange.answer.status >= 400 || exchange.fault.is_some())
}

/// Whether the client gave up by itself.
pub(crate) fn abandoned(exchange: &Exchange) -> bool {
    let left = |category| category == FaultCategory::ClientDisconnect;
    exchange.fault.as_ref().is_some_and(|fault| left(fault.category))
        || exchange.cause == Some(Cause::Client) && !exchange.answer.complete
}

/// What a retry asks for again: query strings carry counters, so the path alone.
fn path(exchange: &Exchange) -> &str {
    exchange.request.url.split('?').next().unwrap_or_default()
}
