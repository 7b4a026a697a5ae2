//! DASH into the graph: an MPD sets the ladder of its presentation and declares files and patterns of every representation.
//!
//! Invariant: representations of the same bandwidth, resolution and codecs are one rung, in whatever period or set they
//! stand. Base URLs are alternatives of which each is declared, up to `MAX_BASES` for a representation. A period that stands in a
//! document of its own, and what a patch adds, belong to the MPD that led there; they change its ladder only if it has none.
//! Deliberately absent: reading elements (see `crate::dash`), and applying patches: times that a patch adds fit the patterns.

use std::sync::Arc;

use rebuffer_model::RequestKind;

use super::declared::{Declared, Role};
use super::place::SegmentPlace;
use super::playlists::PlaylistId;
use super::shelf::Keys;
use super::template::Pattern;
use super::versions::{Template, Track, Version};
use super::{Graph, Ladder, LadderChange, Reading, ladder};
use crate::address::{self, Address, Base};
use crate::dash::{Addressing, ContentType, List, Mpd, Numbering, Piece, Representation, Single};
use crate::{ByteRange, Expected};

/// The most combinations of base URLs of one representation.
const MAX_BASES: usize = 8;
/// The most URLs under which one MPD is known; it may move with every version.
const MAX_NAMES: usize = 16;

impl Graph {
    pub(super) fn absorb_mpd(
        &mut self,
        id: PlaylistId,
        mpd: &Mpd<'_>,
        reading: &Reading<'_>,
    ) -> Option<LadderChange> {
        let ladder = ladder::of_mpd(mpd);
        let keys = self.shelf.keys().clone();
        let mut version = Version::default();
        read_into(&mut version, &keys, mpd, &ladder, reading, std::slice::from_ref(&reading.base));
        let presentation = self.presentation_of(id, reading);
        let change = self.set_ladder(presentation, ladder, reading);
        if let Some(it) = self.presentations.get_mut(presentation) {
            it.is_dash = true;
        }
        self.shelf.retain(id, |declared| declared.role == Role::Playlist);
        self.declare_locations(id, mpd, reading);
        self.declare_documents(id, mpd, reading);
        let bases = descend(std::slice::from_ref(&reading.base), &mpd.bases, reading);
        let primary = self.presentations.primary_id();
        self.playlists.describe(id, version, bases.iter().map(Base::address).collect(), primary);
        self.playlists.get_mut(id).version += 1;
        change
    }

    /// Periods and representations that stand in a document of their own.
    pub(super) fn absorb_part(
        &mut self,
        at: &Address,
        part: &Mpd<'_>,
        reading: &Reading<'_>,
    ) -> Option<LadderChange> {
        let id = self.declared(at.origin, &at.target)?.playlist;
        self.declare_locations(id, part, reading);
        self.declare_documents(id, part, reading);
        let presentation = self.playlists.get(id).presentation?;
        let mut ladder = self.presentations.get(presentation)?.ladder().clone();
        let change = if ladder.is_empty() {
            ladder = ladder::of_mpd(part);
            self.set_ladder(presentation, ladder.clone(), reading)
        } else {
            None
        };
        let keys = self.shelf.keys().clone();
        let versions = self.playlists.get_mut(id).versions.as_mut()?;
        let known = versions.bases.iter().filter_map(|at| Base::new(at.origin, &at.target, reading.origins));
        let bases = known.chain([reading.base.clone()]).collect::<Vec<_>>();
        read_into(versions.newest(), &keys, part, &ladder, reading, &bases);
        change
    }

    /// The next version is the same presentation, wherever it is.
    fn declare_locations(&mut self, id: PlaylistId, mpd: &Mpd<'_>, reading: &Reading<'_>) {
        let locations = mpd.locations.iter().filter_map(|location| reading.resolve_text(location));
        let mut new = locations.filter(|at| self.shelf.exact(at).is_none()).collect::<Vec<_>>();
        if !new.is_empty() && self.shelf.names(id) + new.len() > MAX_NAMES {
            self.shelf.retain(id, |declared| declared.role != Role::Playlist);
            let at = reading.base.address();
            new.push(Address { target: address::own_name(&at.target), ..at });
        }
        for at in new {
            self.shelf.put(&at, Declared::new(id, RequestKind::Manifest, Role::Playlist));
        }
    }

    /// What belongs to it and is no media.
    fn declare_documents(&mut self, id: PlaylistId, mpd: &Mpd<'_>, reading: &Reading<'_>) {
        let documents = [
            (&mpd.licences, RequestKind::Key, Expected::Other),
            (&mpd.remote, RequestKind::Manifest, Expected::Playlist),
            (&mpd.steering, RequestKind::Other, Expected::Steering),
            (&mpd.services, RequestKind::Other, Expected::Other),
        ];
        for (uris, kind, expected) in documents {
            for at in uris.iter().filter_map(|uri| reading.resolve_text(uri)) {
                self.shelf.put(&at, Declared::document(id, kind, expected));
            }
        }
    }
}

