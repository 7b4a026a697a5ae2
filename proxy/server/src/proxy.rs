//! The proxy as a whole: started, asked whether it is well, stopped.
//!
//! Invariant: after `start` returned, players can come; after `stop` returned, nothing of it is left but what it stored.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::registry::Registry;
use rebuffer_api::{PartView, PlayerTlsView};
use rebuffer_model::EndReason;
use rebuffer_shaper::Shaper;
use tokio_util::sync::CancellationToken;

use crate::ca;
use crate::config::ProxyConfig;
use crate::control;
use crate::cookies::CookieOrigins;
use crate::events::Events;
use crate::feed::{Feed, FeedConfig, FeedError};
use crate::listen;
use crate::meters::Meters;
use crate::origin::{OriginError, Origins};
use crate::perform::PlaylistBudget;
use crate::reconcile::reconcile_links;
use crate::record::{Settler, settle_finished};
use crate::rig::{Rig, Surroundings, Tasks};
use crate::sessions::{self, Kept, Players, Ports, listen_on, reap_idle};
use crate::store::{Store, StoreError};
use crate::telemetry::{self, PathPing};
use crate::traces::Traces;

/// How long running tasks may take to end.
const TASKS_END: Duration = Duration::from_secs(2);

/// The running proxy.
#[derive(Debug)]
pub struct Proxy {
    rig: Arc<Rig>,
}

/// Why the proxy cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// An address is taken, or not ours.
    #[error("cannot listen on {address} for players: {source}; choose another with --base")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// An origin cannot be used.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The feed cannot be used.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored rule cannot be put in force.
    #[error("a stored rule cannot be put in force: {0}")]
    Rule(#[from] rebuffer_engine::RuleError),
}

impl Proxy {
    /// Restores what was stored, binds the ports, starts the tasks.
    pub async fn start(
        config: ProxyConfig,
        surroundings: Surroundings,
        shaper: Shaper,
        registry: &mut Registry,
    ) -> Result<Self, ProxyError> {
        let store = Store::open(&config.data_dir)?;
        let bindings = store.bindings()?;
        let players = Players::restored(store.players()?)?;
        let traces = Traces::restored(store.traces()?);
        let feed = Feed::open(FeedConfig::at(config.data_dir.join("feed")), crate::clock::now())?;
        let origins =
            Origins::new(config.origins.iter().cloned(), config.origin_limits, config.origin_hosts.clone())?;
        let refuse = |source| ProxyError::Listen { address: config.base, source };
        let listener = listen_on(&shaper, config.base, false).map_err(refuse)?;
        let base_port = listener.local_addr().map_err(refuse)?.port();
        let rig = Arc::new(Rig {
            ports: Ports::new(shaper.clone(), config.session_ip(), config.session_ports),
            origins,
            kept: Kept::default(),
            cookies: CookieOrigins::default(),
            playlists: PlaylistBudget::new(),
            shaper,
            players,
            traces,
            feed,
            store,
            events: Events::new(),
            settler: Settler::default(),
            meters: Meters::new(registry),
            path_ping: PathPing::open(),
            base_port,
            closing: CancellationToken::new(),
            followers_leave: CancellationToken::new(),
            tasks: Tasks::new(),
            surroundings,
            config,
        });
        sessions::restore_ports(&rig, bindings);
        rig.spawn("settler", settle_finished(Arc::clone(&rig)));
        rig.spawn("reaper", reap_idle(Arc::clone(&rig)));
        rig.spawn("link-watch", telemetry::watch_links(Arc::clone(&rig)));
        rig.spawn("path-ping", telemetry::ping_players(Arc::clone(&rig)));
        rig.spawn("reconciler", reconcile_links(Arc::clone(&rig)));
        rig.spawn("base-port", listen::base_port(Arc::clone(&rig), listener));
        Ok(Self { rig })
    }

    /// The control API.
    pub fn router(&self) -> Router {
        let (router, _document) = control::routes().split_for_parts();
        router.with_state(Arc::clone(&self.rig))
    }

    /// The host at which this machine reaches the players' ports.
    pub fn player_host(&self) -> String {
        ca::player_host(&self.rig)
    }

    /// Where TLS is spoken with players; none when it is off.
    pub fn player_tls(&self) -> Option<PlayerTlsView> {
        ca::tls_view(&self.rig)
    }

    /// The port where players start.
    pub fn base_port(&self) -> u16 {
        self.rig.base_port
    }

    /// Whether each part works, now.
    pub fn parts(&self) -> Vec<PartView> {
        parts(&self.rig)
    }

    /// Whether each part works, at any later time.
    pub fn outlook(&self) -> impl Fn() -> Vec<PartView> + Send + Sync + use<> {
        let rig = Arc::clone(&self.rig);
        move || parts(&rig)
    }

    /// Stops taking players, ends every session, writes what is still to be written. Followers of the feed may go on reading.
    pub async fn stop(&self) {
        let rig = &self.rig;
        rig.closing.cancel();
        for session in rig.players.sessions() {
            let _changing = session.player.change.lock().await;
            sessions::end(rig, &session, EndReason::Shutdown).await;
        }
        let left = rig.tasks.end_within(TASKS_END).await;
        if left > 0 {
            tracing::warn!(left, "tasks of the proxy did not end in time");
        }
        // Connections record what they were at when they end, so this comes after them.
        rig.settler.settle_rest(rig);
        rig.feed.settled().await;
    }

    /// Sends the followers of the feed away and gives the links back to the system.
    pub async fn close(self) {
        self.rig.followers_leave.cancel();
        self.rig.feed.close().await;
        if let Err(error) = self.rig.shaper.clone().close().await {
            tracing::error!(%error, "the links could not all be given back; the next start cleans up");
        }
    }
}

fn parts(rig: &Rig) -> Vec<PartView> {
    let trouble = rig.feed.trouble();
    let feed = PartView {
        name: "feed",
        ready: trouble.is_none(),
        reason: match trouble {
            Some(trouble) => format!("cannot write: {trouble}"),
            None => format!("{} records given up so far", rig.feed.dropped()),
        },
    };
    let shaper = PartView {
        name: "shaper",
        ready: true,
        reason: format!("{}: {}", rig.shaper.backend(), rig.shaper.reason()),
    };
    let proxy =
        PartView { name: "proxy", ready: true, reason: format!("players start on port {}", rig.base_port) };
    vec![proxy, feed, shaper]
}

/// The document of the control API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    control::routes().into_openapi()
}
