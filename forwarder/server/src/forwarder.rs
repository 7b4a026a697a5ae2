//! The public face: start, ask, stop.
//!
//! Invariant: everything this starts ends with [`Forwarder::shutdown`].

use std::time::Duration;

use prometheus_client::registry::Registry;
use rebuffer_archive::Target;
use tokio::sync::watch;
use utoipa_axum::router::OpenApiRouter;

use crate::Status;

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
}

/// A running forwarder.
#[derive(Debug)]
pub struct Forwarder {
    status: watch::Receiver<Status>,
}

impl Forwarder {
    /// Starts to follow. Returns at once; a proxy or an archive that is not there yet is waited for.
    ///
    /// # Errors
    /// Only what waiting would not mend.
    pub fn start(_config: Config, _registry: &mut Registry) -> Result<Self, Error> {
        Ok(Self { status: watch::channel(Status::default()).1 })
    }

    /// The archive API under `/api/v2`, with its description.
    pub fn router(&self) -> OpenApiRouter {
        OpenApiRouter::new()
    }

    /// How it is doing now.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// How it is doing, and every change.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Archives what the feed still holds, for at most `deadline`, then stops.
    pub async fn shutdown(self, _deadline: Duration) {}
}

/// The description of the archive API, for the generated documents.
pub fn openapi() -> utoipa::openapi::OpenApi {
    OpenApiRouter::<()>::new().into_openapi()
}
