//! DASH into the graph: an MPD sets the ladder and declares files and patterns of every representation.
//!
//! Invariant: representations of the same bandwidth, resolution and codecs are one rung, in whatever period or set they
//! stand. Base URLs are alternatives of which each is declared, up to `MAX_BASES` for a representation.
//! Deliberately absent: reading elements (see `crate::dash`).

use std::sync::Arc;

use rebuffer_model::RequestKind;

use super::ladder;
use super::place::SegmentPlace;
use super::playlists::PlaylistId;
use super::presentation::{Template, Track, Version};
use super::shelf::{Declared, Role};
use super::template::Pattern;
use super::{Absorbed, Graph, Ladder, Reading};
use crate::ByteRange;
use crate::address::{self, Base};
use crate::dash::{Addressing, ContentType, List, Mpd, Numbering, Piece, Representation, Single};

/// The most combinations of base URLs of one representation.
const MAX_BASES: usize = 8;
/// The most URLs under which one MPD is known; it may move with every version.
const MAX_NAMES: usize = 16;

impl Graph {
    pub(super) fn absorb_mpd(&mut self, target: &str, mpd: &Mpd<'_>, mut reading: Reading<'_>) -> Absorbed {
        let id = self.playlists.open(target, &mut self.shelf);
        let ladder = ladder::of_mpd(mpd);
        let version = read_version(mpd, &ladder, &mut reading);
        let replaced = self.set_ladder(ladder);
        self.shelf.retain(|declared| declared.playlist != id || declared.role == Role::Playlist);
        self.declare_locations(id, target, mpd, &mut reading);
        for url in mpd.licences.iter().filter_map(|licence| reading.resolve(licence)) {
            self.shelf.put(url, Declared::new(id, RequestKind::Key, Role::Resource));
        }
        self.playlists.describe(id, version);
        self.dash_is_current = true;
        self.finish(id, replaced, reading)
    }

    /// The next version is the same presentation, wherever it is.
    fn declare_locations(&mut self, id: PlaylistId, target: &str, mpd: &Mpd<'_>, reading: &mut Reading<'_>) {
        let urls = mpd.locations.iter().filter_map(|location| reading.resolve(location));
        let mut new = urls.filter(|url| self.shelf.exact(url).is_none()).collect::<Vec<_>>();
        let is_name = |declared: &Declared| declared.playlist == id && declared.role == Role::Playlist;
        if !new.is_empty() && self.shelf.count(is_name) + new.len() > MAX_NAMES {
            self.shelf.retain(|declared| !is_name(declared));
            new.push(address::own_name(target));
        }
        for url in new {
            self.shelf.put(url, Declared::new(id, RequestKind::Manifest, Role::Playlist));
        }
    }

    /// A new ladder, after which no variant of the old one is known; the old one if it was another.
    pub(super) fn set_ladder(&mut self, ladder: Ladder) -> (bool, Option<Ladder>) {
        if ladder == self.ladder {
            // The variants of the old one are the same, but not the same objects.
            self.playlists.follow_ladder(&ladder);
            self.ladder = ladder;
            return (false, None);
        }
        self.playlists.follow_ladder(&ladder);
        let old = std::mem::replace(&mut self.ladder, ladder);
        (true, (!old.is_empty()).then_some(old))
    }

    pub(super) fn finish(
        &mut self,
        id: PlaylistId,
        (ladder_changed, replaced): (bool, Option<Ladder>),
        reading: Reading<'_>,
    ) -> Absorbed {
        self.playlists.forget_beyond_bound(id, &mut self.shelf);
        self.shelf.index();
        let playlist = self.playlists.get(id);
        Absorbed {
            kind: playlist.kind,
            variant: playlist.variant.clone(),
            ladder_changed,
            replaced,
            foreign: reading.foreign,
        }
    }
}

fn read_version(mpd: &Mpd<'_>, ladder: &Ladder, reading: &mut Reading<'_>) -> Version {
    let mut version = Version::default();
    // The newest first: if not all of it fits, a live player is at the end.
    for representation in mpd.representations.iter().rev() {
        let track = version.open(Track {
            kind: segment_kind(representation.content),
            variant: ladder::rung_of(representation, ladder),
        });
        for base in bases(representation, reading) {
            let mut writer = Writer { version: &mut version, track, base, reading };
            match &representation.addressing {
                Addressing::Template(template) => writer.template(template, representation.content),
                Addressing::List(list) => writer.list(list),
                Addressing::Single(single) => writer.single(single, representation),
            }
        }
    }
    version
}

fn segment_kind(content: ContentType) -> RequestKind {
    match content {
        ContentType::Video => RequestKind::Segment,
        ContentType::Audio => RequestKind::AudioSegment,
        ContentType::Text => RequestKind::SubtitleSegment,
        ContentType::Other => RequestKind::Other,
    }
}

/// The addresses against which a representation's URLs are resolved.
fn bases<'o>(representation: &Representation<'_>, reading: &mut Reading<'o>) -> Vec<Base<'o>> {
    let mut bases = vec![reading.base.clone()];
    for level in representation.bases.iter() {
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
    track: usize,
    base: Base<'o>,
    reading: &'w mut Reading<'o>,
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
        let Some(pattern) = self.resolve(url).and_then(|url| Pattern::new(&url)) else { return };
        let kind = if kind.is_media() && pattern.has_sub_numbers() { RequestKind::Partial } else { kind };
        self.version.put_template(Template { track: self.track, pattern, kind, numbering, timeline });
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
        let url = match &piece.url {
            Some(url) => self.resolve(url),
            None => Some(self.base.target()),
        };
        url.is_none_or(|url| self.version.put_file(self.track, url, piece.range, kind, place))
    }

    fn resolve(&mut self, uri: &str) -> Option<String> {
        self.reading.resolve_at(&self.base, uri)
    }
}
