//! What the playlists of one session declared: each URL's kind, variant and place, and the ladder of each presentation.
//!
//! Invariant: a variant is only ever one that the current ladder of its presentation holds, and memory is bounded however long a
//! stream lives. Where two playlists declare one URL the later one counts, but a list of I-frames never outweighs the segments it
//! points into, and what an MPD and HLS playlists share belongs to the form of the primary presentation. Deliberately absent:
//! telling partial segments, init segments and keys of audio from those of video; the kinds do not.

mod classify;
mod dash;
mod declared;
mod documents;
mod hls_playlists;
mod ladder;
mod place;
mod playlists;
mod presentations;
mod reading;
mod redirects;
mod shelf;
mod template;
mod versions;

use std::sync::Arc;

use rebuffer_model::{Presentation, RequestKind, Timestamp, Variant};

use crate::address::{Address, Base};
use crate::dash::{Document, Mpd};
use crate::hls::{self, Definitions, Master, Media};
use crate::localise::Context;
use crate::origin::{Origin, OriginId, Origins};
use crate::playlist::{Form, Playlist};
pub use classify::{Classified, Request, Source};
use declared::Role;
pub(crate) use ladder::{of_mpd as ladder_of, rung_of};
use place::Asked;
pub use place::SegmentPlace;
use playlists::{PlaylistId, Playlists};
use presentations::{PresentationId, Presentations};
use reading::Reading;
use redirects::Redirects;
use shelf::Shelf;

/// The variants that can be played now, the lowest bandwidth first; a variant's rung is its place.
pub type Ladder = Arc<[Arc<Variant>]>;

/// The ladder of the primary presentation is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LadderChange {
    /// The one before, if there was one; the new one is [`Graph::ladder`].
    pub replaced: Option<Ladder>,
}

/// What a playlist turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absorbed {
    /// The kind, by content.
    pub kind: RequestKind,
    /// The rung it belongs to.
    pub variant: Option<Arc<Variant>>,
    /// The presentation it belongs to, and how many rungs that has.
    pub presentation: Option<(Presentation, usize)>,
    /// Whether the primary presentation's ladder is another one than before, also when there was none.
    pub ladder: Option<LadderChange>,
}

/// The playlists of one session.
#[derive(Debug, Default)]
pub struct Graph {
    origins: Origins,
    playlists: Playlists,
    presentations: Presentations,
    shelf: Shelf,
    redirects: Redirects,
    asked: Asked,
}

