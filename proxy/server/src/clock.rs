//! The rig's clocks: the wall clock that dates records, and the monotonic one that times things.
//!
//! Invariant: nothing else in this crate asks what time it is.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rebuffer_engine::Moment;
use rebuffer_model::Timestamp;

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The monotonic clock, counted from its first use.
pub(crate) fn moment() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let since = START.get_or_init(Instant::now).elapsed();
    Moment::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
