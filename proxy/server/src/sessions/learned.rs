//! What a player's playlists have taught, kept while the player has no session.
//!
//! Invariant: a player that comes back, at the same port or another, is known as it was left. What players without a session keep
//! takes at most [`MAX_KEPT`] together; the one that left first is forgotten first.
//! Deliberately absent: a restart of the rig, after which everything is learned anew.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rebuffer_media::Graph;

use super::Player;
use super::carried::Carried;

/// What all players without a session keep, bytes.
const MAX_KEPT: usize = 256 << 20;
/// What a player's playlists take at least: tables that are not empty.
const LEAST: usize = 64 << 10;

/// What a player's playlists have taught.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    pub(crate) graph: Mutex<Graph>,
    pub(crate) carried: Carried,
}

/// The players that keep something and have no session, the one that left first in front.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<VecDeque<(Weak<Player>, usize)>>);

impl Learned {
    fn weight(&self) -> usize {
        self.graph.lock().weight() + LEAST
    }
}

impl Kept {
    /// A player's session has ended.
    pub(crate) fn keep(&self, player: &Arc<Player>) {
        let Some(learned) = player.learned() else { return };
        let mut kept = self.0.lock();
        kept.retain(|(other, _)| other.upgrade().is_some_and(|other| !Arc::ptr_eq(&other, player)));
        kept.push_back((Arc::downgrade(player), learned.weight()));
        let mut total = kept.iter().map(|(_, weight)| weight).sum::<usize>();
        while total > MAX_KEPT && kept.len() > 1 {
            let Some((oldest, weight)) = kept.pop_front() else { return };
            total -= weight;
            // One that has a session by now is counted no more, and keeps what it has.
            if let Some(oldest) = oldest.upgrade().filter(|oldest| oldest.session().is_none()) {
                oldest.forget_learned();
            }
        }
    }
}
