//! What every row of an event begins with: when, whose, from where, and how it was labelled.

use rebuffer_model::{Label, Position, Timestamp, Who};

use crate::declare::columns;
use crate::{Name, Tier};

/// Where a record comes from, for the head of its row.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Which proxy.
    pub source: &'a str,
    /// Its place in that proxy's feed.
    pub position: Position,
    /// The rig's clock.
    pub ts: Timestamp,
}

columns! {
    /// When, whose, from where, and how it was labelled.
    Head {
        /// The rig's clock: when an exchange ended, a report came, an action was taken.
        ts: Timestamp,
        /// Position in the feed of its source; unique and growing.
        id: Position,
        /// Which proxy saw it.
        source: Name,
        /// The player, canonical: a lower-case UUID. Empty when it concerns no player.
        player_id: Name,
        /// What the player calls itself in player_id. Empty where that is the id; the label name of the player wins where one is shown.
        player_name: Name,
        /// The play, as the client named it, UUIDs in lower case. Empty when the client named none.
        play_id: Name,
        /// The try within the play: 1 on a new play, one more per restart, 0 when unknown.
        attempt_id: u32,
        /// The session of the rig, never reused. Empty when the player had none.
        session_id: String,
        /// Labels, <severity>=<event>, with * before an event the rig worked out itself.
        labels: Vec<Name>,
        /// How long the row is kept: other, interesting or favourite.
        classification: Tier,
    }
}

impl Head {
    /// The head of a row; `who` is absent for what concerns no player.
    pub fn new(origin: Origin<'_>, who: Option<&Who>, labels: &[Label]) -> Self {
        let text = |id: Option<String>| id.unwrap_or_default();
        Self {
            ts: origin.ts,
            id: origin.position,
            source: origin.source.into(),
            player_id: Name(text(who.map(|who| who.player_id.to_string()))),
            player_name: Name(text(who.and_then(|who| who.player_name.as_ref().map(ToString::to_string)))),
            play_id: Name(text(who.and_then(|who| who.play_id.as_ref().map(ToString::to_string)))),
            attempt_id: who.map_or(0, |who| who.attempt_id.0),
            session_id: text(who.and_then(|who| who.session_id.map(|id| id.to_string()))),
            labels: labels.iter().map(|label| Name(label.to_string())).collect(),
            classification: Tier,
        }
    }
}
