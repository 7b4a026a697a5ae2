//! How far each feed has been archived: a note beside the data, so that a restart need not look at all of it.
//!
//! Invariant: a note is written after what it speaks of is in the archive; it may lag, it never leads.

use rebuffer_model::{Position, Timestamp};

use crate::Name;
use crate::declare::{columns, table};

columns! {
    /// How far a feed has been archived.
    Progress {
        /// Which proxy.
        source: Name,
        /// Everything up to here is in the archive.
        position: Position,
        /// When that was found, on the clock of the forwarder.
        written_at: Timestamp,
    }
}

table! {
    /// How far each feed has been archived; the greatest position of a source counts.
    FeedProgress is "feed_progress" {
        /// The note.
        progress: Progress,
    }
    engine "ReplacingMergeTree(position)",
    partition by "",
    order by "source",
    indexes []
}
