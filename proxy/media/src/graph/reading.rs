//! The playlist that is being absorbed: where its URIs lead.
//!
//! Invariant: only what leads to an origin of the session is found, and no URL longer than [`MAX_URL`].
//! Deliberately absent: what is found there.

use rebuffer_model::Timestamp;

use crate::address::{Address, Base, Place};
use crate::hls::{Definitions, Text};
use crate::origin::Origins;
use crate::playlist::Playlist;

/// A longer URL is not remembered.
const MAX_URL: usize = 8 << 10;

/// The playlist that is being absorbed.
pub(super) struct Reading<'o> {
    pub(super) playlist: &'o Playlist,
    pub(super) base: Base<'o>,
    pub(super) origins: &'o Origins,
    pub(super) definitions: &'o Definitions,
    pub(super) now: Option<Timestamp>,
}

impl<'o> Reading<'o> {
    /// Where a URI of the playlist leads, when that is an origin of the session.
    pub(super) fn resolve(&self, uri: Text<'_>) -> Option<Address> {
        let odd = self.playlist.odd_spellings(uri.span());
        self.resolve_text(odd.as_ref().map_or(uri.text, |[kept, _]| kept))
    }

    /// The same in every spelling in which players ask for it.
    pub(super) fn resolve_spellings(&self, uri: Text<'_>) -> impl Iterator<Item = Address> {
        let odd = self.playlist.odd_spellings(uri.span());
        let replaced = odd.as_ref().and_then(|[_, replaced]| self.resolve_text(replaced));
        self.resolve(uri).into_iter().chain(replaced)
    }

    pub(super) fn resolve_text(&self, uri: &str) -> Option<Address> {
        self.resolve_at(&self.base, uri)
    }

    /// The same, seen from another base.
    pub(super) fn resolve_at(&self, base: &Base<'o>, uri: &str) -> Option<Address> {
        let uri = self.definitions.fill(uri);
        match base.resolve(if uri.len() > MAX_URL { return None } else { &uri }) {
            Place::Here(at) => Some(at),
            Place::Foreign(_) | Place::Nowhere => None,
        }
    }

    /// The base that a base URL leads to.
    pub(super) fn descend(&self, base: &Base<'o>, uri: &str) -> Option<Base<'o>> {
        if uri.len() > MAX_URL { None } else { base.descend(uri).ok() }
    }
}
