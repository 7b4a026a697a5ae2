//! The public face: start, ask, stop.
//!
//! Invariant: everything this starts ends with [`Forwarder::shutdown`], or at once when the value is dropped.

use std::time::Duration;

use prometheus_client::registry::Registry;
use rebuffer_archive::{Archive, Target};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;
use utoipa_axum::router::OpenApiRouter;

use crate::core::{Core, Shared};
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::status::Monitor;
use crate::{Status, api, boot, clock, follow, tasks};

/// What a forwarder needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Base address of the proxy's API, for instance `http://127.0.0.1:30000`; the feed is `/api/v2/feed` below it.
    pub proxy_url: String,
    /// The name of that proxy in the archive; it must stay the same for the same feed.
    pub source: String,
    /// The archive.
    pub archive: Target,
}

/// Why a forwarder cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Mend the configuration.
    #[error("{what} is not an address of the form http://host:port: {got:?}")]
    Address {
        /// Which address.
        what: &'static str,
        /// What was configured.
        got: String,
    },
    /// Mend the configuration of the archive.
    #[error("the archive cannot be used as configured")]
    Archive(#[from] rebuffer_archive::Error),
}

/// A running forwarder.
#[derive(Debug)]
pub struct Forwarder {
    core: Shared,
    tracker: TaskTracker,
}

impl Forwarder {
    /// Starts to follow. Returns at once; a proxy or an archive that is not there yet is waited for. Must be called inside
    /// an async runtime.
    ///
    /// # Errors
    /// Only what waiting would not mend.
    pub fn start(config: Config, registry: &mut Registry) -> Result<Self, Error> {
        check_address("the proxy", &config.proxy_url)?;
        check_address("the archive", &config.archive.url)?;
        let core = Shared::new(Core {
            archive: Archive::new(&config.archive)?,
            ledger: Ledger::default(),
            monitor: Monitor::new(),
            metrics: Metrics::register(registry),
            stop: CancellationToken::new(),
            config,
        });
        let tracker = TaskTracker::new();
        tasks::spawn(&tracker, &core, "boot", boot::run(Shared::clone(&core), tracker.clone()));
        Ok(Self { core, tracker })
    }

    /// The archive API under `/api/v2`, with its description.
    pub fn router(&self) -> OpenApiRouter {
        api::router(Shared::clone(&self.core))
    }

    /// How it is doing now.
    pub fn status(&self) -> Status {
        self.core.refresh()
    }

    /// How it is doing, and every change.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.core.monitor.watch()
    }

    /// Archives what the feed still holds, for at most `deadline`, then stops. The proxy should have stopped taking requests
    /// and must still serve its feed; what is not archived in time is taken up at the next start.
    pub async fn shutdown(self, deadline: Duration) {
        let end = Instant::now() + deadline;
        if self.core.ledger.resumed() && tokio::time::timeout_at(end, self.drain()).await.is_err() {
            tracing::warn!(status = ?self.status(), "stopped before everything was archived; the feed keeps it");
        }
        self.core.stop.cancel();
        self.tracker.close();
        let grace = Duration::from_secs(1);
        if tokio::time::timeout(grace, self.tracker.wait()).await.is_err() {
            tracing::warn!("a task of the forwarder did not stop");
        }
    }

    async fn drain(&self) {
        let core = &self.core;
        core.ledger.hurry();
        let read = core.ledger.standing().read;
        // A feed that is gone has nothing more to tell; what was read is still archived.
        let newest = follow::newest(&core.config.proxy_url, read).await.unwrap_or(read);
        let mut status = core.monitor.watch();
        loop {
            let standing = core.ledger.standing();
            if standing.settled >= newest && standing.waiting == 0 {
                break;
            }
            core.refresh();
            // The status says so when anything is settled, and is refreshed anyway.
            let _ = tokio::time::timeout(Duration::from_millis(50), status.changed()).await;
        }
        let settled = core.ledger.standing().settled;
        if let Err(error) = core.archive.note_progress(&core.config.source, settled, clock::now()).await {
            tracing::debug!(error = error.in_full(), "progress was not noted");
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.core.stop.cancel();
    }
}

fn check_address(what: &'static str, got: &str) -> Result<(), Error> {
    let usable = Url::parse(got).is_ok_and(|url| url.scheme() == "http" && url.has_host());
    if usable { Ok(()) } else { Err(Error::Address { what, got: got.to_owned() }) }
}
