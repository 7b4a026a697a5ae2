//! What the tests of the rig share: a scripted origin, a client on a bare socket, a rig in the process, a follower of its feed.
//!
//! Invariant: deterministic. Nothing sleeps, ports are the system's, and every wait for something that must come has an end.
//! Deliberately absent: assertions about the product; they stand in the tests.

mod api;
mod feed;
mod http2;
mod message;
mod mixed;
mod origin;
mod rig;
mod schema;
mod sse;
mod test_ca;
mod tls;
mod tls_origin;
mod wire;

pub use api::{Api, json, read, refused};
pub use feed::Feed;
pub use http2::{Answering, Http2, StreamAnswer, StreamEnding};
pub use message::{Field, Head};
pub use mixed::{mixed_site, mixed_table, pattern};
pub use origin::{Asked, Gate, Origin, Said, Saying};
pub use rebuffer_shaper::Mode;
pub use rig::{Rig, Setup};
pub use schema::Schema;
pub use sse::{Event, Sse};
pub use test_ca::{Issued, TestCa};
pub use tls::{certificate, server_certificate};
pub use tls_origin::{TlsOrigin, TlsServer};
pub use wire::{Answer, Ask, Ending, PATIENCE, Wire, place, soon};
