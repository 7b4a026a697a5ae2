//! One play, summed up.

use std::collections::BTreeMap;

use rebuffer_model::{Label, PlayId, PlayerId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A number of things; a string in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[0-9]+$")]
pub struct Count(pub u64);

/// One play, summed up over all of its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlaySummary {
    /// The play, as the client named it.
    pub play_id: PlayId,
    /// The player.
    pub player_id: PlayerId,
    /// What the player is called: its label `name`, or else what it called itself last; empty when neither is known.
    pub player_name: String,
    /// The sessions it had, at most 16.
    pub session_ids: Vec<SessionId>,
    /// The last attempt; 0 when the client counts none.
    pub attempt_id: u32,
    /// How long its rows are kept: `other`, `interesting` or `favourite`.
    pub classification: String,
    /// Its first row.
    pub started_at: Timestamp,
    /// Its last row so far.
    pub last_seen_at: Timestamp,
    /// How often each label occurs in its rows.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: BTreeMap<Label, Count>,
    /// Reports of the player.
    pub metric_events: Count,
    /// Stalls, as the player counts.
    pub stalls: Option<u32>,
    /// Time stalled, s, as the player counts.
    pub stall_time_s: Option<f64>,
    /// From the request to play to the first frame, s.
    pub first_frame_s: Option<f64>,
    /// Changes to a higher rendition.
    pub upshifts: Count,
    /// Changes to a lower rendition.
    pub downshifts: Count,
    /// Frames shown, as the player counts.
    pub frames_displayed: Option<Count>,
    /// Frames dropped, as the player counts.
    pub dropped_frames: Option<Count>,
    /// Mean bitrate of the rendition on screen over the reports, 10^6 bit/s.
    pub avg_video_bitrate_mbps: Option<f64>,
    /// Restarts of the player.
    pub restarts: Count,
    /// Moments the viewer marked.
    pub user_marks: Count,
    /// What the player last said it does; empty when it never did.
    pub last_state: String,
    /// What the player last said went wrong; empty when it never did.
    pub last_player_error: String,
    /// Which kind of client reported; empty when none did.
    pub metrics_source: String,
    /// The engine that played; empty when the client did not say.
    pub playback_engine: String,
    /// Requests.
    pub net_events: Count,
    /// Requests answered with 400 or above.
    pub net_errors: Count,
    /// Requests that a fault touched, injected or not.
    pub net_faults: Count,
    /// Requests that a rule touched.
    pub net_injected: Count,
    /// Body bytes sent to the player.
    pub bytes_out: Count,
    /// The User-Agent of the last request.
    pub user_agent: String,
}

impl TryFrom<String> for Count {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<Count> for String {
    fn from(count: Count) -> String {
        count.0.to_string()
    }
}
