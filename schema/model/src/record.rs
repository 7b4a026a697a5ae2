//! What the feed carries: one numbered, dated record of something that happened.
//!
//! Invariant: positions grow by one; a hole is a record of its own that says how much is missing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Action, Exchange, Position, Sample, Timestamp};

/// One record of the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    /// Its place, unique for ever.
    pub position: Position,
    /// The rig's clock: when an exchange ended, a sample came, an action was taken.
    pub ts: Timestamp,
    /// What happened.
    pub body: RecordBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordBody {
    /// A request was answered.
    Exchange(Box<Exchange>),
    /// A player reported.
    Sample(Box<Sample>),
    /// Somebody did something.
    Action(Box<Action>),
    /// Records were lost because a bound was hit.
    Gap {
        /// The first position lost.
        from: Position,
        /// The last position lost.
        to: Position,
        /// How many records that were.
        lost: u64,
    },
}
