//! What happens to a request: `decide` takes one request and the time, and gives the script to perform.
//!
//! Invariant: the same rules, requests and times always give the same decisions; a request that passes allocates nothing.
//! One `RuleBook` belongs to one player and is held by one owner, so nothing that happens elsewhere can move its counters.
//! Deliberately absent: a clock, randomness, I/O, and any idea of how a step is performed.

mod book;
mod chance;
mod cycle;
mod filter;
mod moment;

pub use book::{Compiled, Counters, Decision, Known, RuleBook, RuleError, Script};
pub use chance::chance;
pub use filter::{PatternError, RequestView, Sequence};
pub use moment::Moment;
