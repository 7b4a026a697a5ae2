//! From pieces of any length to steps that a kernel can follow.
//!
//! Invariant: no step is shorter than 100 ms; what passes in a step is what passed in its pieces; an outage of 100 ms and more
//! stays one wherever it begins. The length is kept but for the last fraction of 100 ms, which the last step takes over.

use rebuffer_model::{Millis, Percent, TraceStep};

use super::{MAX_STEPS, Piece, SHORTEST_MS, TraceError, whole};

/// Neighbours that differ by less are one step.
const SAME: f64 = 0.05;

pub(super) fn steps(pieces: &[Piece]) -> Result<Vec<TraceStep>, TraceError> {
    let mut buckets: Vec<Piece> = Vec::new();
    let mut open: Option<Piece> = None;
    for piece in pieces.iter().filter(|piece| piece.ms > 0) {
        let mut rest = *piece;
        if let Some(begun) = open.take() {
            let missing = SHORTEST_MS - begun.ms;
            let taken = Piece { ms: rest.ms.min(missing), ..rest };
            let filled = mean(&begun, &taken);
            rest.ms -= taken.ms;
            if filled.ms < SHORTEST_MS {
                open = Some(filled);
                continue;
            }
            buckets.push(filled);
        }
        if rest.ms >= SHORTEST_MS {
            buckets.push(rest);
        } else if rest.ms > 0 {
            open = Some(rest);
        }
    }
    let Some(last) = buckets.last_mut() else {
        return Err(whole(format!("is shorter than {SHORTEST_MS} ms")));
    };
    last.ms += open.map_or(0, |rest| rest.ms);
    let steps = merged(&buckets);
    if steps.len() > MAX_STEPS {
        let got = steps.len();
        return Err(whole(format!(
            "comes to {got} steps of at least {SHORTEST_MS} ms; {MAX_STEPS} are the most"
        )));
    }
    Ok(steps)
}

/// One step for each run of buckets that hardly differ from the first of the run.
fn merged(buckets: &[Piece]) -> Vec<TraceStep> {
    let mut steps = Vec::new();
    let mut run: Option<(Piece, Piece)> = None;
    for bucket in buckets {
        run = Some(match run {
            Some((first, sum)) if alike(&first, bucket) => (first, mean(&sum, bucket)),
            Some((_, sum)) => {
                steps.push(step(&sum));
                (*bucket, *bucket)
            }
            None => (*bucket, *bucket),
        });
    }
    steps.extend(run.map(|(_, sum)| step(&sum)));
    steps
}

fn alike(first: &Piece, other: &Piece) -> bool {
    let near = |first: f64, other: f64| match first {
        0.0 => other == 0.0,
        _ => (other - first).abs() < first * SAME && other > 0.0,
    };
    let both = |first: Option<f64>, other: Option<f64>| match (first, other) {
        (Some(first), Some(other)) => near(first, other),
        (first, other) => first == other,
    };
    near(first.kbps, other.kbps)
        && both(first.latency_ms, other.latency_ms)
        && both(first.loss_pct, other.loss_pct)
        && both(first.up_kbps, other.up_kbps)
}

/// Both together: what passes in the one and in the other, each property by its time.
fn mean(one: &Piece, other: &Piece) -> Piece {
    let (a, b) = (Millis(one.ms).as_f64(), Millis(other.ms).as_f64());
    let mix = |x: f64, y: f64| if x == y { x } else { (x * a + y * b) / (a + b) };
    let both = |x: Option<f64>, y: Option<f64>| match (x, y) {
        (Some(x), Some(y)) => Some(mix(x, y)),
        (x, y) => x.or(y),
    };
    Piece {
        ms: one.ms + other.ms,
        kbps: mix(one.kbps, other.kbps),
        latency_ms: both(one.latency_ms, other.latency_ms),
        loss_pct: both(one.loss_pct, other.loss_pct),
        up_kbps: both(one.up_kbps, other.up_kbps),
    }
}

fn step(piece: &Piece) -> TraceStep {
    let places = |value: f64| (value * 1_000.0).round() / 1_000.0;
    TraceStep {
        duration_ms: piece.ms,
        bandwidth_kbps: places(piece.kbps),
        latency_ms: piece.latency_ms.and_then(|ms| u32::try_from(whole_ms(ms)).ok()),
        loss_pct: piece.loss_pct.and_then(|loss| Percent::new(places(loss)).ok()),
        up_kbps: piece.up_kbps.map(places),
    }
}

/// Milliseconds, rounded.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates at both ends")]
pub(super) fn whole_ms(ms: f64) -> u64 {
    ms.round() as u64
}
