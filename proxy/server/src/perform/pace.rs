//! A pace of one body's own, slower than its link.
//!
//! Invariant: at no moment more has been given than the pace allows since the first byte, bar one slice of about 20 ms.

use std::time::Duration;

use rebuffer_model::BitsPerSec;
use tokio::time::{Instant, sleep_until};

const SLICES_PER_SECOND: u64 = 50;

/// The pace of one body.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    began: Instant,
    given: u64,
}

impl Pace {
    pub(super) fn new(rate: BitsPerSec) -> Self {
        Self { bytes_per_second: (rate.0 / 8).max(1), began: Instant::now(), given: 0 }
    }

    /// Waits until bytes may be given, and says how many of `most`.
    pub(super) async fn take(&mut self, most: usize) -> usize {
        let micros = u128::from(self.given) * 1_000_000 / u128::from(self.bytes_per_second);
        let due = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        sleep_until(self.began + due).await;
        let slice = (self.bytes_per_second / SLICES_PER_SECOND).max(1);
        let count = most.min(usize::try_from(slice).unwrap_or(usize::MAX));
        self.given += count as u64;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_takes_as_long_as_its_pace_says() {
        for (rate, bytes, seconds) in [(80_000, 30_000, 3.0), (8_000_000, 5_000_000, 5.0), (1_000, 250, 2.0)]
        {
            let mut pace = Pace::new(BitsPerSec(rate));
            let (began, mut left) = (Instant::now(), bytes);
            while left > 0 {
                left -= pace.take(left).await;
            }
            let took = began.elapsed().as_secs_f64();
            assert!((seconds - 0.03..=seconds).contains(&took), "{rate} bit/s: {took} s");
        }
    }
}