impl Graph {
    /// `origins` are those of the session so far, in the order of their numbers.
    pub fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self { origins: origins.into_iter().collect(), ..Self::default() }
    }

    /// The origins of the session.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The number of an origin, which is the session's from now on; `None` when it has too many.
    pub fn add_origin(&mut self, origin: Origin) -> Option<OriginId> {
        self.origins.add(origin)
    }

    /// The variants of the primary presentation that can be played now.
    pub fn ladder(&self) -> &Ladder {
        self.presentations.ladder()
    }

    /// Whether any playlist was read.
    pub fn knows_playlists(&self) -> bool {
        self.playlists.any_read()
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        self.shelf.total_weight() + self.playlists.versions_weight()
    }

    /// A player was led from the base port to here: what it finds is its primary presentation.
    pub fn begin_at(&mut self, origin: OriginId, target: &str) {
        self.presentations.begin_at(Address { origin, target: crate::address::own_name(target) });
    }

    /// A redirect led from what was asked for to here.
    pub fn redirect(&mut self, from: &Address, to: &Address) {
        self.redirects.lead(self.shelf.keys(), from, to);
    }

    /// What is needed to read a playlist that was found here.
    pub fn context(&self, at: &Address, playlist: &Playlist) -> Context {
        let query = at.target.split_once('?').map_or("", |(_, query)| query);
        let inherited = self
            .declared(at.origin, &at.target)
            .and_then(|declared| self.playlists.get(declared.playlist).presentation)
            .or_else(|| self.presentations.primary_id())
            .and_then(|id| self.presentations.get(id));
        let none = Definitions::default();
        let inherited = inherited.map_or(&none, |presentation| &presentation.definitions);
        let definitions = match playlist.form() {
            Form::Hls(_) => Definitions::read(playlist.text(), inherited, query),
            Form::Mpd | Form::Period | Form::Patch | Form::AssetList | Form::Steering => none,
        };
        Context { at: at.clone(), origins: self.origins.clone(), definitions }
    }

    /// Learns from a playlist.
    pub fn absorb(&mut self, playlist: &Playlist, context: &Context, now: Option<Timestamp>) -> Absorbed {
        let (at, origins, definitions) = (&context.at, &context.origins, &context.definitions);
        let Some(base) = Base::new(at.origin, &at.target, origins) else {
            return self.absorbed(RequestKind::Other, None, None);
        };
        let reading = Reading { playlist, base, origins, definitions, now };
        let text = playlist.text();
        match playlist.form() {
            Form::Hls(form) => {
                let id = self.open(at);
                let change = match form {
                    hls::Form::Master => self.absorb_master(id, &Master::read(text), &reading),
                    hls::Form::Media => {
                        self.absorb_media(id, &Media::read(text), &reading);
                        None
                    }
                };
                self.finish(id, change)
            }
            Form::Mpd => {
                let Some(mpd) = Mpd::read(text) else {
                    return self.absorbed(RequestKind::Manifest, None, None);
                };
                let id = self.open(at);
                let change = self.absorb_mpd(id, &mpd, &reading);
                self.finish(id, change)
            }
            Form::Period | Form::Patch => {
                let document = Document::parse(text);
                let part = document.as_ref().map(|document| Mpd::of_part(document.root()));
                let change = part.and_then(|part| self.absorb_part(at, &part, &reading));
                self.absorbed(RequestKind::Manifest, None, change)
            }
            Form::AssetList => {
                self.absorb_asset_list(text, &reading);
                self.absorbed(RequestKind::Other, None, None)
            }
            Form::Steering => {
                self.absorb_steering(at, text, &reading);
                self.absorbed(RequestKind::Other, None, None)
            }
        }
    }

    fn open(&mut self, at: &Address) -> PlaylistId {
        let led = self.redirects.source(self.shelf.keys(), at.origin, &at.target);
        let led = led.and_then(|from| self.named(from.origin, &from.target));
        let known = led.filter(|declared| declared.role == Role::Playlist).map(|declared| declared.playlist);
        self.playlists.open(at, known, &mut self.shelf, self.presentations.primary_id())
    }

    /// The presentation of a master or MPD, from now on known.
    fn presentation_of(&mut self, id: PlaylistId, reading: &Reading<'_>) -> PresentationId {
        let playlist = self.playlists.get(id);
        let known =
            playlist.presentation.filter(|it| playlist.is_head && self.presentations.get(*it).is_some());
        if let Some(known) = known {
            return known;
        }
        let target = reading.base.address().target;
        let path = target.split_once('?').map_or(target.as_str(), |(path, _)| path);
        let new = self.presentations.open(path, playlist.is_asset);
        let playlist = self.playlists.get_mut(id);
        playlist.presentation = Some(new);
        playlist.is_head = true;
        new
    }

    fn set_ladder(
        &mut self,
        presentation: PresentationId,
        ladder: Ladder,
        reading: &Reading<'_>,
    ) -> Option<LadderChange> {
        // Also when it is the same: the variants are the same, but not the same objects.
        self.playlists.follow_ladder(presentation, &ladder);
        let at = reading.base.address();
        let at = Address { target: crate::address::own_name(&at.target), ..at };
        let led = self.redirects.source(self.shelf.keys(), at.origin, &at.target).cloned();
        self.presentations.set_ladder(presentation, &led.unwrap_or(at), ladder, reading.now)
    }

    fn finish(&mut self, id: PlaylistId, change: Option<LadderChange>) -> Absorbed {
        self.playlists.forget_beyond_bound(id, &mut self.shelf, self.presentations.primary_id());
        let playlist = self.playlists.get(id);
        let presentation = playlist.presentation;
        let absorbed = self.absorbed(playlist.kind, presentation, change);
        Absorbed { variant: playlist.variant.clone(), ..absorbed }
    }

    fn absorbed(
        &self,
        kind: RequestKind,
        presentation: Option<PresentationId>,
        ladder: Option<LadderChange>,
    ) -> Absorbed {
        let presentation = presentation.and_then(|id| self.presentations.describe(id));
        Absorbed { kind, variant: None, presentation, ladder }
    }
}

#[cfg(test)]
mod tests;
