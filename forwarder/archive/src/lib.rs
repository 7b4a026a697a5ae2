//! The archive as the rest of the tree sees it: ClickHouse over HTTP, migrations, inserts, and every SELECT there is.
//!
//! Invariant: no SQL text is made from a caller's input; columns come from the catalogue and values are bound.
//! Every request has a timeout. Deliberately absent: retries and positions (see the forwarder), processes (see embedded).

mod target;

pub use target::Target;
