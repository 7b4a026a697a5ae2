//! Whose event this is: the labels every exchange, sample and action carries.
//!
//! Invariant: ids the client did not send stay empty; they are never invented.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{AttemptId, PlayId, PlayerId, PlayerName, SessionId};

/// The player, session, play and attempt an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Who {
    /// The player.
    pub player_id: PlayerId,
    /// What the player calls itself, where that is not its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player_name: Option<PlayerName>,
    /// The session; absent for actions on a player that has none at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The play, if the client named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub play_id: Option<PlayId>,
    /// The attempt within the play, 0 when unknown.
    #[serde(default)]
    pub attempt_id: AttemptId,
}
