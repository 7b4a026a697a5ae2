//! What Prometheus counts of a forwarder.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::row::Stream;

#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    rows: Family<Table, Counter>,
    batches: Family<Table, Counter>,
    retries: Family<Table, Counter>,
    pub(crate) records_lost: Counter,
    pub(crate) records_unreadable: Counter,
    pub(crate) reconnects: Counter,
    pub(crate) subscriber_rows_lost: Counter,
    pub(crate) subscribers: Gauge,
    pub(crate) lag_rows: Gauge<u64, AtomicU64>,
    pub(crate) lag_seconds: Gauge<f64, AtomicU64>,
    pub(crate) ready: Gauge,
    pub(crate) panics: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Table {
    table: &'static str,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let prefix = registry.sub_registry_with_prefix("rebuffer_forwarder");
        prefix.register("rows", "Rows that went into the archive", metrics.rows.clone());
        prefix.register("batches", "Inserts that were confirmed", metrics.batches.clone());
        prefix.register("retries", "Inserts that were tried again", metrics.retries.clone());
        prefix.register(
            "records_lost",
            "Records the feed lost before they were read",
            metrics.records_lost.clone(),
        );
        prefix.register(
            "records_unreadable",
            "Records of the feed that could not be understood",
            metrics.records_unreadable.clone(),
        );
        prefix.register("reconnects", "Times the feed was connected to again", metrics.reconnects.clone());
        prefix.register(
            "subscriber_rows_lost",
            "Rows that slow live subscribers missed",
            metrics.subscriber_rows_lost.clone(),
        );
        prefix.register("subscribers", "Live subscribers", metrics.subscribers.clone());
        prefix.register("lag_rows", "Records that are not in the archive yet", metrics.lag_rows.clone());
        prefix.register(
            "lag_seconds",
            "Age of the oldest record that is not in the archive yet",
            metrics.lag_seconds.clone(),
        );
        prefix.register(
            "ready",
            "1 while the feed is followed and the archive takes it",
            metrics.ready.clone(),
        );
        prefix.register("panics", "Tasks that panicked", metrics.panics.clone());
        metrics
    }

    pub(crate) fn inserted(&self, stream: Stream, rows: u64) {
        let table = Table { table: stream.table().name };
        self.rows.get_or_create(&table).inc_by(rows);
        self.batches.get_or_create(&table).inc();
    }

    pub(crate) fn retried(&self, stream: Stream) {
        self.retries.get_or_create(&Table { table: stream.table().name }).inc();
    }
}
