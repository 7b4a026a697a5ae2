//! What the playlists of one session declared: each URL's kind and variant, and the current ladder.
//!
//! Invariant: a variant is only ever one that the current ladder holds, and memory is bounded however long a stream lives.
//! Where two playlists declare one URL the later one counts, but a list of I-frames never outweighs the segments it
//! points into. Deliberately absent: telling partial segments, init segments and keys of audio from those of video; the
//! kinds do not.

mod hls;
mod ladder;
mod playlists;
mod shelf;

use std::sync::Arc;

use rebuffer_model::{RequestKind, Variant};

use crate::address::{Base, Place};
use crate::hls::Form;
use crate::localise::note_foreign;
use crate::{ByteRange, MAX_PLAYLIST_BYTES, Origin, classify_fallback};
use playlists::Playlists;
use shelf::{Role, Shelf};

/// The variants that can be played now, the lowest bandwidth first; a variant's rung is its place.
pub type Ladder = Arc<[Arc<Variant>]>;

/// A longer URL is not remembered.
const MAX_URL: usize = 8 << 10;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// The kind.
    pub kind: RequestKind,
    /// The rung it belongs to.
    pub variant: Option<Arc<Variant>>,
    /// How it is known.
    pub source: Source,
}

/// How a classification is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A playlist declared the URL, or its own content was seen.
    Declared,
    /// By extension.
    Guessed,
}

/// What a response turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absorbed {
    /// The kind, by content.
    pub kind: RequestKind,
    /// The rung it belongs to.
    pub variant: Option<Arc<Variant>>,
    /// Whether the ladder is another one than before, also when there was none.
    pub ladder_changed: bool,
    /// Hosts to which the playlist sends the player past the session; each once, at most 32.
    pub foreign: Vec<String>,
}

/// The playlists of one session.
#[derive(Debug)]
pub struct Graph {
    origins: Arc<[Origin]>,
    ladder: Ladder,
    playlists: Playlists,
    shelf: Shelf,
}

/// The playlist that is being absorbed.
struct Reading<'o> {
    base: Base<'o>,
    foreign: Vec<String>,
}

impl Graph {
    /// `origins` are the addresses whose absolute URLs stay on this session.
    pub fn new(origins: impl Into<Arc<[Origin]>>) -> Self {
        Self {
            origins: origins.into(),
            ladder: Ladder::default(),
            playlists: Playlists::default(),
            shelf: Shelf::default(),
        }
    }

    /// The variants that can be played now.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// What a request asks for. `target` is its path and query, `range` the bytes it wants.
    pub fn classify(&self, target: &str, range: Option<ByteRange>) -> Classified {
        let Some(declared) = self.shelf.get(target) else {
            let kind = classify_fallback(target, None);
            return Classified { kind, variant: None, source: Source::Guessed };
        };
        let playlist = self.playlists.get(declared.playlist);
        let kind = match declared.role {
            Role::Playlist => playlist.kind,
            Role::Resource | Role::Part | Role::Segment => declared.kind_of(range),
        };
        Classified { kind, variant: playlist.variant.clone(), source: Source::Declared }
    }

    /// Learns from a response. `target` is the path and query as requested, `body` what the origin sent, decoded.
    pub fn absorb(&mut self, target: &str, content_type: Option<&str>, body: &[u8]) -> Absorbed {
        let body = body.get(..MAX_PLAYLIST_BYTES).unwrap_or(body);
        let origins = Arc::clone(&self.origins);
        match (Form::of(body), Base::new(target, &origins)) {
            (Some(form), Some(base)) => {
                self.absorb_hls(target, form, body, Reading { base, foreign: Vec::new() })
            }
            (None, _) | (_, None) => {
                let kind = classify_fallback(target, content_type);
                Absorbed { kind, variant: None, ladder_changed: false, foreign: Vec::new() }
            }
        }
    }
}

impl Reading<'_> {
    /// The path and query on the session that a URI leads to.
    fn resolve(&mut self, uri: &str) -> Option<String> {
        if uri.len() > MAX_URL {
            return None;
        }
        match self.base.resolve(uri) {
            Place::Here(url) => Some(url),
            Place::Nowhere => None,
            Place::Foreign(authority) => {
                note_foreign(&mut self.foreign, &authority);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
