//! The playlists of a session, by number.
//!
//! Invariant: a number that stands on the shelf is one of a playlist that is known; when a playlist makes way for another
//! one, all it declared goes with it. Deliberately absent: the ladder; a playlist only says which rung it is.

use std::sync::Arc;

use rebuffer_model::{RequestKind, Variant};

use super::presentation::{Asking, Found, Presentation, Version};
use super::shelf::{Declared, Role, Shelf};
use super::{Ladder, ladder};
use crate::address;

/// About how many bytes a session remembers of what its playlists list.
const MAX_WEIGHT: usize = 8 << 20;
/// A single playlist may not push out all others.
pub(super) const MAX_PLAYLIST_WEIGHT: usize = MAX_WEIGHT / 2;
/// The most playlists that are remembered.
const MAX_PLAYLISTS: usize = 256;

pub(super) type PlaylistId = usize;

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
    /// Whether it lists single frames out of other playlists' segments.
    pub(super) i_frames: bool,
    /// Counts what was absorbed of it.
    pub(super) version: u64,
    /// The number after that of its last whole segment.
    pub(super) next_sequence: u64,
    /// What it declares when it is an MPD.
    presentation: Option<Box<Presentation>>,
    /// When it was last absorbed or declared.
    touched: u64,
}

impl Playlists {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, id: PlaylistId) -> &Playlist {
        &self.list[id]
    }

    pub(super) fn get_mut(&mut self, id: PlaylistId) -> &mut Playlist {
        &mut self.list[id]
    }

    /// The playlist that was fetched from here, from now on known.
    pub(super) fn open(&mut self, target: &str, shelf: &mut Shelf) -> PlaylistId {
        self.now += 1;
        let known = shelf.get(target).filter(|declared| declared.role == Role::Playlist);
        if let Some(known) = known {
            let id = known.playlist;
            self.list[id].touched = self.now;
            return id;
        }
        let url = address::own_name(target);
        let oldest = self.oldest();
        let id = self.make_room(shelf, oldest);
        shelf.put(url, Declared::new(id, RequestKind::Manifest, Role::Playlist));
        id
    }

    /// The playlist at this URL, as another one declares it. `None` when there is no room that is not needed now.
    pub(super) fn declare(&mut self, url: String, shelf: &mut Shelf) -> Option<PlaylistId> {
        let known = shelf.exact(&url).filter(|declared| declared.role == Role::Playlist);
        if let Some(known) = known {
            let id = known.playlist;
            self.list[id].touched = self.now;
            return Some(id);
        }
        let oldest = self.oldest();
        if self.list.len() >= MAX_PLAYLISTS && self.list[oldest].touched == self.now {
            return None;
        }
        let id = self.make_room(shelf, oldest);
        shelf.put(url, Declared::new(id, RequestKind::Manifest, Role::Playlist));
        Some(id)
    }

    /// No playlist is a rung until the new ladder says so; of MPDs remains what the new ladder has as well.
    pub(super) fn follow_ladder(&mut self, ladder: &Ladder) {
        for playlist in &mut self.list {
            playlist.variant = None;
            if let Some(presentation) = &mut playlist.presentation {
                presentation.follow_ladder(|variant| ladder::same_in(ladder, variant));
            }
        }
    }

    /// A new version of an MPD. The presentations unseen for longest make way for it.
    pub(super) fn describe(&mut self, id: PlaylistId, version: Version) {
        let playlist = &mut self.list[id];
        playlist.kind = RequestKind::Manifest;
        playlist.variant = None;
        playlist.presentation.get_or_insert_default().push(version);
        let weight = |playlist: &Playlist| playlist.presentation.as_ref().map_or(0, |it| it.weight());
        let mut total = self.list.iter().map(weight).sum::<usize>();
        let mut by_age = (0..self.list.len()).filter(|other| *other != id).collect::<Vec<_>>();
        by_age.sort_by_key(|id| self.list[*id].touched);
        for other in by_age {
            if total <= MAX_WEIGHT {
                break;
            }
            total -= weight(&self.list[other]);
            self.list[other].presentation = None;
        }
    }

    /// Whether any of them is an MPD.
    pub(super) fn has_presentation(&self) -> bool {
        self.list.iter().any(|playlist| playlist.presentation.is_some())
    }

    /// What an MPD declared, the one seen last before others.
    pub(super) fn find(&self, asking: &Asking) -> Option<Found> {
        let mut described =
            self.list.iter().filter(|playlist| playlist.presentation.is_some()).collect::<Vec<_>>();
        described.sort_by_key(|playlist| std::cmp::Reverse(playlist.touched));
        described.iter().find_map(|playlist| playlist.presentation.as_ref()?.find(asking))
    }

    #[cfg(test)]
    pub(super) fn presentations_weight(&self) -> usize {
        self.list.iter().filter_map(|playlist| playlist.presentation.as_ref()).map(|it| it.weight()).sum()
    }

    /// Forgets what playlists list until the rest is within bounds, the longest unseen first, `current` never.
    pub(super) fn forget_beyond_bound(&self, current: PlaylistId, shelf: &mut Shelf) {
        let mut weights = shelf.weights(self.list.len());
        if weights[current] > MAX_PLAYLIST_WEIGHT {
            let version = self.list[current].version;
            let is_current = |declared: &Declared| declared.version == version;
            shelf.retain(|declared| {
                declared.playlist != current || is_current(declared) || is_playlist(declared)
            });
            weights = shelf.weights(self.list.len());
        }
        let mut total = weights.iter().sum::<usize>();
        let mut by_age = (0..self.list.len()).filter(|id| *id != current).collect::<Vec<_>>();
        by_age.sort_by_key(|id| self.list[*id].touched);
        for id in by_age {
            if total <= MAX_WEIGHT {
                break;
            }
            shelf.retain(|declared| declared.playlist != id || is_playlist(declared));
            total -= weights[id];
        }
    }

    fn oldest(&self) -> PlaylistId {
        (0..self.list.len()).min_by_key(|id| self.list[*id].touched).unwrap_or_default()
    }

    /// A number for a new playlist; once all are taken that of the oldest.
    fn make_room(&mut self, shelf: &mut Shelf, oldest: PlaylistId) -> PlaylistId {
        let playlist = Playlist {
            kind: RequestKind::Manifest,
            variant: None,
            i_frames: false,
            version: 0,
            next_sequence: 0,
            presentation: None,
            touched: self.now,
        };
        if self.list.len() < MAX_PLAYLISTS {
            self.list.push(playlist);
            return self.list.len() - 1;
        }
        shelf.retain(|declared| declared.playlist != oldest);
        self.list[oldest] = playlist;
        oldest
    }
}

fn is_playlist(declared: &Declared) -> bool {
    declared.role == Role::Playlist
}
