//! Remembers: follows the proxy's feed, labels each record, keeps it in the archive exactly once, and serves the archive API.
//!
//! Invariant: a record is published to live subscribers once and ends in the archive once, whatever dies in between (the
//! argument stands in `insert.rs`); nothing in here grows without bound.
//! Deliberately absent: any column name (see tables), any SELECT (see archive), starting an archive process.

mod forwarder;
mod status;

pub use forwarder::{Config, Error, Forwarder, openapi};
pub use rebuffer_archive::Target as ArchiveTarget;
pub use status::Status;
