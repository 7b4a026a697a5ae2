//! What a trace is like, in numbers.
//!
//! Invariant: rates are means over windows of one second from the start, so traces of different steps can be compared.

use rebuffer_model::{Millis, Trace, TraceStats};

const WINDOW_MS: u64 = 1_000;

/// What a trace is like.
pub fn stats(trace: &Trace) -> TraceStats {
    let mut windows = Vec::new();
    let (mut filled_ms, mut kbit) = (0, 0.0);
    let (mut outage_ms, mut longest_ms) = (0, 0);
    let (mut total_ms, mut total_kbit) = (0, 0.0);
    for step in &trace.steps {
        outage_ms = if step.bandwidth_kbps > 0.0 { 0 } else { outage_ms + step.duration_ms };
        longest_ms = longest_ms.max(outage_ms);
        total_ms += step.duration_ms;
        total_kbit += passed(step.bandwidth_kbps, step.duration_ms);
        let mut left = step.duration_ms;
        while left > 0 {
            let taken = left.min(WINDOW_MS - filled_ms);
            kbit += passed(step.bandwidth_kbps, taken);
            (filled_ms, left) = (filled_ms + taken, left - taken);
            if filled_ms == WINDOW_MS {
                windows.push(kbit / 1_000.0);
                (filled_ms, kbit) = (0, 0.0);
            }
        }
    }
    if windows.is_empty() && filled_ms > 0 {
        windows.push(kbit / Millis(filled_ms).as_f64());
    }
    windows.sort_by(f64::total_cmp);
    let share = |percent: usize| {
        let place = (windows.len() * percent).div_ceil(100).saturating_sub(1);
        places(windows.get(place).copied().unwrap_or(0.0))
    };
    let length_s = Millis(total_ms).as_f64() / 1_000.0;
    let clamped = trace.steps.iter().filter(|step| step.is_clamped()).count();
    TraceStats {
        length_s,
        mean_mbps: if length_s > 0.0 { places(total_kbit / 1_000.0 / length_s) } else { 0.0 },
        p5_mbps: share(5),
        p50_mbps: share(50),
        p95_mbps: share(95),
        longest_outage_s: Millis(longest_ms).as_f64() / 1_000.0,
        clamped_steps: u32::try_from(clamped).unwrap_or(u32::MAX),
    }
}

/// 10^3 bit that pass at a rate in a time.
fn passed(kbps: f64, ms: u64) -> f64 {
    kbps * Millis(ms).as_f64() / 1_000.0
}

fn places(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
