//! A forwarder between a feed that can break and the real engine, which can be killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail, also in what the tests share")]

mod answers;
mod exactly_once;
mod feed;
mod records;
mod rig;
mod series;
