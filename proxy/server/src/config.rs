//! What the proxy is told at start.
//!
//! Invariant: a value of these types was checked; nothing in this crate reads flags, files or the environment.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use rebuffer_model::{Mbps, OriginName};
use url::Url;

use crate::cors::Cors;
use crate::origin::{HostPattern, OriginTls};
use crate::tls::Tls;

/// Everything the proxy is told.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// Where players start.
    pub base: SocketAddr,
    /// The ports of the sessions, on the address of `base`.
    pub session_ports: PortRange,
    /// The origins that may be reached; the first is the default.
    pub origins: Vec<OriginConfig>,
    /// The origins beside those that playlists and redirects may bring in.
    pub origin_hosts: OriginHosts,
    /// What pages of other origins may read.
    pub cors: Cors,
    /// Where rules and the feed are kept.
    pub data_dir: PathBuf,
    /// A session without any activity ends after this long.
    pub idle: Duration,
    /// How long an origin may take.
    pub origin_limits: OriginLimits,
    /// The rate of links that have none of their own; none leaves them unlimited.
    pub baseline: Option<Mbps>,
    /// TLS beside clear text, on every port of players; absent is clear text alone.
    pub tls: Option<Tls>,
}

/// The ports sessions may listen on, both ends included; 0 to 0 lets the system choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// An origin that may be reached.
#[derive(Debug, Clone)]
pub struct OriginConfig {
    /// Its name on the base port.
    pub name: OriginName,
    /// Scheme, authority and the path that precedes every path on the base port.
    pub url: Url,
    /// Playlists worth offering, as paths below `url`.
    pub playlists: Vec<String>,
    /// TLS, where the scheme of `url` is https.
    pub tls: OriginTls,
}

/// Which origins playlists and redirects may bring in.
#[derive(Debug, Clone, Default)]
pub struct OriginHosts {
    /// Their hosts.
    pub patterns: Vec<HostPattern>,
    /// Networks beside the public ones that a pattern with a wildcard may lead into.
    pub networks: Vec<IpNet>,
    /// TLS with them.
    pub tls: OriginTls,
    /// Those whose certificate is not verified.
    pub insecure: Vec<OriginName>,
}

/// How long an origin may take before the rig answers in its place.
#[derive(Debug, Clone, Copy)]
pub struct OriginLimits {
    /// Until the connection stands.
    pub connect: Duration,
    /// From the request to the head of the answer.
    pub head: Duration,
    /// Between two pieces of a body.
    pub stall: Duration,
}

impl Default for OriginLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            head: Duration::from_secs(30),
            stall: Duration::from_secs(60),
        }
    }
}

impl PortRange {
    /// A range whose ends are in order.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first <= last && (first > 0 || last == 0)).then_some(Self { first, last })
    }

    /// Whether the system chooses.
    pub fn is_ephemeral(self) -> bool {
        self.first == 0
    }

    /// How many ports there are.
    pub fn count(self) -> usize {
        usize::from(self.last - self.first) + 1
    }
}

impl ProxyConfig {
    /// The address sessions listen on.
    pub fn session_ip(&self) -> IpAddr {
        self.base.ip()
    }
}
