//! The running rig: what every room of the proxy shares.
//!
//! Invariant: made once, at start; each part guards itself. Every task is spawned here, with its name. A connection to a
//! session stays on one thread with what its answers need, so that they wake no other (but for origins with TLS); whatever else is
//! to be done is done elsewhere and does not keep them waiting.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use rebuffer_api::PartView;
use rebuffer_shaper::Shaper;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{LocalPoolHandle, TaskTracker};

use crate::config::ProxyConfig;
use crate::cookies::CookieOrigins;
use crate::events::Events;
use crate::feed::Feed;
use crate::meters::Meters;
use crate::origin::Origins;
use crate::perform::PlaylistBudget;
use crate::record::Settler;
use crate::sessions::{Kept, Players, Ports};
use crate::store::Store;
use crate::telemetry::PathPing;
use crate::traces::Traces;

/// What the proxy must know of the rest of the rig.
pub struct Surroundings {
    /// The port of the API.
    pub api_port: u16,
    /// What to say of the archive.
    pub archive: Box<dyn Fn() -> PartView + Send + Sync>,
}

/// The running rig.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) config: ProxyConfig,
    pub(crate) surroundings: Surroundings,
    pub(crate) origins: Origins,
    pub(crate) shaper: Shaper,
    pub(crate) players: Players,
    pub(crate) traces: Traces,
    pub(crate) ports: Ports,
    /// What players without a session have learned.
    pub(crate) kept: Kept,
    pub(crate) cookies: CookieOrigins,
    pub(crate) playlists: PlaylistBudget,
    pub(crate) feed: Feed,
    pub(crate) store: Store,
    pub(crate) events: Events,
    pub(crate) settler: Settler,
    pub(crate) meters: Meters,
    pub(crate) path_ping: PathPing,
    pub(crate) base_port: u16,
    pub(crate) closing: CancellationToken,
    /// Later than `closing`, so that followers can read the last records.
    pub(crate) followers_leave: CancellationToken,
    pub(crate) tasks: Tasks,
}

/// What runs, and where.
#[derive(Debug)]
pub(crate) struct Tasks {
    all: TaskTracker,
    /// The runtime the rig was made on.
    home: Handle,
    /// One thread per processor, each with a runtime of its own.
    threads: LocalPoolHandle,
}

impl Rig {
    /// Runs a task until it ends, wherever there is time; a panic in it is logged and counted, and concerns nobody else.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.watch(name, self.tasks.home.spawn(task));
    }

    /// Runs the task that `begin` makes on the thread that has the fewest of them, where it stays.
    pub(crate) fn spawn_on_a_thread<T: Future<Output = ()> + 'static>(
        self: &Arc<Self>,
        name: &'static str,
        begin: impl FnOnce() -> T + Send + 'static,
    ) {
        self.watch(name, self.tasks.threads.spawn_pinned(begin));
    }

    fn watch(self: &Arc<Self>, name: &'static str, running: JoinHandle<()>) {
        let rig = Arc::clone(self);
        let watching = async move {
            if let Err(failure) = running.await
                && failure.is_panic()
            {
                rig.meters.panics.inc();
                tracing::error!(task = name, "a task panicked");
            }
        };
        self.tasks.all.spawn_on(watching, &self.tasks.home);
    }
}

impl Tasks {
    /// To be made on a runtime, which is then the one for everything but connections to sessions.
    pub(crate) fn new() -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        Self { all: TaskTracker::new(), home: Handle::current(), threads: LocalPoolHandle::new(threads) }
    }

    /// Runs to its end what somebody waits for who may hang up. A panic in it goes on here.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> T {
        match self.home.spawn(task).await {
            Ok(done) => done,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The rig's runtime is gone, and nobody will be answered any more.
                Err(_cancelled) => std::future::pending().await,
            },
        }
    }

    /// Waits until all have ended; how many had not after this long.
    pub(crate) async fn end_within(&self, limit: Duration) -> usize {
        self.all.close();
        match tokio::time::timeout(limit, self.all.wait()).await {
            Ok(()) => 0,
            Err(_elapsed) => self.all.len(),
        }
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("api_port", &self.api_port).finish_non_exhaustive()
    }
}
