//! The link of each session, with all ports it is reached at, narrowed by the kernel or, where that may not be, paced by whoever writes.
//!
//! Invariant: a shape is in force when `set` returns, and what is reported was read back. One session's link touches
//! nothing of another's, and a machine on which nothing is capped is left as it is.
//! Deliberately absent: other programs. The kernel is spoken to through netlink alone.

mod claim;
mod config;
mod error;
mod examination;
mod isolation;
mod link;
mod netlink;
mod owner;
mod pacer;
mod sessions;
mod shaper;
mod socket;
mod sockopt;
mod tcp_info;

pub use config::{Backend, Mode, ShaperConfig};
pub use error::ShaperError;
pub use examination::Examination;
pub use isolation::Isolation;
pub use link::{InForce, Link, Strike};
pub use netlink::Netlink;
pub use pacer::Pacer;
pub use rebuffer_shape::{Counters, Drift, Machine, Minor, Ports, Traffic};
pub use shaper::Shaper;
pub use socket::prepare_listener;
pub use tcp_info::{TcpInfo, tcp_info};
