//! What a session's connections say.
//!
//! Invariant: see `fold`. A round trip counts while its connection moves; while none does, the last ones are repeated and said
//! to be stale.

use std::collections::BTreeMap;
use std::time::Duration;

use rebuffer_model::{BusiestMetrics, Spread, TcpMetrics, TcpSnapshot};

use super::Heard;
use super::spread::{Values, mbps};

/// The connections of one session.
#[derive(Debug, Clone, Default)]
pub(super) struct Tcp {
    known: BTreeMap<u64, Known>,
    rtt: Values,
    last_rtt: Option<Spread>,
    acked: u64,
    retransmits: u64,
}

/// A connection that is open, or was at some time in this window.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// What it said last.
    last: Option<Heard>,
    /// How far it was counted.
    acked: u64,
    retransmits: u64,
    /// What it carried in this window.
    carried: u64,
}

impl Tcp {
    pub(super) fn meet(&mut self, number: u64, before: Option<TcpSnapshot>) {
        let (acked, retransmits) = before.map_or((0, 0), |tcp| (tcp.bytes_acked, tcp.retransmits));
        self.known.insert(number, Known { last: None, acked, retransmits, carried: 0 });
    }

    pub(super) fn take(&mut self, connections: &[Heard]) {
        for heard in connections {
            let Some(known) = self.known.get_mut(&heard.number) else { continue };
            let moved = heard.tcp.bytes_acked.saturating_sub(known.acked);
            self.acked += moved;
            self.retransmits += heard.tcp.retransmits.saturating_sub(known.retransmits);
            // A connection that is new has just measured its first round trip.
            if (moved > 0 || known.last.is_none()) && heard.tcp.rtt_ms > 0.0 {
                self.rtt.add(heard.tcp.rtt_ms);
            }
            *known = Known {
                last: Some(*heard),
                acked: heard.tcp.bytes_acked,
                retransmits: heard.tcp.retransmits,
                carried: known.carried + moved,
            };
        }
        // Whoever is not heard of any more is gone, and is forgotten at once if it never said anything.
        self.known.retain(|number, known| {
            let heard = connections.iter().any(|heard| heard.number == *number);
            if let Some(last) = known.last.as_mut().filter(|_| !heard) {
                last.open = false;
            }
            heard || known.last.is_some()
        });
    }

    /// Ends the window.
    pub(super) fn end(&mut self, length: Duration) -> TcpMetrics {
        let open = || self.known.values().filter_map(|known| known.last).filter(|last| last.open);
        let fresh = self.rtt.spread();
        let connections = open().count();
        // With nobody left there is nothing to repeat.
        let rtt = fresh.or(self.last_rtt.filter(|_| connections > 0));
        let least = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::min);
        let metrics = TcpMetrics {
            connections: u32::try_from(connections).unwrap_or(u32::MAX),
            delivered_mbps: (!self.known.is_empty()).then(|| mbps(self.acked, length)).flatten(),
            rtt_ms: rtt.map(|rtt| rtt.mean),
            rtt_min_ms: rtt.map(|rtt| rtt.min),
            rtt_max_ms: rtt.map(|rtt| rtt.max),
            rtt_stale: rtt.is_some() && fresh.is_none(),
            rtt_min_lifetime_ms: least(&mut open().filter_map(|last| last.tcp.min_rtt_ms)),
            retransmits: (!self.known.is_empty()).then_some(self.retransmits),
            rto_ms: open().map(|last| last.tcp.rto_ms).reduce(f64::max),
            busiest: self.busiest(),
        };
        self.last_rtt = rtt;
        self.known.retain(|_, known| known.last.is_none_or(|last| last.open));
        self.known.values_mut().for_each(|known| known.carried = 0);
        (self.rtt, self.acked, self.retransmits) = (Values::default(), 0, 0);
        metrics
    }

    fn busiest(&self) -> BusiestMetrics {
        let heard =
            self.known.iter().filter_map(|(number, known)| Some((known.carried, number, known.last?)));
        let Some((_, _, Heard { tcp, rtt_var_ms, .. })) =
            heard.max_by_key(|(carried, number, _)| (*carried, **number))
        else {
            return BusiestMetrics::default();
        };
        BusiestMetrics {
            rtt_var_ms,
            cwnd: Some(tcp.cwnd),
            delivery_rate_mbps: tcp.delivery_rate_mbps,
            app_limited: tcp.delivery_rate_mbps.map(|_| tcp.app_limited),
        }
    }
}
