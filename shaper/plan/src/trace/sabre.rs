//! The JSON of Sabre, which is also how the rig shows a trace: a list of steps with their lengths.
//!
//! Invariant: a field that nobody knows is refused, so that a misspelt one is not lost.

use serde::Deserialize;

use super::quantise::whole_ms;
use super::{MAX_LINES, Piece, TraceError, whole};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    duration_ms: f64,
    bandwidth_kbps: f64,
    #[serde(default)]
    latency_ms: Option<f64>,
    #[serde(default)]
    loss_pct: Option<f64>,
    #[serde(default)]
    up_kbps: Option<f64>,
}

pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, TraceError> {
    let steps: Vec<Step> = serde_json::from_str(text)
        .map_err(|error| TraceError { line: Some(error.line().max(1)), message: error.to_string() })?;
    if steps.len() > MAX_LINES {
        return Err(whole(format!("at most {MAX_LINES} steps; got {}", steps.len())));
    }
    let mut pieces = Vec::with_capacity(steps.len());
    // Rounded from the start on, so that fractions of ms do not add up.
    let mut end = 0.0;
    for (number, step) in (1..).zip(steps) {
        let wrong = |message: String| whole(format!("step {number}: {message}"));
        if !(step.duration_ms > 0.0 && step.duration_ms <= 1e9) {
            return Err(wrong(format!("a duration is more than 0 ms; got {}", step.duration_ms)));
        }
        let before = whole_ms(end);
        end += step.duration_ms;
        let piece = Piece {
            ms: whole_ms(end) - before,
            kbps: step.bandwidth_kbps,
            latency_ms: step.latency_ms,
            loss_pct: step.loss_pct,
            up_kbps: step.up_kbps,
        };
        pieces.push(piece.checked().map_err(wrong)?);
    }
    Ok(pieces)
}
