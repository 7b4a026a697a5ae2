//! Against the real engine: what the migrations make, what goes in, what comes out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail, also in what the tests share")]

mod inserts;
mod rig;
mod samples;
mod schema;
mod selects;
