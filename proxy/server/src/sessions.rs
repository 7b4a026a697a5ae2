//! Players and their sessions: who is there, on which port, and what was set for them.
//!
//! Invariant: each player's mutable state has one owner, the `Player`; each session's, the `Session`. Nobody takes a copy and
//! writes it back. A player outlives its sessions; a session id is never reused; a port belongs to one player at a time and is
//! given to another only after the link of the first was taken down.
//! Deliberately absent: HTTP.

mod carried;
mod conduct;
mod endpoint;
mod learned;
mod open;
mod player;
mod ports;
mod reach;
mod reap;
mod session;
mod told;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use rebuffer_model::PlayerId;

pub(crate) use carried::Carry;
pub(crate) use conduct::{CannotSet, Changing, Conductor, OnRig, Stage, Wanted};
pub(crate) use endpoint::{Endpoint, SessionPort};
pub(crate) use learned::{Kept, Learned};
pub(crate) use open::{OpenError, Start, open, restore_ports};
pub(crate) use player::{Controlled, PlayEdge, Player};
pub(crate) use ports::{Former, Holder, Ports, listen as listen_on};
pub(crate) use reach::{ReachError, reach};
pub(crate) use reap::{end, reap_idle};
pub(crate) use session::{Activity, Session, link_backend};
pub(crate) use told::Topic;

use crate::store::StoredPlayer;

/// Players without a session and with nothing set that are remembered.
const IDLE_PLAYERS: usize = 1_000;

/// Everybody the rig knows.
#[derive(Debug, Default)]
pub(crate) struct Players {
    all: RwLock<HashMap<PlayerId, Arc<Player>>>,
}

impl Players {
    pub(crate) fn restored(stored: Vec<StoredPlayer>) -> Result<Self, rebuffer_engine::RuleError> {
        let mut all = HashMap::new();
        for stored in stored {
            let player = Player::restored(stored)?;
            all.insert(player.id, Arc::new(player));
        }
        Ok(Self { all: RwLock::new(all) })
    }

    pub(crate) fn get(&self, id: PlayerId) -> Option<Arc<Player>> {
        self.all.read().get(&id).cloned()
    }

    /// The player of this id, met for the first time if need be; true when it was.
    pub(crate) fn meet(&self, id: PlayerId) -> (Arc<Player>, bool) {
        if let Some(player) = self.get(id) {
            return (player, false);
        }
        let mut all = self.all.write();
        if let Some(player) = all.get(&id) {
            return (Arc::clone(player), false);
        }
        Self::forget_the_idlest(&mut all);
        let taken = all.values().map(|player| player.display_id).max().unwrap_or(0);
        let player = Arc::new(Player::new(id, taken + 1));
        all.insert(id, Arc::clone(&player));
        (player, true)
    }

    /// Whether this very player is the one that goes by its id; one that was removed is not.
    pub(crate) fn knows(&self, player: &Arc<Player>) -> bool {
        self.all.read().get(&player.id).is_some_and(|known| Arc::ptr_eq(known, player))
    }

    pub(crate) fn remove(&self, id: PlayerId) -> Option<Arc<Player>> {
        self.all.write().remove(&id)
    }

    /// Everybody, by their number.
    pub(crate) fn list(&self) -> Vec<Arc<Player>> {
        let mut players: Vec<_> = self.all.read().values().cloned().collect();
        players.sort_by_key(|player| player.display_id);
        players
    }

    /// Everybody who has a session.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        self.all.read().values().filter_map(|player| player.session()).collect()
    }

    fn forget_the_idlest(all: &mut HashMap<PlayerId, Arc<Player>>) {
        if all.len() < IDLE_PLAYERS {
            return;
        }
        let mut idle: Vec<_> = all.values().filter(|player| player.is_forgettable()).cloned().collect();
        idle.sort_by_key(|player| player.last_seen());
        let surplus = all.len() + 1 - IDLE_PLAYERS;
        for player in idle.into_iter().take(surplus) {
            all.remove(&player.id);
        }
    }
}
