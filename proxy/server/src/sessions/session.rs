//! One session: a player bound to a link and to ports, until it has been idle for too long.
//!
//! Invariant: counters only grow, but that a fault which is to strike behind a redirect counts there; what was learned is written only by answers that passed through a session of this player; activity counts
//! requests being answered as well as their beginnings, so a long download is never idle.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use rebuffer_api::{LinkBackend, LinkView, SessionPortView, SessionView};
use rebuffer_media::OriginId;
use rebuffer_model::{LinkMetrics, PlayerId, RigMetrics, SessionId, Timestamp, names_device};
use rebuffer_shaper::{Backend, Link};

use super::told::Told;
use super::{Conductor, Endpoint, Learned, Player, SessionPort};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::connection::Connection;
use crate::cors::LedPages;
use crate::origin::Origin;
use crate::perform::Before;
use crate::telemetry::Watched;

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) player: Arc<Player>,
    /// In the order in which they were opened.
    ports: ArcSwap<Vec<Arc<SessionPort>>>,
    /// Held by whoever opens a further port; true once the session has ended.
    pub(super) opening: tokio::sync::Mutex<bool>,
    pub(crate) link: Link,
    pub(crate) conductor: Arc<Conductor>,
    pub(crate) started_at: Timestamp,
    pub(crate) learned: Arc<Learned>,
    /// The last answers of its playlists, whose URLs lead to its ports.
    pub(crate) before: Before,
    pub(crate) led_pages: LedPages,
    pub(crate) telemetry: Telemetry,
    client: ArcSwap<Client>,
    last_activity: AtomicU64,
    active: AtomicU32,
    /// Cancelled when it has ended.
    pub(crate) over: CancellationToken,
}

/// Who is at the other end, as of the last request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) ip: IpAddr,
    /// The User-Agent that says most of the device.
    pub(crate) user_agent: String,
    /// The one of the last request.
    pub(crate) last_user_agent: String,
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
    /// What it has said of itself.
    pub(crate) told: Told,
}

/// A request being answered; the session is not idle while one of these lives.
#[derive(Debug)]
pub(crate) struct Activity(Arc<Session>);

/// What the player has learned, with this origin's number in it. Where too many origins have been learned of, all begins anew.
fn learned_at(player: &Player, origin: &Origin) -> (Arc<Learned>, OriginId) {
    let learned = player.learn();
    let number = learned.graph.lock().add_origin(origin.address.clone());
    if let Some(number) = number {
        return (learned, number);
    }
    player.forget_learned();
    let learned = player.learn();
    // The first of a list that is empty.
    let number = learned.graph.lock().add_origin(origin.address.clone()).unwrap_or(OriginId::FIRST);
    (learned, number)
}

impl Session {
    pub(super) fn new(
        id: SessionId,
        player: Arc<Player>,
        (port, origin): (u16, Arc<Origin>),
        (link, conductor): (Link, Arc<Conductor>),
        client: Client,
    ) -> Self {
        let (learned, number) = learned_at(&player, &origin);
        let first = Arc::new(SessionPort { port, origin, id: number });
        Self {
            id,
            player,
            ports: ArcSwap::from_pointee(vec![first]),
            opening: tokio::sync::Mutex::default(),
            learned,
            before: Before::default(),
            led_pages: LedPages::default(),
            link,
            conductor,
            started_at: clock::now(),
            telemetry: Telemetry::default(),
            client: ArcSwap::from_pointee(client),
            last_activity: AtomicU64::new(clock::moment().as_micros()),
            active: AtomicU32::new(0),
            over: CancellationToken::new(),
        }
    }

    /// Its ports, in the order in which they were opened.
    pub(crate) fn ports(&self) -> Arc<Vec<Arc<SessionPort>>> {
        self.ports.load_full()
    }

    /// The session at this port, if it is one of its own.
    pub(crate) fn at(self: &Arc<Self>, port: u16) -> Option<Endpoint> {
        let ports = self.ports.load();
        let at = ports.iter().find(|at| at.port == port)?;
        Some(Endpoint::new(Arc::clone(self), Arc::clone(at)))
    }

    /// Its port for an origin.
    pub(crate) fn port_to(&self, origin: &Origin) -> Option<Arc<SessionPort>> {
        self.ports.load().iter().find(|at| at.origin.address == origin.address).cloned()
    }

    pub(super) fn add_port(&self, port: Arc<SessionPort>) {
        self.ports.rcu(|ports| ports.iter().cloned().chain([Arc::clone(&port)]).collect::<Vec<_>>());
    }

    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>, connection: &Arc<Connection>, user_agent: &str) -> Activity {
        self.touch();
        self.active.fetch_add(1, Ordering::AcqRel);
        self.telemetry.requests.fetch_add(1, Ordering::Relaxed);
        let client = self.client.load();
        if client.ip != connection.peer_ip() || client.last_user_agent != user_agent {
            self.client.store(Arc::new(Client::told(connection.peer_ip(), user_agent, &client.user_agent)));
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
        let ports = self.ports.load();
        let view = |at: &Arc<SessionPort>| SessionPortView {
            port: at.port,
            origin: at.origin.config.name.clone(),
            url: at.origin.base(),
        };
        SessionView {
            id: self.id,
            port: ports[0].port,
            origin: ports[0].origin.config.name.clone(),
            ports: ports.iter().map(view).collect(),
            started_at: self.started_at,
            player_ip: client.ip.to_string(),
            user_agent: client.user_agent.clone(),
            requests: telemetry.requests.load(Ordering::Relaxed),
            faults: telemetry.faults.load(Ordering::Relaxed),
            bytes_out: telemetry.bytes_out.load(Ordering::Relaxed),
            active_requests: self.active.load(Ordering::Relaxed),
            unseen: telemetry.told.unseen(),
        }
    }

    /// Whether the last request came from this client.
    pub(crate) fn is_client(&self, ip: IpAddr, user_agent: &str) -> bool {
        self.client.load().is(ip, user_agent)
    }

    /// Who is at the other end, as of the last request.
    pub(crate) fn client(&self) -> Client {
        Client::clone(&self.client.load())
    }

    /// The User-Agent that says most of the device.
    pub(crate) fn user_agent(&self) -> String {
        self.client.load().user_agent.clone()
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

impl Client {
    /// A client that says this, after a User-Agent that said most of the device so far; a player may use several (its page, its
    /// media stack), and one that names no device replaces none that does.
    pub(crate) fn told(ip: IpAddr, last_user_agent: &str, known: &str) -> Self {
        let keeps = names_device(known) && !names_device(last_user_agent);
        let user_agent = if keeps { known } else { last_user_agent };
        Self { ip, user_agent: user_agent.to_owned(), last_user_agent: last_user_agent.to_owned() }
    }

    /// Whether it is a client at this address that says this.
    pub(crate) fn is(&self, ip: IpAddr, user_agent: &str) -> bool {
        self.ip == ip && [&self.user_agent, &self.last_user_agent].into_iter().any(|said| said == user_agent)
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
