//! The proxy's counters for Prometheus.
//!
//! Invariant: base units, `_total` counters, few label values; never a session or a player in a label.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What distinguishes exchanges.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ExchangeLabels {
    pub(crate) kind: &'static str,
    pub(crate) status: u16,
    pub(crate) cause: &'static str,
}

/// What distinguishes drifts of the shaping.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DriftLabels {
    pub(crate) repaired: &'static str,
}

/// The counters.
#[derive(Debug)]
pub(crate) struct Meters {
    pub(crate) exchanges: Family<ExchangeLabels, Counter>,
    pub(crate) bytes_out: Counter,
    pub(crate) origin_ttfb: Histogram,
    pub(crate) origin_swallowed: Counter,
    pub(crate) reports: Counter,
    pub(crate) connections: Gauge,
    pub(crate) panics: Counter,
    pub(crate) link_round: Histogram,
    pub(crate) drifts: Family<DriftLabels, Counter>,
}

impl Meters {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let meters = Self {
            exchanges: Family::default(),
            bytes_out: Counter::default(),
            origin_ttfb: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            origin_swallowed: Counter::default(),
            reports: Counter::default(),
            connections: Gauge::default(),
            panics: Counter::default(),
            link_round: Histogram::new(exponential_buckets(0.000_1, 2.0, 12)),
            drifts: Family::default(),
        };
        let rig = registry.sub_registry_with_prefix("rebuffer");
        rig.register("exchanges", "Requests answered on session ports", meters.exchanges.clone());
        rig.register_with_unit("sent", "Body bytes sent to players", Unit::Bytes, meters.bytes_out.clone());
        rig.register_with_unit(
            "origin_ttfb",
            "From asking an origin to the head of its answer",
            Unit::Seconds,
            meters.origin_ttfb.clone(),
        );
        rig.register(
            "origin_swallowed",
            "Requests asked again because an origin closed a connection as it was used again",
            meters.origin_swallowed.clone(),
        );
        rig.register("reports", "Reports of players", meters.reports.clone());
        rig.register("connections", "Open connections on session ports", meters.connections.clone());
        rig.register("task_panics", "Tasks that panicked", meters.panics.clone());
        rig.register_with_unit(
            "link_round",
            "One look at the links of all sessions",
            Unit::Seconds,
            meters.link_round.clone(),
        );
        rig.register("shaper_drifts", "Changes of the shaping by others", meters.drifts.clone());
        meters
    }
}
