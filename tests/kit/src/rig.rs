//! A rig in the process of the test: proxy and control API on an address of its own, data in a directory of its own.
//!
//! Invariant: nothing of the machine is shaped (pacing or nothing), and nothing outlives the fixture. Each rig listens on a
//! loopback address that no other rig of any test has, so that its ports survive a restart of it.
//! Deliberately absent: forwarder, archive and dashboard; whole rigs are for the end-to-end ring.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prometheus_client::registry::Registry;
use rebuffer_api::PartView;
use rebuffer_proxy::{
    Cors, Mbps, OriginConfig, OriginHosts, OriginLimits, OriginName, OriginTls, PortRange, Protocol, Proxy,
    ProxyConfig, Surroundings, Tls,
};
use rebuffer_shaper::{Mode, Shaper, ShaperConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::feed::Feed;
use crate::tls;
use crate::wire::{Ask, Wire};

/// What a rig is started with.
#[derive(Debug, Clone)]
pub struct Setup {
    pub origins: Vec<(String, SocketAddr)>,
    pub mode: Mode,
    pub limits: OriginLimits,
    pub baseline: Option<f64>,
    /// TLS for players; none is clear text only.
    pub tls: Option<Tls>,
    /// TLS with the origins; none is clear text.
    pub origin_tls: Option<OriginTls>,
    /// Hosts that playlists and redirects may bring in.
    pub origin_hosts: OriginHosts,
    /// What pages may read.
    pub cors: Cors,
    /// A session without activity ends after this long.
    pub idle: Duration,
    /// How many ports there are for sessions.
    pub session_ports: u16,
}

/// A running rig.
#[derive(Debug)]
pub struct Rig {
    pub api: Api,
    /// Where players start.
    pub base: SocketAddr,
    setup: Setup,
    ip: Ipv4Addr,
    data: TempDir,
    proxy: Proxy,
    serving: JoinSet<()>,
}

impl Setup {
    /// One origin, called `origin`; links are paced.
    pub fn at(origin: SocketAddr) -> Self {
        Self {
            origins: vec![("origin".to_owned(), origin)],
            mode: Mode::Pacing,
            limits: OriginLimits::default(),
            baseline: None,
            tls: None,
            origin_tls: None,
            origin_hosts: OriginHosts::default(),
            cors: Cors::default(),
            idle: Duration::from_secs(600),
            session_ports: 100,
        }
    }

    /// One more origin.
    #[must_use]
    pub fn and(mut self, name: &str, origin: SocketAddr) -> Self {
        self.origins.push((name.to_owned(), origin));
        self
    }

    /// Hosts that match may be brought in, at addresses of these networks beside the public ones.
    #[must_use]
    pub fn hosts(mut self, patterns: &[&str], networks: &[&str]) -> Self {
        let pattern = |text: &&str| text.parse().unwrap_or_else(|error| panic!("{error}"));
        let network = |text: &&str| text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let tls = self.origin_tls.clone().unwrap_or_default();
        let (patterns, networks) = (patterns.iter().map(pattern), networks.iter().map(network));
        self.origin_hosts = OriginHosts {
            patterns: patterns.collect(),
            networks: networks.collect(),
            tls,
            insecure: Vec::new(),
        };
        self
    }

    /// What pages may read.
    #[must_use]
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = cors;
        self
    }

    /// A session without activity ends after this long.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Only so many ports for sessions.
    #[must_use]
    pub fn session_ports(mut self, count: u16) -> Self {
        self.session_ports = count;
        self
    }

    /// TLS beside clear text, with these protocols.
    #[must_use]
    pub fn secure(self, offered: &[Protocol]) -> Self {
        self.with_tls(tls::served(offered))
    }

    /// TLS beside clear text, as it is given.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Origins with TLS.
    #[must_use]
    pub fn with_origin_tls(mut self, tls: OriginTls) -> Self {
        self.origin_tls = Some(tls);
        self
    }

    /// How long the origin may take over the head of an answer, and between two pieces of a body.
    #[must_use]
    pub fn patience(mut self, head: Duration, stall: Duration) -> Self {
        self.limits = OriginLimits { head, stall, ..self.limits };
        self
    }

    /// What links have that have no rate of their own, 10^6 bit/s.
    #[must_use]
    pub fn based(mut self, mbps: f64) -> Self {
        self.baseline = Some(mbps);
        self
    }

    /// A machine that cannot shape.
    #[must_use]
    pub fn unshaped(mut self) -> Self {
        self.mode = Mode::Off;
        self
    }
}

