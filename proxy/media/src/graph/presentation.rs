//! What one MPD declared: files by name, segments by pattern.
//!
//! Invariant: the version before the newest stays known, because a player still asks for what it told; no version weighs
//! more than `MAX_PLAYLIST_WEIGHT`, and an older one goes before it. Deliberately absent: reading MPDs (see `crate::dash`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use rebuffer_model::{RequestKind, Timestamp, Variant};

use super::place::SegmentPlace;
use super::playlists::MAX_PLAYLIST_WEIGHT;
use super::template::{Numbers, Pattern};
use crate::dash::{Numbering, Timeline};
use crate::{ByteRange, address};

/// What a file takes beside its URL, about.
const ENTRY_WEIGHT: usize = 128;
/// How many versions are remembered.
const VERSIONS: usize = 2;

/// The newest versions of an MPD, the newest first.
#[derive(Debug, Default)]
pub(super) struct Presentation {
    versions: VecDeque<Version>,
}

/// One version of an MPD, as far as it leads to the session.
#[derive(Debug, Default)]
pub(super) struct Version {
    tracks: Vec<Track>,
    files: HashMap<Box<str>, File>,
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

/// A request: its target as it may have been declared, which is as it is, without what clients add, or without its query;
/// the bytes it wants, and when it came.
pub(super) struct Asking {
    list: Vec<String>,
    path: String,
    range: Option<ByteRange>,
    now: Option<Timestamp>,
}

impl Asking {
    pub(super) fn of(target: &str, range: Option<ByteRange>, now: Option<Timestamp>) -> Option<Self> {
        let canonical = address::canonical(target)?;
        let own = address::without_client_parameters(&canonical);
        let path = canonical.split_once('?').map(|(path, _)| path.to_owned());
        let list = [Some(canonical.clone()), own, path.clone()].into_iter().flatten().collect();
        Some(Self { list, path: path.unwrap_or(canonical), range, now })
    }
}

impl Presentation {
    pub(super) fn push(&mut self, version: Version) {
        self.versions.push_front(version);
        self.versions.truncate(VERSIONS);
        if self.weight() > MAX_PLAYLIST_WEIGHT {
            self.versions.truncate(1);
        }
    }

    pub(super) fn weight(&self) -> usize {
        self.versions.iter().map(|version| version.weight).sum()
    }

    /// Another ladder is current: `rung` says which of its rungs a variant is, if any.
    pub(super) fn follow_ladder(&mut self, rung: impl Fn(&Variant) -> Option<Arc<Variant>>) {
        for track in self.versions.iter_mut().flat_map(|version| &mut version.tracks) {
            track.variant = track.variant.take().and_then(|variant| rung(&variant));
        }
    }

    pub(super) fn find(&self, asking: &Asking) -> Option<Found> {
        self.versions.iter().find_map(|version| version.find(asking))
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
        url: String,
        range: Option<ByteRange>,
        kind: RequestKind,
        place: SegmentPlace,
    ) -> bool {
        let part = size_of::<(ByteRange, RequestKind, SegmentPlace)>();
        if !self.take(part + if self.files.contains_key(url.as_str()) { 0 } else { url.len() + ENTRY_WEIGHT })
        {
            return false;
        }
        let segment = self.kind_of(track);
        // Of a file in parts the rest is segments, wherever they begin.
        let whole = if range.is_some() { (segment, SegmentPlace::default()) } else { (kind, place) };
        let file = self.files.entry(url.into_boxed_str()).or_insert_with(|| File {
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

    fn find(&self, asking: &Asking) -> Option<Found> {
        let file = asking.list.iter().find_map(|url| self.files.get(url.as_str()));
        if let Some(file) = file {
            let part =
                asking.range.and_then(|asked| file.parts.iter().find(|(part, ..)| part.answers(asked)));
            let (kind, place) = part.map_or((file.kind, file.place), |(_, kind, place)| (*kind, *place));
            return Some(self.found(file.track, kind, place));
        }
        let whole = |template: &Template| asking.list.iter().find_map(|url| template.pattern.read(url));
        let path = |template: &Template| template.pattern.read_path(&asking.path);
        let read = self.templates.iter().find_map(|template| Some((template, whole(template)?)));
        let read =
            read.or_else(|| self.templates.iter().find_map(|template| Some((template, path(template)?))));
        read.map(|(template, numbers)| {
            self.found(template.track, template.kind, template.place(numbers, asking.now))
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
