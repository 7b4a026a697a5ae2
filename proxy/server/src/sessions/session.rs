//! One session: a player bound to a port, an origin and a link, until it has been idle for too long.
//!
//! Invariant: counters only grow; the graph is written only by answers that passed through this session; activity counts
//! requests being answered as well as their beginnings, so a long download is never idle.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rebuffer_api::{LinkBackend, LinkView, SessionView};
use rebuffer_media::Graph;
use rebuffer_model::{PlayerId, RigMetrics, SessionId, Timestamp};
use rebuffer_shaper::{Backend, Link};

use super::Player;
use crate::clock;
use crate::connection::{Connection, Farewell, Outstanding};
use crate::origin::Origin;
use crate::perform::Before;

const FOREIGN_HOSTS: usize = 64;

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) player: Arc<Player>,
    pub(crate) port: u16,
    pub(crate) origin: Arc<Origin>,
    pub(crate) link: Link,
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
    connections: Mutex<Vec<Followed>>,
    /// Hosts outside the rig that playlists pointed at.
    foreign: Mutex<BTreeSet<String>>,
    acknowledged: Mutex<Acknowledged>,
}

/// A connection of the session, and how much of it was counted.
#[derive(Debug)]
struct Followed {
    connection: Weak<Connection>,
    farewell: Farewell,
    acknowledged: u64,
}

/// Acknowledged bytes over time.
#[derive(Debug, Default)]
struct Acknowledged {
    asked_at: u64,
    mbps: Option<f64>,
    rtt_ms: Option<f64>,
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
        link: Link,
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
        let in_force = self.link.in_force();
        LinkView {
            backend: link_backend(in_force.backend),
            rate_mbps: in_force.rate.map(|rate| rate.mbps()),
            in_sync: in_force.in_sync,
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

    /// What the rig knows at this moment, to go with a report.
    pub(crate) fn metrics(&self) -> RigMetrics {
        let client = self.client.load();
        let telemetry = &self.telemetry;
        let (delivered_mbps, client_rtt_ms) = telemetry.delivered();
        let rendition = telemetry.rendition.load(Ordering::Relaxed);
        RigMetrics {
            effective_rate_limit_mbps: self.link.in_force().rate.map_or(0.0, |rate| rate.mbps()),
            delivered_mbps,
            rendition_mbps: (rendition > 0).then(|| rebuffer_model::BitsPerSec(rendition).mbps()),
            client_rtt_ms,
            bytes_out_total: telemetry.bytes_out.load(Ordering::Relaxed),
            requests_total: telemetry.requests.load(Ordering::Relaxed),
            fault_count_total: telemetry.faults.load(Ordering::Relaxed),
            player_ip: client.ip.to_string(),
            user_agent: client.user_agent.clone(),
            master_manifest_url: telemetry.master.load().to_string(),
        }
    }
}

impl Telemetry {
    /// A connection serves this session from now on; what it carried before was somebody else's.
    pub(crate) fn follow(&self, connection: &Arc<Connection>) {
        let before = connection.outstanding().map_or(0, |outstanding| outstanding.snapshot.bytes_acked);
        self.connections.lock().push(Followed {
            connection: Arc::downgrade(connection),
            farewell: connection.farewell(),
            acknowledged: before,
        });
    }

    /// Asks the kernel what was acknowledged since the last time; called once a second.
    pub(crate) fn sample(&self) {
        let (mut bytes, mut rtt_ms) = (0, None);
        self.connections.lock().retain_mut(|followed| {
            let live = followed.connection.upgrade();
            let outstanding = match &live {
                Some(connection) => connection.outstanding(),
                None => followed.farewell.said().map(|last| last.outstanding),
            };
            if let Some(Outstanding { snapshot, .. }) = outstanding {
                bytes += snapshot.bytes_acked.saturating_sub(followed.acknowledged);
                followed.acknowledged = snapshot.bytes_acked;
                rtt_ms = Some(snapshot.rtt_ms);
            }
            live.is_some()
        });
        self.acknowledged.lock().advance(bytes, rtt_ms, clock::moment().as_micros());
    }

    /// Whether a host outside the rig is seen for the first time; the first [`FOREIGN_HOSTS`] are remembered.
    pub(crate) fn first_mention(&self, host: &str) -> bool {
        let mut foreign = self.foreign.lock();
        foreign.len() < FOREIGN_HOSTS && foreign.insert(host.to_owned())
    }

    fn delivered(&self) -> (Option<f64>, Option<f64>) {
        let acknowledged = self.acknowledged.lock();
        (acknowledged.mbps, acknowledged.rtt_ms)
    }
}

impl Acknowledged {
    #[expect(clippy::cast_precision_loss, reason = "bytes and microseconds of one second")]
    fn advance(&mut self, bytes: u64, rtt_ms: Option<f64>, now: u64) {
        let micros = now.saturating_sub(self.asked_at);
        let first = self.asked_at == 0;
        self.mbps = (!first && micros > 0).then(|| bytes as f64 * 8.0 / micros as f64);
        self.rtt_ms = rtt_ms;
        self.asked_at = now;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delivered_rate_is_what_was_acknowledged_over_the_time_between() {
        let mut acknowledged = Acknowledged::default();
        acknowledged.advance(1_000, Some(20.0), 1_000_000);
        assert_eq!(acknowledged.mbps, None, "nothing to compare with yet");
        acknowledged.advance(250_000, Some(20.0), 2_000_000);
        assert_eq!((acknowledged.mbps, acknowledged.rtt_ms), (Some(2.0), Some(20.0)));
        acknowledged.advance(0, None, 3_000_000);
        assert_eq!((acknowledged.mbps, acknowledged.rtt_ms), (Some(0.0), None));
    }

    #[tokio::test]
    async fn what_a_connection_delivered_counts_also_after_it_closed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let connection = Arc::new(Connection::new(stream, peer).unwrap());
        let telemetry = Telemetry::default();
        telemetry.follow(&connection);
        drop(connection);
        telemetry.sample();
        assert!(telemetry.delivered().1.is_some(), "its last words were heard");
        telemetry.sample();
        assert!(telemetry.delivered().1.is_none(), "once");
        drop(client);
    }
}
