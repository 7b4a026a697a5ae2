//! What a request asks for, by what was declared.
//!
//! Invariant: a request is looked up once; what a redirect led to is what was asked for first. Where nothing was declared, the
//! name decides and the answer says that it is guessed. Deliberately absent: learning.

use std::sync::Arc;

use rebuffer_model::{Presentation, RequestKind, Timestamp, Variant};

use super::declared::{Declared, Role};
use super::presentations::PresentationId;
use super::shelf::Spellings;
use super::versions::Asking;
use super::{Graph, LadderChange, SegmentPlace};
use crate::origin::OriginId;
use crate::{ByteRange, Expected, classify_fallback};

/// What is asked for, and when.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Of which origin.
    pub origin: OriginId,
    /// Path and query.
    pub target: &'a str,
    /// Which bytes; absent means all.
    pub range: Option<ByteRange>,
    /// Without a time the live edge of an MPD that lists no segments is unknown.
    pub now: Option<Timestamp>,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// The kind.
    pub kind: RequestKind,
    /// The rung it belongs to.
    pub variant: Option<Arc<Variant>>,
    /// The presentation it belongs to, and how many rungs that has.
    pub presentation: Option<(Presentation, usize)>,
    /// How it is known.
    pub source: Source,
    /// Where it stands, when it is a segment or a part.
    pub place: SegmentPlace,
    /// What its body should be.
    pub expected: Expected,
    /// Whether it is a playlist whose content is known.
    pub is_read: bool,
}

/// How a classification is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A playlist declared the URL, or its own content was seen.
    Declared,
    /// By extension.
    Guessed,
}

/// What was found.
struct Found {
    kind: RequestKind,
    variant: Option<Arc<Variant>>,
    presentation: Option<PresentationId>,
    place: SegmentPlace,
    expected: Expected,
    is_read: bool,
}

impl<'a> Request<'a> {
    /// All of it, at an unknown time.
    pub fn of(origin: OriginId, target: &'a str) -> Self {
        Self { origin, target, range: None, now: None }
    }
}

impl Graph {
    /// What a request asks for.
    pub fn classify(&self, request: Request<'_>) -> Classified {
        self.classified(request, self.found(request))
    }

    /// What a request of a play asks for, how many segments of its kind the play asked for before it (asked again, it keeps its
    /// number; `None` for what is no segment), and whether another presentation is the primary one from now on.
    pub fn ask(
        &mut self,
        play: &str,
        request: Request<'_>,
    ) -> (Classified, Option<u64>, Option<LadderChange>) {
        if self.asked.play(play) {
            self.presentations.begin_play();
        }
        let found = self.found(request);
        let presentation = found.as_ref().and_then(|found| found.presentation);
        let change = presentation.zip(request.now).and_then(|(id, now)| self.presentations.used(id, now));
        let classified = self.classified(request, found);
        let source = self.redirects.source(self.shelf.keys(), request.origin, request.target);
        let own = source.map_or((request.origin, request.target), |at| (at.origin, at.target.as_str()));
        let is_media = classified.kind.is_media();
        let index = is_media.then(|| self.asked.index(play, classified.kind, own, request.range));
        (classified, index, change)
    }

    /// Whether a playlist named this very URL, in this spelling.
    pub fn is_declared_as(&self, origin: OriginId, target: &str) -> bool {
        self.shelf.as_declared(origin, target).is_some()
            || Spellings::as_it_is(target).is_some_and(|spellings| {
                let keys = self.shelf.keys();
                let asking = Asking { origin, spellings: &spellings, keys, range: None, now: None };
                self.playlists.find(&asking).is_some()
            })
    }

    /// Whether a playlist named this URL, but for what clients add to it.
    pub fn declares(&self, origin: OriginId, target: &str) -> bool {
        let Some(spellings) = Spellings::of(target) else { return false };
        let asking =
            Asking { origin, spellings: &spellings, keys: self.shelf.keys(), range: None, now: None };
        self.shelf.as_spelt(origin, &spellings).is_some() || self.playlists.find(&asking).is_some()
    }

