//! What one MPD declared: files by name, segments by pattern.
//!
//! Invariant: the version before the newest stays known, because a player still asks for what it told; no version weighs
//! more than `MAX_PLAYLIST_WEIGHT`, and an older one goes before it. Deliberately absent: reading MPDs (see `crate::dash`).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use rebuffer_model::{RequestKind, Timestamp, Variant};

use super::place::SegmentPlace;
use super::playlists::MAX_PLAYLIST_WEIGHT;
use super::shelf::{ByKey, ENTRY_WEIGHT, Keys, Spellings};
use super::template::{Numbers, Pattern};
use crate::ByteRange;
use crate::address::Address;
use crate::dash::{Numbering, Timeline};
use crate::origin::OriginId;

/// How many versions are remembered.
const VERSIONS: usize = 2;

/// The newest versions of an MPD, the newest first.
#[derive(Debug, Default)]
pub(super) struct Versions {
    list: VecDeque<Version>,
    /// Against what its periods' URLs are resolved.
    pub(super) bases: Vec<Address>,
}

/// One version of an MPD, as far as it leads to origins of the session.
#[derive(Debug, Default)]
pub(super) struct Version {
    tracks: Vec<Track>,
    files: ByKey<File>,
    templates: Vec<Template>,
    weight: usize,
    /// The addresses of the timelines that were weighed; many representations share one.
    weighed: HashSet<usize>,
}

/// One representation.
#[derive(Debug)]
pub(super) struct Track {
    /// What its segments are.
    pub(super) kind: RequestKind,
    pub(super) variant: Option<Arc<Variant>>,
}

#[derive(Debug)]
struct File {
    track: usize,
    kind: RequestKind,
    place: SegmentPlace,
    /// Parts of it that are something else than the rest, or have a place of their own.
    parts: Vec<(ByteRange, RequestKind, SegmentPlace)>,
}

#[derive(Debug)]
pub(super) struct Template {
    pub(super) track: usize,
    pub(super) origin: OriginId,
    pub(super) pattern: Pattern,
    pub(super) kind: RequestKind,
    pub(super) numbering: Numbering,
    pub(super) timeline: Option<Arc<Timeline>>,
}

/// What a URL is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: RequestKind,
    pub(super) variant: Option<Arc<Variant>>,
    pub(super) place: SegmentPlace,
}

/// A request that may be for something an MPD declared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) origin: OriginId,
    pub(super) spellings: &'a Spellings,
    pub(super) keys: &'a Keys,
    pub(super) range: Option<ByteRange>,
    pub(super) now: Option<Timestamp>,
}

impl Versions {
    pub(super) fn push(&mut self, version: Version) {
        self.list.push_front(version);
        self.list.truncate(VERSIONS);
        if self.weight() > MAX_PLAYLIST_WEIGHT {
            self.list.truncate(1);
        }
    }

    /// The newest version, to which a document of its own adds.
    pub(super) fn newest(&mut self) -> &mut Version {
        if self.list.is_empty() {
            self.list.push_front(Version::default());
        }
        &mut self.list[0]
    }

    pub(super) fn weight(&self) -> usize {
        self.list.iter().map(|version| version.weight).sum()
    }

    /// Its presentation has another ladder: `rung` says which of its rungs a variant is, if any.
    pub(super) fn follow_ladder(&mut self, rung: impl Fn(&Variant) -> Option<Arc<Variant>>) {
        for track in self.list.iter_mut().flat_map(|version| &mut version.tracks) {
            track.variant = track.variant.take().and_then(|variant| rung(&variant));
        }
    }

    pub(super) fn find(&self, asking: &Asking<'_>) -> Option<Found> {
        self.list.iter().find_map(|version| version.find(asking))
    }
}

impl Version {
    /// A new representation; what is put next with its number belongs to it.
    pub(super) fn open(&mut self, track: Track) -> usize {
        self.tracks.push(track);
        self.tracks.len() - 1
    }

