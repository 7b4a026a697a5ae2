//! Named sets of columns, so that a chart need not list what it draws.
//!
//! Invariant: a bundle names columns of its table only. What identifies a row comes with every bundle.

use crate::{ControlEvent, NetworkRequest, Row, SessionEvent, Table};

/// What every row of a time series has.
pub const IDENTITY: &[&str] =
    &["ts", "id", "player_id", "player_name", "play_id", "attempt_id", "session_id", "labels"];

/// A named set of columns of one table.
#[derive(Debug, Clone, Copy)]
pub struct Bundle {
    /// Its name.
    pub name: &'static str,
    /// The table.
    pub table: &'static Table,
    /// The columns, beside those of [`IDENTITY`].
    pub columns: &'static [&'static str],
    /// What it is for.
    pub doc: &'static str,
}

/// Every bundle.
pub const BUNDLES: &[Bundle] = &[
    Bundle {
        name: "charts_minimal",
        table: SessionEvent::TABLE,
        columns: &[
            "event_time",
            "player_state",
            "video_bitrate_mbps",
            "network_bitrate_mbps",
            "avg_network_bitrate_mbps",
            "delivered_mbps",
            "server_video_rendition_mbps",
            "effective_rate_limit_mbps",
            "client_rtt_ms",
            "client_rtt_min_ms",
            "client_rtt_max_ms",
            "client_rtt_stale",
            "client_rtt_min_lifetime_ms",
            "client_rto_ms",
            "client_path_ping_rtt_ms",
            "mbps_shaper_rate",
            "mbps_shaper_avg",
            "wire_down_mbps",
            "buffer_depth_s",
            "buffer_end_s",
            "live_offset_s",
            "true_offset_s",
            "frames_displayed",
            "dropped_frames",
            "stall_count",
            "stall_time_s",
            "video_resolution",
            "player_error",
        ],
        doc: "What the charts of a session draw.",
    },
    Bundle {
        name: "link_v1",
        table: SessionEvent::TABLE,
        columns: &[
            "effective_rate_limit_mbps",
            "delivered_mbps",
            "mbps_shaper_rate",
            "mbps_shaper_avg",
            "wire_down_mbps",
            "wire_down_min_mbps",
            "wire_down_max_mbps",
            "wire_up_mbps",
            "shaper_backlog_bytes",
            "shaper_backlog_max_bytes",
            "shaper_packets",
            "shaper_drops",
            "client_rtt_ms",
            "client_rtt_min_ms",
            "client_rtt_max_ms",
            "client_rtt_stale",
            "client_rtt_var_ms",
            "client_rtt_min_lifetime_ms",
            "client_rto_ms",
            "client_connections",
            "client_retransmits",
            "client_cwnd",
            "delivery_rate_mbps",
            "delivery_app_limited",
            "client_path_ping_rtt_ms",
        ],
        doc: "What a session's link and its connections did.",
    },
    Bundle {
        name: "panel_v1",
        table: SessionEvent::TABLE,
        columns: &[
            "position_s",
            "playback_rate",
            "seekable_end_s",
            "live_edge_s",
            "metrics_source",
            "loop_count_player",
            "last_stall_time_s",
            "video_quality_pct",
            "playhead_wallclock_ms",
            "trigger_type",
            "player_restarts",
            "profile_shift_count",
        ],
        doc: "What the panel beside the player shows.",
    },
    Bundle {
        name: "lanes_v1",
        table: SessionEvent::TABLE,
        columns: &[
            "player_state",
            "waiting_reason",
            "video_resolution",
            "video_bitrate_mbps",
            "display_resolution",
            "stall_count",
            "dropped_frames",
            "player_error",
            "last_event",
            "video_first_frame_time_s",
            "video_start_time_s",
        ],
        doc: "What the lanes of events show.",
    },
    Bundle {
        name: "session_details",
        table: SessionEvent::TABLE,
        columns: &[
            "user_agent",
            "player_ip",
            "master_manifest_url",
            "player_state",
            "player_error",
            "last_event",
            "classification",
            "playback_engine",
            "browser_family",
        ],
        doc: "What identifies a session to a person.",
    },
    Bundle {
        name: "network",
        table: NetworkRequest::TABLE,
        columns: &[
            "started_at",
            "method",
            "url",
            "path",
            "request_kind",
            "request_known",
            "presentation",
            "presentation_role",
            "variant_rung",
            "variant_resolution",
            "request_range",
            "response_content_range",
            "status",
            "origin_status",
            "content_type",
            "bytes_in",
            "bytes_out",
            "complete",
            "remarks",
            "playlist_unread",
            "dns_ms",
            "connect_ms",
            "ttfb_ms",
            "client_wait_ms",
            "transfer_ms",
            "total_ms",
            "delivered_mbps",
            "effective_rate_limit_mbps",
            "faulted",
            "cause",
            "rule_id",
            "fault_type",
            "fault_action",
            "fault_category",
            "connection",
            "client_rtt_ms",
        ],
        doc: "What the waterfall of requests shows.",
    },
    Bundle {
        name: "control",
        table: ControlEvent::TABLE,
        columns: &["actor", "event", "info"],
        doc: "What was done to the player.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_name_columns_of_their_table() {
        for Bundle { name, table, columns, .. } in BUNDLES {
            for column in columns.iter().chain(IDENTITY) {
                assert!(table.column(column).is_some(), "{name}: {} has no {column}", table.name);
            }
        }
    }
}
