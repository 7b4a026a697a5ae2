//! What a session's link did over one second: what passed its classes in the kernel, and what its connections say.
//!
//! Invariant: everything was read from the kernel; what was not measured is absent, never zero. Rates are 10^6 bit/s, times
//! are ms. Deliberately absent: how readings become seconds (see the proxy's `telemetry`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A second of a session's link.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct LinkMetrics {
    /// The cap the shaper enforces, 10^6 bit/s; 0 is uncapped.
    pub effective_rate_limit_mbps: f64,
    /// The player's address asked and answered by ICMP echo, past the session's queue, ms; absent when the last one got no
    /// answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_ping_rtt_ms: Option<f64>,
    /// What passed the session's classes; empty where the kernel keeps none.
    #[serde(flatten)]
    pub wire: WireMetrics,
    /// What the session's connections say.
    #[serde(flatten)]
    pub tcp: TcpMetrics,
}

/// What passed the classes of a session in the kernel, headers and repetitions included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct WireMetrics {
    /// The rate to the player over the tenths of the second at both ends of which something waited, 10^6 bit/s: what the link
    /// gives to who asks for more. Absent when nothing waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mbps_shaper_rate: Option<f64>,
    /// The mean of `mbps_shaper_rate` over the last 6 s; absent when nothing waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mbps_shaper_avg: Option<f64>,
    /// The rate to the player, by tenths of the second, 10^6 bit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire_down_mbps: Option<Spread>,
    /// The rate from the player, by tenths of the second, 10^6 bit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire_up_mbps: Option<Spread>,
    /// Packets to the player in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shaper_packets: Option<u64>,
    /// Packets to the player that found the queue full in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shaper_drops: Option<u64>,
    /// Bytes that waited to go to the player, ten times a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shaper_backlog_bytes: Option<Spread>,
}

/// What the connections of a session say (`TCP_INFO`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TcpMetrics {
    /// Open connections at the end of the second.
    pub connections: u32,
    /// Bytes acknowledged in the second, over its length, 10^6 bit/s; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_mbps: Option<f64>,
    /// Smoothed round trip, mean over the second and the connections that moved, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
    /// The smallest smoothed round trip of the second, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_min_ms: Option<f64>,
    /// The largest smoothed round trip of the second, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_max_ms: Option<f64>,
    /// Whether nothing was acknowledged in the second, so that the round trips are those of an earlier one.
    #[serde(skip_serializing_if = "is_false")]
    pub rtt_stale: bool,
    /// The smallest round trip the kernel knows of any open connection, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_min_lifetime_ms: Option<f64>,
    /// Segments sent again in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmits: Option<u64>,
    /// The largest retransmission timeout of any open connection, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rto_ms: Option<f64>,
    /// What the connection says that carried most in the second.
    #[serde(flatten)]
    pub busiest: BusiestMetrics,
}

/// What the connection says that carried most in the second; where none did, the one that began last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct BusiestMetrics {
    /// Mean deviation of the round trip, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_var_ms: Option<f64>,
    /// Congestion window, segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwnd: Option<u32>,
    /// The kernel's delivery rate estimate, 10^6 bit/s; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_rate_mbps: Option<f64>,
    /// Whether that estimate was limited by the rig having nothing to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_limited: Option<bool>,
}

/// A value over a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Spread {
    /// The mean; of a rate, everything that passed over the whole time.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_stands_flat_and_is_read_as_it_was_written() {
        let spread = Spread { mean: 2.0, min: 1.0, max: 3.0 };
        let metrics = LinkMetrics {
            wire: WireMetrics {
                mbps_shaper_rate: Some(5.0),
                wire_down_mbps: Some(spread),
                ..WireMetrics::default()
            },
            tcp: TcpMetrics {
                connections: 2,
                rtt_ms: Some(20.0),
                busiest: BusiestMetrics { cwnd: Some(10), ..BusiestMetrics::default() },
                ..TcpMetrics::default()
            },
            ..LinkMetrics::default()
        };
        let json = serde_json::to_string(&metrics).unwrap();
        assert_eq!(
            json,
            r#"{"effective_rate_limit_mbps":0.0,"mbps_shaper_rate":5.0,"wire_down_mbps":{"mean":2.0,"min":1.0,"max":3.0},"connections":2,"rtt_ms":20.0,"cwnd":10}"#
        );
        assert_eq!(serde_json::from_str::<LinkMetrics>(&json).unwrap(), metrics);
    }
}
