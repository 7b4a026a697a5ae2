//! What is known of each URL, found by path and query as a player may spell them.
//!
//! Invariant: a URL that was declared as it is asked for is always found as that. Otherwise it is sought without what
//! clients add (CMCD, low-latency directives, ids), then without its query, and last by its path, if all that is known
//! under that path is the same thing: so a renewed token does not make a segment unknown.
//! Deliberately absent: which playlists there are; they are numbers here.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rebuffer_model::RequestKind;

use super::playlists::PlaylistId;
use crate::hls::MAX_ENTRIES;
use crate::{ByteRange, address};

/// What an entry takes beside its URL, about.
const ENTRY_WEIGHT: usize = 128;
/// The most ranges of one URL that are told apart.
const MAX_RANGES: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    exact: HashMap<Box<str>, Declared>,
    /// For each path that was declared with a query: one such URL, or `None` when they are not all the same thing.
    by_path: HashMap<Box<str>, Option<Box<str>>>,
}

/// What a playlist said about a URL.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) playlist: PlaylistId,
    pub(super) role: Role,
    /// The playlist's version that said so.
    pub(super) version: u64,
    /// The media sequence number it belongs to; of several the highest, as a version is put newest first.
    sequence: u64,
    kind: RequestKind,
    /// Whether it is only hinted at.
    hinted: bool,
    /// Parts of the file that are something else than the rest.
    ranges: Vec<Ranged>,
    /// Segments of the file, and their numbers.
    segments: Vec<(ByteRange, u64)>,
}

/// A part of a file.
#[derive(Debug, Clone, Copy)]
struct Ranged {
    range: ByteRange,
    fact: Fact,
}

/// What some bytes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub(super) kind: RequestKind,
    pub(super) sequence: u64,
    pub(super) hinted: bool,
}

/// How long a declaration lasts, and which one of two on the same URL is the main thing: the later in this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// An init segment or a key.
    Resource,
    /// A partial segment.
    Part,
    /// A whole segment.
    Segment,
    /// A playlist; `Declared::playlist` is itself.
    Playlist,
}

/// What a new version of a playlist leaves known.
#[derive(Debug)]
pub(super) struct Horizon {
    /// The new version; what it or the one before it declared stays.
    pub(super) version: u64,
    /// Segments from this number on stay.
    pub(super) segments: u64,
    /// Parts from this number on stay.
    pub(super) parts: u64,
    /// Whether init segments and keys stay in any case.
    pub(super) keeps_resources: bool,
}

impl Shelf {
    pub(super) fn exact(&self, url: &str) -> Option<&Declared> {
        self.exact.get(url)
    }

    /// What a request for this path and query asks for.
    pub(super) fn get(&self, target: &str) -> Option<&Declared> {
        self.exact.get(target).or_else(|| self.get_respelled(target))
    }

    fn get_respelled(&self, target: &str) -> Option<&Declared> {
        let canonical = address::canonical(target)?;
        let exact = self.exact.get(canonical.as_str());
        let own = || self.exact.get(address::without_client_parameters(&canonical)?.as_str());
        let path = canonical.split_once('?').map_or(canonical.as_str(), |(path, _)| path);
        let bare = || self.exact.get(path);
        let like = || self.exact.get(self.by_path.get(path)?.as_deref()?);
        exact.or_else(own).or_else(bare).or_else(like)
    }

