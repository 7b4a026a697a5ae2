//! Waiting: how long it took, and at which moment of a play.
//!
//! Invariant: a wait has one context and one bucket, so it gets at most one label.

use rebuffer_model::{Sample, Timestamp};

use crate::Play;
use crate::play::FirstFrame;
use crate::vocabulary::Seen;

/// Waiting this soon after the first frame still belongs to the start, ms.
const STARTUP_MS: f64 = 10_000.0;
/// Buffering this soon after a jump belongs to the jump, ms.
const SCRUB_MS: f64 = 3_000.0;

/// At which moment of a play the viewer waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Before the first frame or within 10 s of it.
    Startup,
    /// Buffering within 3 s of a jump.
    Scrub,
    /// Any other moment.
    Midplay,
}

/// How long the viewer waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// Less than a second.
    Short,
    /// From one second to less than three.
    Long,
    /// Three seconds and more.
    Severe,
}

impl Bucket {
    fn of(seconds: f64) -> Option<Self> {
        match seconds {
            s if s.is_nan() || s <= 0.0 => None,
            s if s < 1.0 => Some(Self::Short),
            s if s < 3.0 => Some(Self::Long),
            _ => Some(Self::Severe),
        }
    }
}

/// The stall that this record ends.
pub(crate) fn stall(seen: &Seen<'_>) -> Option<(Context, Bucket)> {
    let sample = seen.event("stall_end")?;
    let bucket = bucket(seen.now.ts, sample.player.last_stall_time_s, seen.play.stalled_since)?;
    let context = if starting(seen.now.ts, sample, seen.play) { Context::Startup } else { Context::Midplay };
    Some((context, bucket))
}

/// The buffering that this record ends.
pub(crate) fn buffering(seen: &Seen<'_>) -> Option<(Context, Bucket)> {
    let sample = seen.event("buffering_end")?;
    let ts = seen.now.ts;
    let bucket = bucket(ts, sample.player.last_buffering_time_s, seen.play.buffering_since)?;
    let jumped = seen.play.jumped_at.is_some_and(|at| (0.0..=SCRUB_MS).contains(&ts.millis_since(at)));
    let context = match starting(ts, sample, seen.play) {
        true => Context::Startup,
        false if jumped => Context::Scrub,
        false => Context::Midplay,
    };
    Some((context, bucket))
}

/// What the player says it lasted; what was seen of it otherwise.
fn bucket(ts: Timestamp, said: Option<f64>, since: Option<Timestamp>) -> Option<Bucket> {
    let said = said.filter(|seconds| *seconds > 0.0);
    Bucket::of(said.or_else(|| since.map(|since| ts.millis_since(since) / 1_000.0))?)
}

fn starting(ts: Timestamp, sample: &Sample, play: &Play) -> bool {
    match play.first_frame {
        Some(FirstFrame::At(at)) => ts.millis_since(at) <= STARTUP_MS,
        Some(FirstFrame::Earlier) => false,
        // A play that is met in its middle says so itself.
        None => !sample.player.first_frame_time_s.is_some_and(|time| time > 0.0),
    }
}
