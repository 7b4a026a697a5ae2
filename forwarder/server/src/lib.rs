//! Remembers: follows the proxy's feed, labels each record, keeps it in the archive exactly once, and serves the archive API.
//!
//! Invariant: a record is published to live subscribers once and ends in the archive once, whatever dies in between (the
//! argument stands in `settle.rs`); nothing in here grows without bound.
//! Deliberately absent: any column name (see tables), any SELECT (see archive), starting an archive process.

mod api;
mod boot;
mod clock;
mod core;
mod follow;
mod forwarder;
mod ledger;
mod metrics;
mod row;
mod series;
mod settle;
mod status;
mod tasks;

pub use api::openapi;
pub use forwarder::{Config, Error, Forwarder};
pub use rebuffer_archive::Target as ArchiveTarget;
pub use status::Status;
