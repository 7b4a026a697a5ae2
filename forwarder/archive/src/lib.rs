//! The archive as the rest of the tree sees it: ClickHouse over HTTP, migrations, inserts, and every SELECT there is.
//!
//! Invariant: no SQL text is made from a caller's input; columns come from the catalogue and values are bound.
//! Every request has a timeout. Deliberately absent: retries and positions (see the forwarder), processes (see embedded).

mod client;
mod encode;
mod error;
mod filter;
mod insert;
mod lines;
mod migrate;
mod plays;
mod rows;
mod target;

pub use client::Archive;
pub use encode::json;
pub use error::Error;
pub use filter::{Bound, Condition, Filter, Test};
pub use lines::Lines;
pub use plays::{PlayCursor, PlayKey, PlaysQuery};
pub use rows::{Order, RowCursor, RowQuery, stride_bucket};
pub use target::Target;
