//! What the playlists of one session declared: each URL's kind, variant and place, and the current ladder.
//!
//! Invariant: a variant is only ever one that the current ladder holds, and memory is bounded however long a stream lives.
//! Where two playlists declare one URL the later one counts, but a list of I-frames never outweighs the segments it
//! points into, and what an MPD and HLS playlists share belongs to whichever set the ladder. Deliberately absent: telling partial segments, init segments and keys of audio from those of video; the
//! kinds do not.

mod dash;
mod hls;
mod ladder;
mod place;
mod playlists;
mod presentation;
mod shelf;
mod template;

use std::sync::Arc;

use rebuffer_model::{RequestKind, Timestamp, Variant};

use crate::address::{Base, Place};
use crate::dash::Mpd;
use crate::hls::{Definitions, Form};
use crate::localise::note_foreign;
use crate::{ByteRange, MAX_PLAYLIST_BYTES, Origin, classify_fallback};
pub(crate) use ladder::{of_mpd as ladder_of, rung_of};
use place::Asked;
pub use place::SegmentPlace;
use playlists::Playlists;
use presentation::Asking;
use shelf::{Declared, Role, Shelf};

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
    /// Where it stands, when it is a segment or a part.
    pub place: SegmentPlace,
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
    /// The ladder that was replaced by another one; the other one is [`Graph::ladder`].
    pub replaced: Option<Ladder>,
    /// Hosts to which the playlist sends the player past the session; each once, at most 32.
    pub foreign: Vec<String>,
}

/// The playlists of one session.
#[derive(Debug)]
pub struct Graph {
    origins: Arc<[Origin]>,
    ladder: Ladder,
    /// Whether an MPD set the ladder.
    dash_is_current: bool,
    playlists: Playlists,
    shelf: Shelf,
    /// The variables of the last master.
    definitions: Definitions,
    asked: Asked,
}

/// The playlist that is being absorbed.
struct Reading<'o> {
    base: Base<'o>,
    definitions: Definitions,
    foreign: Vec<String>,
}

impl Graph {
    /// `origins` are the addresses whose absolute URLs stay on this session.
    pub fn new(origins: impl Into<Arc<[Origin]>>) -> Self {
        Self {
            origins: origins.into(),
            ladder: Ladder::default(),
            dash_is_current: false,
            playlists: Playlists::default(),
            shelf: Shelf::default(),
            definitions: Definitions::default(),
            asked: Asked::default(),
        }
    }

    /// The variants that can be played now.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// What a request asks for. `target` is its path and query, `range` the bytes it wants.
    pub fn classify(&self, target: &str, range: Option<ByteRange>) -> Classified {
        self.classify_at(target, range, None)
    }

    /// The same at a known time, without which the live edge of an MPD that lists no segments is unknown.
    pub fn classify_at(&self, target: &str, range: Option<ByteRange>, now: Option<Timestamp>) -> Classified {
        let declared = self.shelf.get(target);
        if let Some(playlist) = declared.filter(|declared| declared.role == Role::Playlist) {
            return self.describe(playlist, range);
        }
        let on_shelf = || declared.map(|declared| self.describe(declared, range));
        let in_mpd = || {
            if !self.playlists.has_presentation() {
                return None;
            }
            let found = self.playlists.find(&Asking::of(target, range, now)?)?;
            let place = if found.kind.is_media() { found.place } else { SegmentPlace::default() };
            Some(Classified { kind: found.kind, variant: found.variant, source: Source::Declared, place })
        };
        let found =
            if self.dash_is_current { in_mpd().or_else(on_shelf) } else { on_shelf().or_else(in_mpd) };
        found.unwrap_or_else(|| Classified {
            kind: classify_fallback(target, None),
            variant: None,
            source: Source::Guessed,
            place: SegmentPlace::default(),
        })
    }

    /// How many segments of this kind the play asked for before this one; asked again, it keeps its number. `None` for
    /// what is no segment. A play of another name begins at 0.
    pub fn index_in_play(
        &mut self,
        play: &str,
        kind: RequestKind,
        target: &str,
        range: Option<ByteRange>,
    ) -> Option<u64> {
        kind.is_media().then(|| self.asked.index(play, kind, target, range))
    }

    /// Learns from a response. `target` is the path and query as requested, `body` what the origin sent, decoded.
    pub fn absorb(&mut self, target: &str, content_type: Option<&str>, body: &[u8]) -> Absorbed {
        let body = body.get(..MAX_PLAYLIST_BYTES).unwrap_or(body);
        let origins = Arc::clone(&self.origins);
        let reading = Base::new(target, &origins).map(|base| {
            let query = target.split_once('?').map_or("", |(_, query)| query);
            let definitions = Definitions::read(body, &self.definitions, query);
            Reading { base, definitions, foreign: Vec::new() }
        });
        let mpd = || crate::dash::is_mpd(body).then(|| Mpd::read(body)).flatten();
        match (reading, Form::of(body)) {
            (Some(reading), Some(form)) => return self.absorb_hls(target, form, body, reading),
            (Some(reading), None) => {
                if let Some(mpd) = mpd() {
                    return self.absorb_mpd(target, &mpd, reading);
                }
            }
            (None, _) => {}
        }
        let kind = classify_fallback(target, content_type);
        Absorbed { kind, variant: None, ladder_changed: false, replaced: None, foreign: Vec::new() }
    }

    fn describe(&self, declared: &Declared, range: Option<ByteRange>) -> Classified {
        let playlist = self.playlists.get(declared.playlist);
        let fact = declared.fact(range);
        let kind = if declared.role == Role::Playlist { playlist.kind } else { fact.kind };
        let newest = playlist.next_sequence.checked_sub(1);
        let place = SegmentPlace {
            media_sequence: kind.is_media().then_some(fact.sequence),
            from_live_edge: newest
                .filter(|_| kind.is_media())
                .map(|newest| newest.saturating_sub(fact.sequence)),
            hinted: fact.hinted,
        };
        Classified { kind, variant: playlist.variant.clone(), source: Source::Declared, place }
    }
}

impl<'o> Reading<'o> {
    /// The path and query on the session that a URI leads to.
    fn resolve(&mut self, uri: &str) -> Option<String> {
        let place = seen_from(&self.base, &self.definitions, uri);
        self.here(place)
    }

    /// The same, seen from another base.
    fn resolve_at(&mut self, base: &Base<'o>, uri: &str) -> Option<String> {
        let place = seen_from(base, &self.definitions, uri);
        self.here(place)
    }

    fn here(&mut self, place: Place) -> Option<String> {
        match place {
            Place::Here(url) => Some(url),
            elsewhere @ (Place::Foreign(_) | Place::Nowhere) => self.note(elsewhere),
        }
    }

    /// The base that a base URL leads to.
    fn descend(&mut self, base: &Base<'o>, uri: &str) -> Option<Base<'o>> {
        if uri.len() > MAX_URL {
            return None;
        }
        base.descend(uri).map_or_else(|elsewhere| self.note(elsewhere), Some)
    }

    fn note<T>(&mut self, place: Place) -> Option<T> {
        if let Place::Foreign(authority) = place {
            note_foreign(&mut self.foreign, &authority);
        }
        None
    }
}

fn seen_from(base: &Base<'_>, definitions: &Definitions, uri: &str) -> Place {
    let uri = definitions.fill(uri);
    if uri.len() > MAX_URL { Place::Nowhere } else { base.resolve(&uri) }
}

#[cfg(test)]
mod tests;
