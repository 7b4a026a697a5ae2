//! One report of a player, with what the rig knew at that moment: a `session_events` row.
//!
//! Invariant: field names are the ones players already send; what the rig adds is kept apart from what the player said.
//! Unknown numbers and strings are kept in `extras`; anything else is refused.
//! Deliberately absent: order by the device's clock. `event_time` is a column; the rig's clock orders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{LinkMetrics, Timestamp, Who};

/// One report and its circumstances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// Whose it is.
    pub who: Who,
    /// What the player said.
    pub player: PlayerMetrics,
    /// What the rig knew.
    pub rig: RigMetrics,
}

/// A value of a metric that has no column of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Extra {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// Explicitly nothing.
    Nothing,
}

/// What the rig knew of the session when a report came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RigMetrics {
    /// The cap the shaper enforces, 10^6 bit/s; 0 is uncapped.
    pub effective_rate_limit_mbps: f64,
    /// Acknowledged body and header bytes of the session over the last second, 10^6 bit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_mbps: Option<f64>,
    /// Bandwidth of the variant of the last video segment, 10^6 bit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendition_mbps: Option<f64>,
    /// Smoothed round trip, mean over the last second and the session's connections, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_rtt_ms: Option<f64>,
    /// Body bytes sent to the player in this session.
    pub bytes_out_total: u64,
    /// Requests of this session.
    pub requests_total: u64,
    /// Requests of this session on which a rule fired.
    pub fault_count_total: u64,
    /// The player's address.
    pub player_ip: String,
    /// The User-Agent, of those of its requests the one that says most of the device.
    pub user_agent: String,
    /// The master playlist, path only.
    pub master_manifest_url: String,
    /// The last second of the session's link; absent without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkMetrics>,
}

/// What a player says of itself; every field may be absent. Times are seconds unless the name says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PlayerMetrics {
    /// The device's clock when the report was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<Timestamp>,
    /// What prompted the report: `heartbeat`, `stall_start`, `rate_shift_down` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_event: Option<String>,
    /// What prompted the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_type: Option<String>,
    /// `idle`, `playing`, `paused`, `buffering`, `stalled`, `ended`, `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why it waits, in the platform's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_reason: Option<String>,
    /// Which kind of client reports: `web`, `ios`, `android`, `roku`, `cmcd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `hls.js`, `shaka`, `dash.js`, `native` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playback_engine: Option<String>,
    /// Family of the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser_family: Option<String>,
    /// The last error, in the player's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why playback was restarted: `reload`, `auto_recovery` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_reason: Option<String>,
    /// Resolution of the video, `WxH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_resolution: Option<String>,
    /// Size of the picture on the screen, `WxH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_resolution: Option<String>,
    /// Bitrate of the rendition on screen, 10^6 bit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_bitrate_mbps: Option<f64>,
    /// Place of that rendition in the ladder, percent of the top bandwidth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_quality_pct: Option<f64>,
    /// The player's estimate of the network, 10^6 bit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_bitrate_mbps: Option<f64>,
    /// The same, averaged by the player.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avg_network_bitrate_mbps: Option<f64>,
    /// Contiguous buffer ahead of the playhead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer_depth_s: Option<f64>,
    /// End of that buffer on the media timeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer_end_s: Option<f64>,
    /// End of the seekable range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seekable_end_s: Option<f64>,
    /// The live edge as the player knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_edge_s: Option<f64>,
    /// Distance from the live edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_offset_s: Option<f64>,
    /// Distance from now by wall clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub true_offset_s: Option<f64>,
    /// The playhead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_s: Option<f64>,
    /// 1.0 is normal speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playback_rate: Option<f64>,
    /// From the request to play to the first frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_frame_time_s: Option<f64>,
    /// From the request to play to moving pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_start_time_s: Option<f64>,
    /// Stalls of this play so far.
    #[serde(skip_serializing_if = "Option::is_none", alias = "stall_count")]
    pub stalls: Option<u32>,
    /// Time stalled in this play so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_time_s: Option<f64>,
    /// Length of the last stall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_stall_time_s: Option<f64>,
    /// Length of the last buffering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_buffering_time_s: Option<f64>,
    /// Frames shown so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_displayed: Option<u64>,
    /// Frames dropped so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_frames: Option<u64>,
    /// Restarts so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub player_restarts: Option<u32>,
    /// Times the content looped, as the player counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loop_count_player: Option<u32>,
    /// Changes of rendition so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_shift_count: Option<u32>,
    /// Programme date and time at the playhead, ms since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playhead_wallclock_ms: Option<i64>,
    /// Numbers, texts and flags without a column; null is nothing.
    #[serde(flatten)]
    pub extras: BTreeMap<String, Extra>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_numbers_and_texts_are_kept_and_anything_else_is_refused() {
        let metrics: PlayerMetrics =
            serde_json::from_str(r#"{"buffer_depth_s":12.5,"stall_count":2,"tv_mode":"game","zoom":1.5}"#)
                .unwrap();
        assert_eq!(metrics.buffer_depth_s, Some(12.5));
        assert_eq!(metrics.stalls, Some(2));
        assert_eq!(metrics.extras.len(), 2);
        assert!(serde_json::from_str::<PlayerMetrics>(r#"{"zoom":[1]}"#).is_err());
        assert!(serde_json::from_str::<PlayerMetrics>(r#"{"buffer_depth_s":"12"}"#).is_err());
    }
}
