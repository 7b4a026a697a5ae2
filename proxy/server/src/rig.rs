//! The running rig: what every room of the proxy shares.
//!
//! Invariant: made once, at start; each part guards itself. Every task is spawned here, with its name.

use std::sync::Arc;

use rebuffer_api::PartView;
use rebuffer_model::OriginName;
use rebuffer_shaper::Shaper;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ProxyConfig;
use crate::events::Events;
use crate::feed::Feed;
use crate::meters::Meters;
use crate::origin::Origin;
use crate::record::Settler;
use crate::sessions::{Players, Ports};
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
    pub(crate) origins: Vec<Arc<Origin>>,
    pub(crate) shaper: Shaper,
    pub(crate) players: Players,
    pub(crate) traces: Traces,
    pub(crate) ports: Ports,
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
    pub(crate) tasks: TaskTracker,
}

impl Rig {
    /// The origin of this name.
    pub(crate) fn origin(&self, name: &OriginName) -> Option<&Arc<Origin>> {
        self.origins.iter().find(|origin| origin.config.name == *name)
    }

    /// Runs a task until it ends; a panic in it is logged and counted, and concerns nobody else.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let rig = Arc::clone(self);
        let running = tokio::spawn(task);
        self.tasks.spawn(async move {
            if let Err(failure) = running.await
                && failure.is_panic()
            {
                rig.meters.panics.inc();
                tracing::error!(task = name, "a task panicked");
            }
        });
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("api_port", &self.api_port).finish_non_exhaustive()
    }
}
