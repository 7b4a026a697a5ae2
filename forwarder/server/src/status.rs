//! How the forwarder is doing, in words and numbers.
//!
//! Invariant: `ready` is false exactly when `reason` says why.

/// How the forwarder is doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// Whether it follows the feed and the archive takes what it brings.
    pub ready: bool,
    /// Why it is not ready; absent when it is.
    pub reason: Option<String>,
    /// Records the feed is known to hold that are not in the archive yet.
    pub lag_rows: u64,
    /// Age of the oldest record that was read and is not in the archive yet, seconds.
    pub lag_seconds: f64,
    /// Everything up to this position of the feed is in the archive.
    pub settled: u64,
    /// The version of the schema in the archive, once known.
    pub schema_version: Option<u32>,
}
