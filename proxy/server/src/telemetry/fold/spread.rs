//! Values over a second: their mean, the smallest and the largest.
//!
//! Invariant: without a value there is no spread. Deliberately absent: which values.

use std::time::Duration;

use rebuffer_model::Spread;

/// Values, each as good as the other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Values {
    sum: f64,
    count: u32,
    ends: Option<(f64, f64)>,
}

/// Rates over stretches of time: the mean is everything over all the time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rates {
    bytes: u64,
    time: Duration,
    ends: Option<(f64, f64)>,
}

impl Values {
    pub(super) fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
        self.ends = Some(widened(self.ends, value));
    }

    pub(super) fn spread(&self) -> Option<Spread> {
        let (min, max) = self.ends?;
        Some(Spread { mean: self.sum / f64::from(self.count), min, max })
    }
}

impl Rates {
    pub(super) fn add(&mut self, bytes: u64, time: Duration) {
        let Some(rate) = mbps(bytes, time) else { return };
        self.bytes += bytes;
        self.time += time;
        self.ends = Some(widened(self.ends, rate));
    }

    pub(super) fn spread(&self) -> Option<Spread> {
        let (min, max) = self.ends?;
        Some(Spread { mean: self.mean()?, min, max })
    }

    pub(super) fn mean(&self) -> Option<f64> {
        mbps(self.bytes, self.time)
    }

    /// Whether anything passed.
    pub(super) fn moved(&self) -> bool {
        self.bytes > 0
    }
}

fn widened(ends: Option<(f64, f64)>, value: f64) -> (f64, f64) {
    ends.map_or((value, value), |(min, max)| (min.min(value), max.max(value)))
}

/// The rate in 10^6 bit/s; none over no time.
#[expect(clippy::cast_precision_loss, reason = "bytes of about a second")]
pub(super) fn mbps(bytes: u64, time: Duration) -> Option<f64> {
    (!time.is_zero()).then(|| bytes as f64 * 8.0 / 1e6 / time.as_secs_f64())
}
