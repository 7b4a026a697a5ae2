//! The embedded archive as its clients meet it: the real library, in a real child process, over real HTTP.
//!
//! Every test starts an archive of its own in a directory of its own. Without the library they say `skipped` and pass.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail, also in what the tests share")]

mod clickhouse_crate;
mod guards;
mod judged;
mod kinds;
mod reader;
mod rig;
mod statements;
mod streaming;
mod supervision;
