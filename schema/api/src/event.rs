//! The frames of `GET /api/v2/events`.
//!
//! Invariant: the SSE event's name is the frame's `type`; every mutation and every player or play edge is one frame.

use rebuffer_model::{
    AttemptId, Fault, LinkMetrics, PlayId, PlayerId, Position, RequestKind, RuleId, SessionId, Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::PlayerRecord;

/// One frame.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum Frame {
    /// A player was met or made.
    #[serde(rename = "player.created")]
    PlayerCreated(Box<PlayerRecord>),
    /// What the rig knows of a player changed.
    #[serde(rename = "player.updated")]
    PlayerUpdated(Box<PlayerRecord>),
    /// What can be patched changed.
    #[serde(rename = "player.controls.updated")]
    ControlsUpdated(Box<PlayerRecord>),
    /// A player was removed.
    #[serde(rename = "player.deleted")]
    PlayerDeleted(PlayerDeleted),
    /// A client named a play for the first time.
    #[serde(rename = "play.started")]
    PlayStarted(PlayStarted),
    /// A client named another play, or its session ended.
    #[serde(rename = "play.ended")]
    PlayEnded(PlayEnded),
    /// What a session's link did in the last second. Has no id and is not sent again to who comes back.
    #[serde(rename = "player.link")]
    PlayerLink(Box<PlayerLink>),
    /// A rule fired.
    #[serde(rename = "rule.fired")]
    RuleFired(RuleFired),
    /// Frames were lost to this subscriber.
    #[serde(rename = "replay.gap")]
    ReplayGap(ReplayGap),
    /// Nothing else happened for a while.
    #[serde(rename = "heartbeat")]
    Heartbeat {
        /// The rig's clock.
        ts: Timestamp,
    },
}

/// A player was removed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlayerDeleted {
    /// The player.
    pub player_id: PlayerId,
}

/// A play began.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlayStarted {
    /// The player.
    pub player_id: PlayerId,
    /// The play.
    pub play_id: PlayId,
    /// Its attempt.
    pub attempt_id: AttemptId,
    /// When it was first seen.
    pub started_at: Timestamp,
}

/// A play ended.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlayEnded {
    /// The player.
    pub player_id: PlayerId,
    /// The play.
    pub play_id: PlayId,
    /// When that was noticed.
    pub ended_at: Timestamp,
}

/// A second of a session's link.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlayerLink {
    /// The player.
    pub player_id: PlayerId,
    /// Its session.
    pub session_id: SessionId,
    /// When the second ended.
    pub ts: Timestamp,
    /// What was measured.
    pub server_metrics: LinkMetrics,
}

/// A rule fired on a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RuleFired {
    /// The player.
    pub player_id: PlayerId,
    /// The rule.
    pub rule_id: RuleId,
    /// The fault.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub fault: Fault,
    /// What the request asked for.
    pub request_kind: RequestKind,
    /// When.
    pub ts: Timestamp,
}

/// Frames that a subscriber can no longer have.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReplayGap {
    /// Why: `expired`, `slow_subscriber`, `restart`.
    pub reason: &'static str,
    /// How many, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
    /// The first frame that follows.
    pub resumes_at: Position,
}

impl Frame {
    /// The SSE event's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PlayerCreated(_) => "player.created",
            Self::PlayerUpdated(_) => "player.updated",
            Self::ControlsUpdated(_) => "player.controls.updated",
            Self::PlayerDeleted(_) => "player.deleted",
            Self::PlayStarted(_) => "play.started",
            Self::PlayEnded(_) => "play.ended",
            Self::PlayerLink(_) => "player.link",
            Self::RuleFired(_) => "rule.fired",
            Self::ReplayGap(_) => "replay.gap",
            Self::Heartbeat { .. } => "heartbeat",
        }
    }

    /// The player it concerns; heartbeats and gaps concern everybody.
    pub fn player_id(&self) -> Option<PlayerId> {
        match self {
            Self::PlayerCreated(record) | Self::PlayerUpdated(record) | Self::ControlsUpdated(record) => {
                Some(record.id)
            }
            Self::PlayerDeleted(frame) => Some(frame.player_id),
            Self::PlayStarted(frame) => Some(frame.player_id),
            Self::PlayEnded(frame) => Some(frame.player_id),
            Self::PlayerLink(frame) => Some(frame.player_id),
            Self::RuleFired(frame) => Some(frame.player_id),
            Self::ReplayGap(_) | Self::Heartbeat { .. } => None,
        }
    }
}
