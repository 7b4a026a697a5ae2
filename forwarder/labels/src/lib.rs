//! The labels: which events are worth a name, how bad each is, and how that is told from what came before.
//!
//! Invariant: pure. The same records in the same order give the same labels; time is the records' own. What is remembered is
//! bounded per play and in plays. Deliberately absent: where labels are kept and who reads them.

mod context;
mod memory;
mod play;
mod vocabulary;

pub use context::{Bucket, Context};
pub use memory::{MAX_PLAYS, Memory};
pub use play::Play;
pub use vocabulary::{FAMILIES, Family, LABELS, Rule, Seen};
