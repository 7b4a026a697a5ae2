//! Rows as bytes: RowBinary for the archive, JSON for live subscribers.
//!
//! Invariant: the JSON of a row before it is archived says the same as the archive's own JSON of it afterwards.

pub(crate) mod binary;
pub mod json;
