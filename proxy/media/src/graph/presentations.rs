//! The presentations of one session: each master or MPD with its own ladder, and which of them is the primary one.
//!
//! Invariant: at most [`MAX_PRESENTATIONS`]; one is the primary one as soon as there is any that is no interstitial, and it stays so
//! until a player starts another one at the base port or in another play, or has asked for nothing of it for [`UNUSED`].
//! Deliberately absent: what their playlists list.

use std::sync::Arc;
use std::time::Duration;

use rebuffer_model::{Presentation as Name, PresentationRole, Timestamp, Variant};

use super::playlists::PlaylistId;
use super::{Ladder, LadderChange};
use crate::address::Address;
use crate::hls::Definitions;

const MAX_PRESENTATIONS: usize = 32;
/// A primary presentation of which nothing was asked for so long is one no more when another one is played.
const UNUSED: Duration = Duration::from_secs(60);
/// The most playlists that steering may clone, clones among them.
const MAX_STEERED: usize = 512;

pub(super) type PresentationId = u32;

#[derive(Debug, Default)]
pub(super) struct Presentations {
    list: Vec<Presentation>,
    opened: PresentationId,
    primary: Option<PresentationId>,
    /// The next master or MPD is the primary one: a play has begun.
    begins: bool,
    /// So is the one that is found here.
    start: Option<Address>,
    /// What the player sees while there is none.
    none: Ladder,
}

#[derive(Debug)]
pub(super) struct Presentation {
    id: PresentationId,
    /// The path of its master or MPD.
    path: Arc<str>,
    is_interstitial: bool,
    pub(super) is_dash: bool,
    ladder: Ladder,
    /// The variables of its master.
    pub(super) definitions: Definitions,
    /// Where its playlists are on each pathway.
    steered: Vec<Steered>,
    used: Option<Timestamp>,
}

/// A playlist on a pathway.
#[derive(Debug, Clone)]
pub(super) struct Steered {
    pub(super) playlist: PlaylistId,
    /// Absent when it is on all of them.
    pub(super) pathway: Option<Box<str>>,
    pub(super) stable_id: Option<Box<str>>,
    pub(super) at: Address,
}

impl Presentation {
    pub(super) fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// Remembers a playlist that steering may clone.
    pub(super) fn steer(&mut self, playlist: Steered) {
        if self.steered.len() < MAX_STEERED {
            self.steered.push(playlist);
        }
    }

    /// Forgets what steering may clone.
    pub(super) fn begin_steering(&mut self) {
        self.steered.clear();
    }

    /// The playlists of a pathway.
    pub(super) fn on_pathway(&self, pathway: &str) -> Vec<Steered> {
        let is_on = |it: &&Steered| it.pathway.as_deref().is_none_or(|own| own == pathway);
        self.steered.iter().filter(is_on).cloned().collect()
    }

    /// Forgets the playlists of a pathway, of which another version is read.
    pub(super) fn forget_pathway(&mut self, pathway: &str) {
        self.steered.retain(|it| it.pathway.as_deref() != Some(pathway));
    }
}

impl Presentations {
    /// A new one, found at this path.
    pub(super) fn open(&mut self, path: &str, is_interstitial: bool) -> PresentationId {
        if self.list.len() >= MAX_PRESENTATIONS {
            let others = self.list.iter().enumerate().filter(|(_, it)| Some(it.id) != self.primary);
            if let Some((oldest, _)) = others.min_by_key(|(_, it)| (it.used, it.id)) {
                self.list.remove(oldest);
            }
        }
        self.opened += 1;
        self.list.push(Presentation {
            id: self.opened,
            path: path.into(),
            is_interstitial,
            is_dash: false,
            ladder: Ladder::default(),
            definitions: Definitions::default(),
            steered: Vec::new(),
            used: None,
        });
        self.opened
    }

    pub(super) fn get(&self, id: PresentationId) -> Option<&Presentation> {
        self.list.iter().find(|it| it.id == id)
    }

    pub(super) fn get_mut(&mut self, id: PresentationId) -> Option<&mut Presentation> {
        self.list.iter_mut().find(|it| it.id == id)
    }

    pub(super) fn primary(&self) -> Option<&Presentation> {
        self.get(self.primary?)
    }

    pub(super) fn primary_id(&self) -> Option<PresentationId> {
        self.primary
    }

    /// The ladder of the primary one.
    pub(super) fn ladder(&self) -> &Ladder {
        self.primary().map_or(&self.none, Presentation::ladder)
    }

    /// How rows and rules call it, and how many rungs it has.
    pub(super) fn describe(&self, id: PresentationId) -> Option<(Name, usize)> {
        let it = self.get(id)?;
        let role = match (it.is_interstitial, self.primary == Some(id)) {
            (true, _) => PresentationRole::Interstitial,
            (false, true) => PresentationRole::Primary,
            (false, false) => PresentationRole::Other,
        };
        Some((Name { path: Arc::clone(&it.path), role }, it.ladder.len()))
    }

    /// A play begins: the next master or MPD is its.
    pub(super) fn begin_play(&mut self) {
        self.begins = true;
    }

    /// A player was led from the base port to here.
    pub(super) fn begin_at(&mut self, at: Address) {
        self.start = Some(at);
    }

    /// A master or MPD was read here, with this ladder.
    pub(super) fn set_ladder(
        &mut self,
        id: PresentationId,
        at: &Address,
        ladder: Ladder,
        now: Option<Timestamp>,
    ) -> Option<LadderChange> {
        let before = self.ladder().clone();
        let is_start = self.start.as_ref() == Some(at);
        if is_start {
            self.start = None;
        }
        let begins = is_start || self.begins || self.primary().is_none_or(|primary| primary.is_unused(now));
        if let Some(it) = self.get_mut(id) {
            it.ladder = ladder;
            it.used = it.used.max(now);
            if begins && !it.is_interstitial {
                self.primary = Some(id);
                self.begins = false;
            }
        }
        self.change_since(before)
    }

    /// Something of it was asked for.
    pub(super) fn used(&mut self, id: PresentationId, now: Timestamp) -> Option<LadderChange> {
        let is_left = self.primary().is_none_or(|primary| primary.is_unused(Some(now)));
        let it = self.get_mut(id)?;
        it.used = it.used.max(Some(now));
        if !is_left || it.is_interstitial || self.primary == Some(id) {
            return None;
        }
        let before = self.ladder().clone();
        self.primary = Some(id);
        self.change_since(before)
    }

    fn change_since(&self, before: Ladder) -> Option<LadderChange> {
        let changed = *self.ladder() != before;
        changed.then(|| LadderChange { replaced: (!before.is_empty()).then_some(before) })
    }
}

impl Presentation {
    fn is_unused(&self, now: Option<Timestamp>) -> bool {
        let (Some(used), Some(now)) = (self.used, now) else { return false };
        let since = now.as_micros().saturating_sub(used.as_micros());
        u128::try_from(since).is_ok_and(|since| since > UNUSED.as_micros())
    }
}

/// The rung of a ladder that is the same encoding.
pub(super) fn same_in(ladder: &Ladder, variant: &Variant) -> Option<Arc<Variant>> {
    let identity = |variant: &Variant| (variant.bandwidth, variant.resolution, variant.codecs.clone());
    ladder.iter().find(|rung| identity(rung) == identity(variant)).cloned()
}
