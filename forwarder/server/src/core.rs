//! What the tasks of a forwarder share.

use std::sync::Arc;

use rebuffer_archive::Archive;
use tokio_util::sync::CancellationToken;

use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::status::{Monitor, Part, Status};
use crate::{Config, clock};

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) archive: Archive,
    pub(crate) ledger: Ledger,
    pub(crate) monitor: Monitor,
    pub(crate) metrics: Metrics,
    /// Everything ends when this does.
    pub(crate) stop: CancellationToken,
}

pub(crate) type Shared = Arc<Core>;

impl Core {
    /// Looks at everything and tells whoever watches.
    pub(crate) fn refresh(&self) -> Status {
        let standing = self.ledger.resumed().then(|| (self.ledger.standing(), clock::now()));
        let status = self.monitor.publish(standing);
        self.metrics.lag_rows.set(status.lag_rows);
        self.metrics.lag_seconds.set(status.lag_seconds);
        self.metrics.ready.set(i64::from(status.ready));
        self.metrics.subscribers.set(i64::try_from(self.ledger.subscribers()).unwrap_or(i64::MAX));
        status
    }

    pub(crate) fn trouble(&self, part: Part, reason: &str) {
        if self.monitor.trouble(part, reason) {
            tracing::warn!(?part, %reason, "in trouble");
        }
        self.refresh();
    }

    pub(crate) fn well(&self, part: Part) {
        if self.monitor.well(part) {
            tracing::info!(?part, "well");
        }
        self.refresh();
    }
}
