//! One session: a player bound to a port, an origin and a link, until it has been idle for too long.
//!
//! Invariant: counters only grow; the graph is written only by answers that passed through this session; activity counts
//! requests being answered as well as their beginnings, so a long download is never idle.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rebuffer_api::{LinkBackend, LinkView, SessionView};
use rebuffer_media::Graph;
use rebuffer_model::{LinkMetrics, PlayerId, RigMetrics, SessionId, Timestamp};
use rebuffer_shaper::{Backend, Link};

use super::{Conductor, Player};
use crate::clock;
use crate::connection::Connection;
use crate::origin::Origin;
use crate::perform::Before;
use crate::telemetry::Watched;

const FOREIGN_HOSTS: usize = 64;

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) player: Arc<Player>,
    pub(crate) port: u16,
    pub(crate) origin: Arc<Origin>,
    pub(crate) link: Link,
    pub(crate) conductor: Arc<Conductor>,
    pub(crate) started_at: Timestamp,
    pub(crate) graph: Mutex<Graph>,
    pub(crate) before: Before,
    pub(crate) telemetry: Telemetry,
    client: ArcSwap<Client>,
    last_activity: AtomicU64,
    active: AtomicU32,
}

/// Who is at the other end, as of the last request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) ip: IpAddr,
    pub(crate) user_agent: String,
}

/// What went through a session.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) requests: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    /// Bandwidth of the variant of the last video segment, bit/s.
    pub(crate) rendition: AtomicU64,
    /// Where the player first asked for a master playlist.
    pub(crate) master: ArcSwap<String>,
    /// What the link does.
    pub(crate) link: Watched,
    /// Hosts outside the rig that playlists pointed at.
    foreign: Mutex<BTreeSet<String>>,
}

/// A request being answered; the session is not idle while one of these lives.
#[derive(Debug)]
pub(crate) struct Activity(Arc<Session>);

impl Session {
    pub(super) fn new(
        id: SessionId,
        player: Arc<Player>,
        port: u16,
        origin: Arc<Origin>,
        (link, conductor): (Link, Arc<Conductor>),
        client: Client,
    ) -> Self {
        Self {
            id,
            player,
            port,
            graph: Mutex::new(Graph::new(origin.media_origins())),
            before: Before::default(),
            origin,
            link,
            conductor,
            started_at: clock::now(),
            telemetry: Telemetry::default(),
            client: ArcSwap::from_pointee(client),
            last_activity: AtomicU64::new(clock::moment().as_micros()),
            active: AtomicU32::new(0),
        }
    }

    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>, connection: &Arc<Connection>, user_agent: &str) -> Activity {
        self.touch();
        self.active.fetch_add(1, Ordering::AcqRel);
        self.telemetry.requests.fetch_add(1, Ordering::Relaxed);
        let client = self.client.load();
        if client.ip != connection.peer_ip() || client.user_agent != user_agent {
            self.client
                .store(Arc::new(Client { ip: connection.peer_ip(), user_agent: user_agent.to_owned() }));
        }
        Activity(Arc::clone(self))
    }

    /// The client showed that it is there.
    pub(crate) fn touch(&self) {
        self.last_activity.fetch_max(clock::moment().as_micros(), Ordering::AcqRel);
        self.player.touch();
    }

    /// Whether nothing was asked, answered or reported for this long.
    pub(crate) fn is_idle_for(&self, idle: std::time::Duration) -> bool {
        let since = clock::moment().as_micros().saturating_sub(self.last_activity.load(Ordering::Acquire));
        self.active.load(Ordering::Acquire) == 0 && u128::from(since) >= idle.as_micros()
    }

    pub(crate) fn player_id(&self) -> PlayerId {
        self.player.id
    }

    pub(crate) fn link_view(&self) -> LinkView {
        let (in_force, shown) = (self.link.in_force(), self.conductor.shown());
        LinkView {
            backend: link_backend(in_force.backend),
            rate_mbps: in_force.rate.map(|rate| rate.mbps()),
            observed: in_force.observed,
            in_sync: in_force.in_sync && !shown.refused,
            left_out: shown.left_out,
            pattern: shown.pattern,
            transport_fault: shown.transport_fault,
        }
    }

    pub(crate) fn view(&self) -> SessionView {
        let client = self.client.load();
        let telemetry = &self.telemetry;
        SessionView {
            id: self.id,
            port: self.port,
            origin: self.origin.config.name.clone(),
            started_at: self.started_at,
            player_ip: client.ip.to_string(),
            user_agent: client.user_agent.clone(),
            requests: telemetry.requests.load(Ordering::Relaxed),
            faults: telemetry.faults.load(Ordering::Relaxed),
            bytes_out: telemetry.bytes_out.load(Ordering::Relaxed),
            active_requests: self.active.load(Ordering::Relaxed),
        }
    }

    /// Where the player is, as of the last request.
    pub(crate) fn client_ip(&self) -> IpAddr {
        self.client.load().ip
    }

    /// The last second of the link, with the cap that is in force now.
    pub(crate) fn link_metrics(&self) -> LinkMetrics {
        let effective_rate_limit_mbps = self.link.in_force().rate.map_or(0.0, |rate| rate.mbps());
        LinkMetrics { effective_rate_limit_mbps, ..self.telemetry.link.latest() }
    }

    /// What the rig knows at this moment, to go with a report.
    pub(crate) fn metrics(&self) -> RigMetrics {
        let client = self.client.load();
        let telemetry = &self.telemetry;
        let link = self.link_metrics();
        let rendition = telemetry.rendition.load(Ordering::Relaxed);
        RigMetrics {
            effective_rate_limit_mbps: link.effective_rate_limit_mbps,
            delivered_mbps: link.tcp.delivered_mbps,
            rendition_mbps: (rendition > 0).then(|| rebuffer_model::BitsPerSec(rendition).mbps()),
            client_rtt_ms: link.tcp.rtt_ms,
            bytes_out_total: telemetry.bytes_out.load(Ordering::Relaxed),
            requests_total: telemetry.requests.load(Ordering::Relaxed),
            fault_count_total: telemetry.faults.load(Ordering::Relaxed),
            player_ip: client.ip.to_string(),
            user_agent: client.user_agent.clone(),
            master_manifest_url: telemetry.master.load().to_string(),
            link: Some(link),
        }
    }
}

impl Telemetry {
    /// Whether a host outside the rig is seen for the first time; the first [`FOREIGN_HOSTS`] are remembered.
    pub(crate) fn first_mention(&self, host: &str) -> bool {
        let mut foreign = self.foreign.lock();
        foreign.len() < FOREIGN_HOSTS && foreign.insert(host.to_owned())
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        self.0.touch();
        self.0.active.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(crate) fn link_backend(backend: Backend) -> LinkBackend {
    match backend {
        Backend::Kernel => LinkBackend::Kernel,
        Backend::Pacing => LinkBackend::Pacing,
        Backend::Off => LinkBackend::Off,
    }
}