    /// What the segments of a representation are.
    pub(super) fn kind_of(&self, track: usize) -> RequestKind {
        self.tracks.get(track).map_or(RequestKind::Other, |track| track.kind)
    }

    /// Whether there was room for it.
    pub(super) fn put_template(&mut self, template: Template) -> bool {
        let timeline =
            template.timeline.as_ref().map(|timeline| (Arc::as_ptr(timeline).addr(), timeline.weight()));
        let new =
            timeline.filter(|(address, _)| self.weighed.insert(*address)).map_or(0, |(_, weight)| weight);
        let fits = self.take(template.pattern.weight() + ENTRY_WEIGHT + new);
        if fits {
            self.templates.push(template);
        }
        fits
    }

    /// A file, or the part of one. Whether there was room for it.
    pub(super) fn put_file(
        &mut self,
        track: usize,
        (keys, at): (&Keys, &Address),
        range: Option<ByteRange>,
        kind: RequestKind,
        place: SegmentPlace,
    ) -> bool {
        let key = keys.of(at.origin, &at.target);
        let part = size_of::<(ByteRange, RequestKind, SegmentPlace)>();
        if !self.take(part + if self.files.contains_key(&key) { 0 } else { ENTRY_WEIGHT }) {
            return false;
        }
        let segment = self.kind_of(track);
        // Of a file in parts the rest is segments, wherever they begin.
        let whole = if range.is_some() { (segment, SegmentPlace::default()) } else { (kind, place) };
        let file = self.files.entry(key).or_insert_with(|| File {
            track,
            kind: whole.0,
            place: whole.1,
            parts: Vec::new(),
        });
        if let Some(range) = range {
            file.parts.push((range, kind, place));
        }
        true
    }

    fn take(&mut self, weight: usize) -> bool {
        let fits = self.weight + weight <= MAX_PLAYLIST_WEIGHT;
        if fits {
            self.weight += weight;
        }
        fits
    }

    fn find(&self, asking: &Asking<'_>) -> Option<Found> {
        let Asking { origin, spellings, keys, range, now } = *asking;
        let mut named = spellings.whole().chain([spellings.path.as_str()]);
        let file = named.find_map(|url| self.files.get(&keys.of(origin, url)));
        if let Some(file) = file {
            let part =
                range.and_then(|asked| file.parts.iter().find(|(part, kind, _)| part.answers(asked, *kind)));
            let (kind, place) = part.map_or((file.kind, file.place), |(_, kind, place)| (*kind, *place));
            return Some(self.found(file.track, kind, place));
        }
        let here = || self.templates.iter().filter(|template| template.origin == origin);
        let whole = |template: &Template| {
            let mut urls = spellings.whole().chain([spellings.path.as_str()]);
            urls.find_map(|url| template.pattern.read(url))
        };
        let path = |template: &Template| template.pattern.read_path(&spellings.path);
        let read = here().find_map(|template| Some((template, whole(template)?)));
        let read = read.or_else(|| here().find_map(|template| Some((template, path(template)?))));
        read.map(|(template, numbers)| {
            self.found(template.track, template.kind, template.place(numbers, now))
        })
    }

    fn found(&self, track: usize, kind: RequestKind, place: SegmentPlace) -> Found {
        let variant = self.tracks.get(track).and_then(|track| track.variant.clone());
        Found { kind, variant, place }
    }
}

impl Template {
    fn place(&self, numbers: Numbers, now: Option<Timestamp>) -> SegmentPlace {
        let in_timeline =
            || self.timeline.as_ref()?.index_of(numbers.time?)?.checked_add(self.numbering.start);
        let media_sequence = numbers.number.or_else(in_timeline);
        let from_live_edge = media_sequence.and_then(|number| self.numbering.after(number, now));
        SegmentPlace { media_sequence, from_live_edge, hinted: false }
    }
}