    /// What was declared of a URL, wherever a redirect led from it.
    pub(super) fn declared(&self, origin: OriginId, target: &str) -> Option<&Declared> {
        self.named(origin, target).or_else(|| {
            let source = self.redirects.source(self.shelf.keys(), origin, target)?;
            self.named(source.origin, &source.target)
        })
    }

    /// What was declared of a URL as it is, but for what clients add.
    pub(super) fn named(&self, origin: OriginId, target: &str) -> Option<&Declared> {
        let exact = self.shelf.as_declared(origin, target);
        exact.or_else(|| self.shelf.as_spelt(origin, &Spellings::of(target)?))
    }

    fn classified(&self, request: Request<'_>, found: Option<Found>) -> Classified {
        let Some(Found { kind, variant, presentation, place, expected, is_read }) = found else {
            return Classified {
                kind: classify_fallback(request.target, None),
                variant: None,
                presentation: None,
                source: Source::Guessed,
                place: SegmentPlace::default(),
                expected: Expected::Unknown,
                is_read: false,
            };
        };
        let presentation = presentation.and_then(|id| self.presentations.describe(id));
        Classified { kind, variant, presentation, source: Source::Declared, place, expected, is_read }
    }

    fn found(&self, request: Request<'_>) -> Option<Found> {
        let Request { origin, target, range, .. } = request;
        let dash_first = self.presentations.primary().is_some_and(|primary| primary.is_dash);
        let exact = self.shelf.as_declared(origin, target);
        if let Some(exact) = exact.filter(|declared| !dash_first || declared.role == Role::Playlist) {
            return Some(self.on_shelf(exact, range));
        }
        let led = || {
            let from = self.redirects.source(self.shelf.keys(), origin, target)?;
            self.found_spelt(Request { origin: from.origin, target: &from.target, ..request }, dash_first)
        };
        led().or_else(|| self.found_spelt(request, dash_first))
    }

    fn found_spelt(&self, request: Request<'_>, dash_first: bool) -> Option<Found> {
        let spellings = Spellings::of(request.target)?;
        let others = self.origins.ids().filter(|other| *other != request.origin);
        let mut origins = [request.origin].into_iter().chain(others);
        origins.find_map(|origin| self.found_at(origin, &spellings, request, dash_first))
    }

    fn found_at(
        &self,
        origin: OriginId,
        spellings: &Spellings,
        request: Request<'_>,
        dash_first: bool,
    ) -> Option<Found> {
        let Request { range, now, .. } = request;
        let spelt = self.shelf.as_spelt(origin, spellings);
        let spelt = spelt.or_else(|| self.shelf.by_path(origin, spellings));
        let on_shelf = || spelt.map(|declared| self.on_shelf(declared, range));
        let in_mpd = || {
            let asking = Asking { origin, spellings, keys: self.shelf.keys(), range, now };
            let (found, presentation) = self.playlists.find(&asking)?;
            let place = if found.kind.is_media() { found.place } else { SegmentPlace::default() };
            Some(Found {
                kind: found.kind,
                variant: found.variant,
                presentation,
                place,
                expected: Expected::Other,
                is_read: false,
            })
        };
        let shelf_first = !dash_first || spelt.is_some_and(|declared| declared.role == Role::Playlist);
        if shelf_first { on_shelf().or_else(in_mpd) } else { in_mpd().or_else(on_shelf) }
    }

    fn on_shelf(&self, declared: &Declared, range: Option<ByteRange>) -> Found {
        let playlist = self.playlists.get(declared.playlist);
        let fact = declared.fact(range);
        let is_playlist = declared.role == Role::Playlist;
        let kind = if is_playlist { playlist.kind } else { fact.kind };
        let newest = playlist.next_sequence.checked_sub(1).filter(|_| kind.is_media());
        let place = SegmentPlace {
            media_sequence: kind.is_media().then_some(fact.sequence),
            from_live_edge: newest.map(|newest| newest.saturating_sub(fact.sequence)),
            hinted: fact.hinted,
        };
        Found {
            kind,
            variant: playlist.variant.clone(),
            presentation: playlist.presentation,
            place,
            expected: declared.expected,
            is_read: is_playlist && playlist.version > 0,
        }
    }
}