fn read_into(
    version: &mut Version,
    keys: &Keys,
    mpd: &Mpd<'_>,
    ladder: &Ladder,
    reading: &Reading<'_>,
    bases: &[Base<'_>],
) {
    // The newest first: if not all of it fits, a live player is at the end.
    for representation in mpd.representations.iter().rev() {
        let track = version.open(Track {
            kind: segment_kind(representation.content),
            variant: ladder::rung_of(representation, ladder),
        });
        for base in descend(bases, &representation.bases, reading) {
            let mut writer = Writer { version: &mut *version, keys, track, base, reading };
            match &representation.addressing {
                Addressing::Template(template) => writer.template(template, representation.content),
                Addressing::List(list) => writer.list(list),
                Addressing::Single(single) => writer.single(single, representation),
            }
        }
    }
}

fn segment_kind(content: ContentType) -> RequestKind {
    match content {
        ContentType::Video => RequestKind::Segment,
        ContentType::Audio => RequestKind::AudioSegment,
        ContentType::Text => RequestKind::SubtitleSegment,
        ContentType::Other => RequestKind::Other,
    }
}

/// The addresses to which levels of alternative base URLs lead.
fn descend<'o>(
    bases: &[Base<'o>],
    levels: &[Vec<std::borrow::Cow<'_, str>>],
    reading: &Reading<'o>,
) -> Vec<Base<'o>> {
    let mut bases = bases.to_vec();
    for level in levels {
        let combined = bases.iter().flat_map(|base| level.iter().map(move |uri| (base, uri)));
        let combined =
            combined.take(MAX_BASES).filter_map(|(base, uri)| reading.descend(base, uri)).collect();
        bases = combined;
    }
    bases
}

/// Declares what one representation has at one base.
struct Writer<'w, 'o> {
    version: &'w mut Version,
    keys: &'w Keys,
    track: usize,
    base: Base<'o>,
    reading: &'w Reading<'o>,
}

impl Writer<'_, '_> {
    fn template(&mut self, template: &crate::dash::Template, content: ContentType) {
        let resources = [&template.initialization, &template.index];
        for url in resources.into_iter().flatten() {
            self.pattern(url, RequestKind::Init, Numbering::default(), None);
        }
        if let Some(media) = &template.media {
            let timeline = template.timeline.clone();
            self.pattern(media, segment_kind(content), template.numbering.clone(), timeline);
        }
    }

    fn pattern(
        &mut self,
        url: &str,
        kind: RequestKind,
        numbering: Numbering,
        timeline: Option<Arc<crate::dash::Timeline>>,
    ) {
        let Some(at) = self.resolve(url) else { return };
        let Some(pattern) = Pattern::new(&at.target) else { return };
        let kind = if kind.is_media() && pattern.has_sub_numbers() { RequestKind::Partial } else { kind };
        let (track, origin) = (self.track, at.origin);
        self.version.put_template(Template { track, origin, pattern, kind, numbering, timeline });
    }

    fn list(&mut self, list: &List<'_>) {
        if let Some(piece) = &list.initialization {
            self.piece(piece, RequestKind::Init, SegmentPlace::default());
        }
        for piece in &list.indexes {
            self.piece(piece, RequestKind::Init, SegmentPlace::default());
        }
        let kind = self.version.kind_of(self.track);
        for (after, piece) in (0..).zip(list.segments.iter().rev()) {
            let index = (list.segments.len() as u64).saturating_sub(after + 1);
            let place = SegmentPlace {
                media_sequence: list.start.checked_add(index),
                from_live_edge: Some(after),
                hinted: false,
            };
            if !self.piece(piece, kind, place) {
                break;
            }
        }
    }

    fn single(&mut self, single: &Single<'_>, representation: &Representation<'_>) {
        let kind = segment_kind(representation.content);
        // Without a base URL of its own it would be the MPD itself.
        if !representation.bases.is_empty() {
            let whole = Piece { url: None, range: None };
            self.piece(&whole, kind, SegmentPlace::default());
        }
        for piece in [&single.initialization, &single.index].into_iter().flatten() {
            self.piece(piece, RequestKind::Init, SegmentPlace::default());
        }
        // Some players ask for both at once.
        if let (Some(first), Some(second)) = (&single.initialization, &single.index)
            && let (Some(start), Some(end)) =
                (first.range.map(|range| range.start), second.range.map(ByteRange::end))
            && let Some(length) = end.checked_sub(start).filter(|_| first.url == second.url)
        {
            let both =
                Piece { url: first.url.clone(), range: Some(ByteRange { start, length: Some(length) }) };
            self.piece(&both, RequestKind::Init, SegmentPlace::default());
        }
    }

    /// Whether there was room for it; what leads elsewhere needs none.
    fn piece(&mut self, piece: &Piece<'_>, kind: RequestKind, place: SegmentPlace) -> bool {
        let at = match &piece.url {
            Some(url) => self.resolve(url),
            None => Some(self.base.address()),
        };
        at.is_none_or(|at| self.version.put_file(self.track, (self.keys, &at), piece.range, kind, place))
    }

    fn resolve(&self, uri: &str) -> Option<Address> {
        self.reading.resolve_at(&self.base, uri)
    }
}
