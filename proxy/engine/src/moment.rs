//! Time as the cadences see it: a monotonic count of microseconds.
//!
//! Invariant: spans are never negative; a moment that lies before its reference is taken as the reference itself.
//! Deliberately absent: the wall clock, which may step, and a rule that fires for five seconds must not step with it.

/// Microseconds on a clock that never goes back, counted from wherever the caller's clock began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    pub const fn from_secs(seconds: u32) -> Self {
        Self(micros(seconds))
    }

    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Microseconds from `earlier` to here; 0 when it lies after.
    pub(crate) const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Seconds in microseconds. A `u32` of them always fits.
pub(crate) const fn micros(seconds: u32) -> u64 {
    seconds as u64 * 1_000_000
}
