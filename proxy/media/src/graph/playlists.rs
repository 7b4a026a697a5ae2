//! The playlists of a session, by number.
//!
//! Invariant: a number that stands on the shelf is one of a playlist that is known; when a playlist makes way for another
//! one, all it declared goes with it. The primary presentation's make way last. Deliberately absent: ladders; a playlist only says
//! which rung it is.

use std::sync::Arc;

use rebuffer_model::{RequestKind, Variant};

use super::Ladder;
use super::declared::{Declared, Role};
use super::presentations::{PresentationId, same_in};
use super::shelf::{Shelf, Spellings};
use super::versions::{Asking, Found, Version, Versions};
use crate::address::{self, Address};

/// About how many bytes a session remembers of what its playlists list: a film of three hours with eight renditions takes a sixth.
pub(super) const MAX_WEIGHT: usize = 32 << 20;
/// A single playlist may not push out all others: a day in segments of 2 s takes a third.
pub(super) const MAX_PLAYLIST_WEIGHT: usize = MAX_WEIGHT / 2;
/// The most playlists that are remembered.
pub(super) const MAX_PLAYLISTS: usize = 256;

pub(super) type PlaylistId = u16;

#[derive(Debug, Default)]
pub(super) struct Playlists {
    list: Vec<Playlist>,
    /// Counts the playlists that were absorbed.
    now: u64,
}

#[derive(Debug)]
pub(super) struct Playlist {
    pub(super) kind: RequestKind,
    pub(super) variant: Option<Arc<Variant>>,
    /// The one it belongs to; of a master or MPD its own.
    pub(super) presentation: Option<PresentationId>,
    /// Whether that is so because it is the master or MPD of it.
    pub(super) is_head: bool,
    /// Whether it is the master of an interstitial.
    pub(super) is_asset: bool,
    /// Whether it lists single frames out of other playlists' segments.
    pub(super) i_frames: bool,
    /// Counts what was absorbed of it; 0 while its content is not known.
    pub(super) version: u64,
    /// The number after that of its last whole segment.
    pub(super) next_sequence: u64,
    /// What it declares when it is an MPD.
    pub(super) versions: Option<Box<Versions>>,
    /// When it was last absorbed or declared.
    touched: u64,
}

