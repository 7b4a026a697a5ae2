//! Units: bit/s are powers of ten, times are milliseconds.
//!
//! Invariant: a unit that exists is finite and not negative, and its name says what it counts.
//! Deliberately absent: bounds of a particular knob; they stand in `KNOBS`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::KNOBS;

/// Why a number is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum UnitError {
    /// Negative, infinite or not a number.
    #[error("must be a number of {unit}, 0 or more; got {got}")]
    OutOfRange {
        /// The unit that was asked for.
        unit: &'static str,
        /// What came.
        got: f64,
    },
    /// Not a share.
    #[error("must be a share from 0 to 100 percent; got {got}")]
    NoShare {
        /// What came.
        got: f64,
    },
}

/// Bits per second on the wire.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema, Default,
)]
#[serde(transparent)]
pub struct BitsPerSec(pub u64);

/// Milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema, Default,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

/// A rate in 10^6 bit/s, the unit of the API and of the archive.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schema(value_type = f64, minimum = 0)]
pub struct Mbps(f64);

/// A share in percent, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, ToSchema, Default)]
#[serde(try_from = "f64", into = "f64")]
#[schema(value_type = f64, minimum = 0, maximum = 100)]
pub struct Percent(f64);

impl Percent {
    /// A checked share: from 0 to 100.
    pub fn new(value: f64) -> Result<Self, UnitError> {
        if (0.0..=100.0).contains(&value) { Ok(Self(value)) } else { Err(UnitError::NoShare { got: value }) }
    }

    /// The number of percent.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The same share of 1.
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }
}

impl Millis {
    /// The number of milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "times stay far below 2^53 ms")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }
}

impl Mbps {
    /// A checked rate: finite and not negative.
    pub fn new(value: f64) -> Result<Self, UnitError> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(UnitError::OutOfRange { unit: "Mbit/s", got: value })
        }
    }

    /// The rate nearest to this number within the bounds of the knob `rate_mbps`; what is no number is the lower bound.
    pub fn within_knob(value: f64) -> Self {
        let (min, max) = KNOBS
            .iter()
            .find(|knob| knob.name == "rate_mbps")
            .map_or((0.0, f64::MAX), |knob| (knob.min, knob.max));
        Self(value.max(min).min(max))
    }

    /// The number of 10^6 bit/s.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The same rate in bit/s, rounded to the nearest.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked finite and not negative; `as` saturates at the top"
    )]
    pub fn bits_per_sec(self) -> BitsPerSec {
        BitsPerSec((self.0 * 1e6).round() as u64)
    }
}

impl BitsPerSec {
    /// The same rate in 10^6 bit/s.
    #[expect(clippy::cast_precision_loss, reason = "rates stay far below 2^53 bit/s")]
    pub fn mbps(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl TryFrom<f64> for Mbps {
    type Error = UnitError;
    fn try_from(value: f64) -> Result<Self, UnitError> {
        Self::new(value)
    }
}

impl TryFrom<f64> for Percent {
    type Error = UnitError;
    fn try_from(value: f64) -> Result<Self, UnitError> {
        Self::new(value)
    }
}

impl From<Percent> for f64 {
    fn from(share: Percent) -> f64 {
        share.0
    }
}

impl From<Mbps> for f64 {
    fn from(rate: Mbps) -> f64 {
        rate.0
    }
}

impl From<BitsPerSec> for Mbps {
    fn from(rate: BitsPerSec) -> Mbps {
        Mbps(rate.mbps())
    }
}

impl fmt::Display for Mbps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Mbit/s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_finite_and_not_negative() {
        assert_eq!(Mbps::new(1.5).unwrap().bits_per_sec(), BitsPerSec(1_500_000));
        for bad in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(Mbps::new(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Mbps>("-1").is_err());
        assert!(serde_json::from_str::<Mbps>("\"5\"").is_err());
    }
}