    /// Puts a declaration beside what the same version said of the URL, and in place of anything else.
    pub(super) fn put(&mut self, url: String, declared: Declared) {
        match self.exact.entry(url.into_boxed_str()) {
            Entry::Vacant(vacant) => {
                vacant.insert(declared);
            }
            Entry::Occupied(mut occupied) => occupied.get_mut().meet(declared),
        }
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&Declared) -> bool) {
        self.exact.retain(|_, declared| stays(declared));
    }

    pub(super) fn count(&self, counts: impl Fn(&Declared) -> bool) -> usize {
        self.exact.values().filter(|declared| counts(declared)).count()
    }

    /// To be called after changes, before anything is sought by its path.
    pub(super) fn index(&mut self) {
        self.by_path.clear();
        for (url, declared) in &self.exact {
            let Some((path, _)) = url.split_once('?') else { continue };
            match self.by_path.get_mut(path) {
                None => {
                    self.by_path.insert(path.into(), Some(url.clone()));
                }
                Some(known) => {
                    let other = known.as_deref().and_then(|other| self.exact.get(other));
                    if !other.is_some_and(|other| other.is_like(declared)) {
                        *known = None;
                    }
                }
            }
        }
    }

    /// What each playlist's declarations take, without the playlists themselves.
    pub(super) fn weights(&self, playlists: usize) -> Vec<usize> {
        let mut weights = vec![0; playlists];
        for (url, declared) in &self.exact {
            if declared.role != Role::Playlist {
                weights[declared.playlist] += declared.weight(url);
            }
        }
        weights
    }
}

impl Declared {
    pub(super) fn new(playlist: PlaylistId, kind: RequestKind, role: Role) -> Self {
        Self {
            playlist,
            role,
            version: 0,
            sequence: 0,
            kind,
            hinted: false,
            ranges: Vec::new(),
            segments: Vec::new(),
        }
    }

    pub(super) fn at(mut self, version: u64, sequence: u64) -> Self {
        self.version = version;
        self.sequence = sequence;
        self
    }

    pub(super) fn hinted(mut self, hinted: bool) -> Self {
        self.hinted = hinted;
        self
    }

    /// Of a segment its bytes are one among others; anything else is told apart from what surrounds it.
    pub(super) fn with_range(mut self, range: ByteRange) -> Self {
        if self.role == Role::Segment {
            self.segments.push((range, self.sequence));
        } else {
            self.ranges.push(Ranged { range, fact: self.whole() });
        }
        self
    }

    /// What these bytes of it are.
    pub(super) fn fact(&self, asked: Option<ByteRange>) -> Fact {
        let Some(asked) = asked else { return self.whole() };
        let part = self.ranges.iter().find(|part| part.range.answers(asked)).map(|part| part.fact);
        let segment = || {
            let (_, sequence) = self.segments.iter().find(|(range, _)| range.answers(asked))?;
            Some(Fact { sequence: *sequence, ..self.whole() })
        };
        part.or_else(segment).unwrap_or_else(|| self.whole())
    }

    fn whole(&self) -> Fact {
        Fact { kind: self.kind, sequence: self.sequence, hinted: self.hinted }
    }

    pub(super) fn weight(&self, url: &str) -> usize {
        let parts = self.ranges.len() * size_of::<Ranged>();
        url.len() + ENTRY_WEIGHT + parts + self.segments.len() * size_of::<(ByteRange, u64)>()
    }

    pub(super) fn is_within(&self, horizon: &Horizon) -> bool {
        let is_recent = self.version.saturating_add(1) >= horizon.version;
        is_recent
            || match self.role {
                Role::Playlist => true,
                Role::Segment => self.sequence >= horizon.segments,
                Role::Part => self.sequence >= horizon.parts,
                Role::Resource => horizon.keeps_resources,
            }
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.playlist, self.kind, self.role) == (other.playlist, other.kind, other.role)
    }

    fn meet(&mut self, new: Self) {
        if self.role == Role::Playlist && new.role != Role::Playlist {
            return;
        }
        if (self.playlist, self.version) != (new.playlist, new.version) {
            *self = new;
            return;
        }
        let room = MAX_RANGES.saturating_sub(self.ranges.len());
        self.ranges.extend(new.ranges.into_iter().take(room));
        let room = MAX_ENTRIES.saturating_sub(self.segments.len());
        self.segments.extend(new.segments.into_iter().take(room));
        self.hinted &= new.hinted;
        if new.role > self.role {
            self.role = new.role;
            self.kind = new.kind;
        }
    }
}
