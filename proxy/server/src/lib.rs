//! What happens to a request: sessions on ports, the exchange path, the control API and the feed.
//!
//! A player comes to the base port (`bootstrap.rs`), is given a session on a port of its own (`sessions/`), and every request
//! there takes one path (`exchange.rs`): classify, decide, perform, record. The record goes to the feed (`feed.rs`).
//! Invariant: with nothing armed, what the origin says is what the client hears. Only `perform/` answers on a session port.
//! Deliberately absent: parsing (media), deciding (engine), the kernel (shaper), tables and labels (forwarder).

mod bootstrap;
mod ca;
mod caller;
mod clock;
mod cmcd;
mod config;
mod connection;
mod control;
mod cookies;
mod cors;
mod deadline;
mod events;
mod exchange;
mod feed;
mod hold;
mod identity;
mod lane;
mod learning;
mod listen;
mod machine;
mod meters;
mod origin;
mod perform;
mod proxy;
mod reconcile;
mod record;
mod redact;
mod rig;
mod sessions;
mod store;
mod telemetry;
mod tls;
mod traces;
mod trouble;
mod upload;

pub use config::{OriginConfig, OriginHosts, OriginLimits, PortRange, ProxyConfig};
pub use cors::Cors;
pub use feed::FeedError;
pub use ipnet::IpNet;
pub use machine::machine;
pub use origin::{
    ClientCertificate, HostPattern, HostPatternError, OriginError, OriginTls, TrustStore, Verification,
};
pub use proxy::{Proxy, ProxyError, openapi};
pub use rebuffer_model::{Mbps, OriginName};
pub use rig::Surroundings;
pub use store::StoreError;
pub use tls::{Certificate, Protocol, Tls, TlsError};