impl Playlists {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, id: PlaylistId) -> &Playlist {
        &self.list[usize::from(id)]
    }

    pub(super) fn get_mut(&mut self, id: PlaylistId) -> &mut Playlist {
        &mut self.list[usize::from(id)]
    }

    /// Whether any was read.
    pub(super) fn any_read(&self) -> bool {
        self.list.iter().any(|playlist| playlist.version > 0)
    }

    /// The playlist that was fetched from here, from now on known. `known` is the one that a redirect led here from.
    pub(super) fn open(
        &mut self,
        at: &Address,
        known: Option<PlaylistId>,
        shelf: &mut Shelf,
        primary: Option<PresentationId>,
    ) -> PlaylistId {
        self.now += 1;
        let named = |declared: &&Declared| declared.role == Role::Playlist;
        let spellings = Spellings::of(&at.target);
        let declared = spellings.as_ref().and_then(|spellings| {
            let spelt = shelf.as_spelt(at.origin, spellings).filter(named);
            spelt.or_else(|| shelf.by_path(at.origin, spellings).filter(named))
        });
        if let Some(id) = declared.map(|declared| declared.playlist).or(known) {
            self.get_mut(id).touched = self.now;
            return id;
        }
        let own = Address { origin: at.origin, target: address::own_name(&at.target) };
        let oldest = self.oldest(primary);
        let id = self.make_room(shelf, oldest);
        shelf.put(&own, Declared::new(id, RequestKind::Manifest, Role::Playlist));
        id
    }

    /// The playlist at this URL, as another one declares it. `None` when there is no room that is not needed now.
    pub(super) fn declare(
        &mut self,
        at: &Address,
        shelf: &mut Shelf,
        primary: Option<PresentationId>,
    ) -> Option<PlaylistId> {
        let known = shelf.exact(at).filter(|declared| declared.role == Role::Playlist);
        if let Some(known) = known {
            let id = known.playlist;
            self.get_mut(id).touched = self.now;
            return Some(id);
        }
        let oldest = self.oldest(primary);
        if self.list.len() >= MAX_PLAYLISTS && self.get(oldest).touched == self.now {
            return None;
        }
        let id = self.make_room(shelf, oldest);
        shelf.put(at, Declared::new(id, RequestKind::Manifest, Role::Playlist));
        Some(id)
    }

    /// No playlist of a presentation is a rung until its new ladder says so; of MPDs remains what the new ladder has as well.
    pub(super) fn follow_ladder(&mut self, presentation: PresentationId, ladder: &Ladder) {
        for playlist in self.list.iter_mut().filter(|it| it.presentation == Some(presentation)) {
            playlist.variant = None;
            if let Some(versions) = &mut playlist.versions {
                versions.follow_ladder(|variant| same_in(ladder, variant));
            }
        }
    }

    /// A new version of an MPD. Those unseen for longest make way for it, the primary presentation's last.
    pub(super) fn describe(
        &mut self,
        id: PlaylistId,
        version: Version,
        bases: Vec<Address>,
        primary: Option<PresentationId>,
    ) {
        let playlist = self.get_mut(id);
        playlist.kind = RequestKind::Manifest;
        playlist.variant = None;
        let versions = playlist.versions.get_or_insert_default();
        versions.push(version);
        versions.bases = bases;
        let weight = |playlist: &Playlist| playlist.versions.as_ref().map_or(0, |it| it.weight());
        let mut total = self.list.iter().map(weight).sum::<usize>();
        for other in self.by_age(id, primary) {
            if total <= MAX_WEIGHT {
                break;
            }
            let other = self.get_mut(other);
            total -= weight(other);
            other.versions = None;
            other.version = 0;
        }
    }

    /// What an MPD declared, the one seen last before others; with the presentation it belongs to.
    pub(super) fn find(&self, asking: &Asking<'_>) -> Option<(Found, Option<PresentationId>)> {
        let mut described =
            self.list.iter().filter(|playlist| playlist.versions.is_some()).collect::<Vec<_>>();
        described.sort_by_key(|playlist| std::cmp::Reverse(playlist.touched));
        described
            .iter()
            .find_map(|playlist| Some((playlist.versions.as_ref()?.find(asking)?, playlist.presentation)))
    }

    pub(super) fn versions_weight(&self) -> usize {
        self.list.iter().filter_map(|playlist| playlist.versions.as_ref()).map(|it| it.weight()).sum()
    }

    /// Forgets what playlists list until the rest is within bounds, the longest unseen first, `current` never.
    pub(super) fn forget_beyond_bound(
        &mut self,
        current: PlaylistId,
        shelf: &mut Shelf,
        primary: Option<PresentationId>,
    ) {
        if shelf.weight(current) > MAX_PLAYLIST_WEIGHT {
            let version = self.get(current).version;
            shelf.retain(current, |declared| declared.version == version || is_playlist(declared));
        }
        if shelf.total_weight() <= MAX_WEIGHT {
            return;
        }
        for id in self.by_age(current, primary) {
            if shelf.total_weight() <= MAX_WEIGHT {
                break;
            }
            shelf.retain(id, is_playlist);
            self.get_mut(id).version = 0;
        }
    }

    /// All but this one, the longest unseen first, those of the primary presentation last.
    fn by_age(&self, but: PlaylistId, primary: Option<PresentationId>) -> Vec<PlaylistId> {
        let mut ids = (0..).take(self.list.len()).filter(|id| *id != but).collect::<Vec<_>>();
        ids.sort_by_key(|id| self.rank(*id, primary));
        ids
    }

    fn rank(&self, id: PlaylistId, primary: Option<PresentationId>) -> (bool, u64) {
        let playlist = self.get(id);
        (primary.is_some() && playlist.presentation == primary, playlist.touched)
    }

    fn oldest(&self, primary: Option<PresentationId>) -> PlaylistId {
        (0..).take(self.list.len()).min_by_key(|id| self.rank(*id, primary)).unwrap_or_default()
    }

    /// A number for a new playlist; once all are taken that of the oldest.
    fn make_room(&mut self, shelf: &mut Shelf, oldest: PlaylistId) -> PlaylistId {
        let playlist = Playlist {
            kind: RequestKind::Manifest,
            variant: None,
            presentation: None,
            is_head: false,
            is_asset: false,
            i_frames: false,
            version: 0,
            next_sequence: 0,
            versions: None,
            touched: self.now,
        };
        if let Ok(id) = PlaylistId::try_from(self.list.len())
            && self.list.len() < MAX_PLAYLISTS
        {
            self.list.push(playlist);
            return id;
        }
        shelf.retain(oldest, |_| false);
        *self.get_mut(oldest) = playlist;
        oldest
    }
}

fn is_playlist(declared: &Declared) -> bool {
    declared.role == Role::Playlist
}
