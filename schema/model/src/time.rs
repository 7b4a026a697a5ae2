//! The rig's clock on paper: an instant in microseconds, written as RFC 3339 in UTC.
//!
//! Invariant: always `Z`, always six digits, so that texts sort as instants do.
//! Deliberately absent: reading a clock. Pure code takes `now`; only the edges ask for it.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

/// An instant on the rig's clock, microseconds since 1970, RFC 3339 with `Z` in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant this many microseconds after 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant this many milliseconds after 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Milliseconds from `earlier` to this instant; negative when it lies after.
    #[expect(clippy::cast_precision_loss, reason = "spans of microseconds stay far below 2^53")]
    pub fn millis_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / 1_000.0
    }

    /// Reads RFC 3339 with any offset.
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        Ok(Self(text.parse::<jiff::Timestamp>()?.as_microsecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = jiff::Error;
    fn try_from(text: String) -> Result<Self, jiff::Error> {
        Self::parse(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_in_utc_with_six_digits_and_read_with_any_offset() {
        let instant = Timestamp::parse("2026-03-01T12:00:00.5+02:00").unwrap();
        assert_eq!(instant.to_string(), "2026-03-01T10:00:00.500000Z");
        assert_eq!(Timestamp::parse(&instant.to_string()).unwrap(), instant);
        assert!(Timestamp::parse("2026-03-01 10:00:00").is_err());
    }
}
