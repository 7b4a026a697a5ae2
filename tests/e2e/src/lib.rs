//! What the end-to-end tests hold in their hands: the built binary as a process, clients of it, and its archive.
//!
//! Invariant: one test has the machine at a time, whatever runs the tests, and nothing a test started outlives it.
//! Deliberately absent: any crate of the proxy or the forwarder. The rig is met as strangers meet it: by what it prints,
//! answers and leaves on disk.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail, also in what the tests share")]

mod archive;
mod load;
mod place;
mod rig;
mod tied;
mod wait;
mod web;

pub use archive::Archive;
pub use load::{Done, Load, Tally};
pub use place::{Place, lacks, program};
pub use rig::{Rig, RigConfig, Shaper};
pub use tied::tied;
pub use wait::until;
pub use web::{Answer, Web};