impl Rig {
    pub async fn start(setup: Setup) -> Self {
        let data = TempDir::new().expect("a directory for the rig");
        Self::start_on(setup, own_loopback(), data).await
    }

    async fn start_on(setup: Setup, ip: Ipv4Addr, data: TempDir) -> Self {
        assert!(matches!(setup.mode, Mode::Pacing | Mode::Off), "a test does not shape the machine");
        let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let config = ProxyConfig {
            base: (ip, 0).into(),
            // Nobody else is on this address, so ports need not be looked for.
            session_ports: PortRange::new(20_000, 19_999 + setup.session_ports).expect("in order"),
            origins: setup
                .origins
                .iter()
                .map(|(name, address)| origin(name, *address, setup.origin_tls.as_ref()))
                .collect(),
            data_dir: data.path().to_owned(),
            idle: setup.idle,
            origin_hosts: setup.origin_hosts.clone(),
            cors: setup.cors,
            origin_limits: setup.limits,
            baseline: setup.baseline.map(|mbps| Mbps::new(mbps).expect("a rate")),
            tls: setup.tls.clone(),
        };
        let archive = || PartView { name: "archive", ready: false, reason: "not in this test".to_owned() };
        let surroundings = Surroundings { api_port: address.port(), archive: Box::new(archive) };
        let shaper = ShaperConfig { mode: setup.mode, ..ShaperConfig::default() };
        let shaper = Shaper::open(shaper).await.expect("a shaper that shapes nothing opens");
        let proxy = Proxy::start(config, surroundings, shaper, &mut Registry::default()).await;
        let proxy = proxy.unwrap_or_else(|error| panic!("the proxy does not start: {error}"));
        let router = proxy.router();
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.expect("the API serves") });
        let base = (ip, proxy.base_port()).into();
        Self { api: Api { address }, base, setup, ip, data, proxy, serving }
    }

    /// Stops the rig in order and starts it again on the same data, at the same address.
    pub async fn restarted(self) -> Self {
        let mode = self.setup.mode;
        self.restarted_with(mode).await
    }

    /// The same with another shaper, as if on another machine.
    pub async fn restarted_with(self, mode: Mode) -> Self {
        let Self { setup, ip, data, proxy, mut serving, .. } = self;
        let setup = Setup { mode, ..setup };
        proxy.stop().await;
        proxy.close().await;
        serving.shutdown().await;
        Self::start_on(setup, ip, data).await
    }

    /// The address of the player's session, as the base port gives it.
    pub async fn session(&self, player: &str) -> SocketAddr {
        let answer = Wire::fetch(self.base, &Ask::get(&format!("/origin/?player_id={player}"))).await;
        let location = answer.value("location").unwrap_or_else(|| panic!("no redirect: {answer:?}"));
        let authority = location.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        let address = authority.and_then(|authority| authority.parse().ok());
        address.unwrap_or_else(|| panic!("no address in {location}"))
    }

    /// The port of the player's session for an origin.
    pub async fn port_to(&self, player: &str, origin: &str) -> SocketAddr {
        let session = self.api.player(player).await.session.expect("a session");
        let found = session.ports.iter().find(|at| at.origin.as_str() == origin);
        let port =
            found.unwrap_or_else(|| panic!("{player} has no port for {origin}: {:?}", session.ports)).port;
        (self.ip, port).into()
    }

    /// A follower of the feed, from its beginning.
    pub async fn feed(&self) -> Feed {
        Feed::follow(self.api.address).await
    }

    /// The directory of the rig's data.
    pub fn data(&self) -> &Path {
        self.data.path()
    }
}

fn origin(name: &str, address: SocketAddr, tls: Option<&OriginTls>) -> OriginConfig {
    let scheme = if tls.is_some() { "https" } else { "http" };
    OriginConfig {
        name: OriginName::new(name).expect("the name of an origin"),
        url: format!("{scheme}://{address}").parse().expect("the URL of an origin"),
        playlists: Vec::new(),
        tls: tls.cloned().unwrap_or_default(),
    }
}

/// An address in 127.0.0.0/8 that no other rig has: four per process, by its id.
fn own_loopback() -> Ipv4Addr {
    static RIGS: AtomicU32 = AtomicU32::new(0);
    let rig = RIGS.fetch_add(1, Ordering::Relaxed);
    let [_, b, c, d] = (std::process::id() << 2 | (rig & 3)).to_be_bytes();
    // The first and the last address of the network cannot be bound.
    Ipv4Addr::new(127, b.min(254), c, d.max(1))
}
