//! mahimahi: one line per opportunity to send 1500 bytes, the ms at which it comes.
//!
//! Invariant: opportunities are counted in buckets as short as the bound on steps allows, and empty buckets stay.

use super::{MAX_MS, MAX_STEPS, Piece, SHORTEST_MS, TraceError, at, lines, whole};

/// Bits that one line lets through.
const BITS: f64 = 12_000.0;

pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, TraceError> {
    let mut times = Vec::new();
    for (number, line) in lines::filled(text) {
        let ms: u64 = line
            .parse()
            .map_err(|_| at(number, format!("a line is one whole number of ms; got {line:?}")))?;
        if times.last().is_some_and(|last| ms < *last) {
            return Err(at(
                number,
                format!("times do not go back; got {ms} after {}", times[times.len() - 1]),
            ));
        }
        if ms > MAX_MS {
            return Err(at(number, "is later than a day after the start"));
        }
        times.push(ms);
    }
    let Some(length) = times.last().copied().filter(|length| *length >= SHORTEST_MS) else {
        return Err(whole(format!("is shorter than {SHORTEST_MS} ms")));
    };
    let most = u64::try_from(MAX_STEPS).unwrap_or(u64::MAX);
    let bucket = length.div_ceil(most).div_ceil(SHORTEST_MS) * SHORTEST_MS;
    // What is left behind the last whole bucket belongs to that.
    let last = length / bucket - 1;
    let mut counts = vec![0_u32; usize::try_from(last + 1).unwrap_or(MAX_STEPS)];
    for ms in times {
        let place = usize::try_from((ms / bucket).min(last)).unwrap_or(usize::MAX);
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    let pieces = (0..).zip(counts).map(|(place, count)| {
        let ms = if place == last { length - last * bucket } else { bucket };
        Piece::new(ms, f64::from(count) * BITS / rebuffer_model::Millis(ms).as_f64())
    });
    Ok(pieces.collect())
}
