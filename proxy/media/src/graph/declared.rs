//! What a playlist said about a URL.
//!
//! Invariant: of several things that one version said of a URL the main one is in front: a playlist before a segment, that before a
//! part, that before an init segment or key; what belongs to some of its bytes alone stands beside it.
//! Deliberately absent: the URL.

use rebuffer_model::RequestKind;

use super::playlists::PlaylistId;
use super::shelf::{ENTRY_WEIGHT, Key};
use crate::hls::MAX_ENTRIES;
use crate::{ByteRange, Expected};

/// The most ranges of one URL that are told apart.
const MAX_RANGES: usize = 256;

/// What a playlist said about a URL.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) playlist: PlaylistId,
    pub(super) role: Role,
    /// The playlist's version that said so.
    pub(super) version: u64,
    /// Its path, when it has a query.
    pub(super) path: Option<Key>,
    /// The media sequence number it belongs to; of several the highest, as a version is put newest first.
    sequence: u64,
    kind: RequestKind,
    /// Whether it is only hinted at.
    hinted: bool,
    pub(super) expected: Expected,
    /// What belongs to some of its bytes.
    parts: Option<Box<Parts>>,
}

#[derive(Debug, Clone, Default)]
struct Parts {
    /// Those that are something else than the rest.
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
    /// An init segment, a key, or a document that belongs to the playlist.
    Resource,
    /// A partial segment.
    Part,
    /// A whole segment.
    Segment,
    /// A playlist; `Declared::playlist` is itself.
    Playlist,
}

/// What two URLs of one path have in common when they are the same thing.
pub(super) type Likeness = (PlaylistId, RequestKind, Role);

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

impl Declared {
    pub(super) fn new(playlist: PlaylistId, kind: RequestKind, role: Role) -> Self {
        let expected = if role == Role::Playlist { Expected::Playlist } else { Expected::Other };
        Self {
            playlist,
            role,
            version: 0,
            path: None,
            sequence: 0,
            kind,
            hinted: false,
            expected,
            parts: None,
        }
    }

    /// A document that belongs to the playlist and is read like one.
    pub(super) fn document(playlist: PlaylistId, kind: RequestKind, expected: Expected) -> Self {
        Self { expected, ..Self::new(playlist, kind, Role::Resource) }
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
        let (sequence, fact) = (self.sequence, self.whole());
        let parts = self.parts.get_or_insert_default();
        if self.role == Role::Segment {
            parts.segments.push((range, sequence));
        } else {
            parts.ranges.push(Ranged { range, fact });
        }
        self
    }

    /// What these bytes of it are.
    pub(super) fn fact(&self, asked: Option<ByteRange>) -> Fact {
        let (Some(asked), Some(parts)) = (asked, &self.parts) else { return self.whole() };
        let part =
            parts.ranges.iter().find(|part| part.range.answers(asked, part.fact.kind)).map(|part| part.fact);
        let segment = || {
            let (_, sequence) = parts.segments.iter().find(|(range, _)| range.answers(asked, self.kind))?;
            Some(Fact { sequence: *sequence, ..self.whole() })
        };
        part.or_else(segment).unwrap_or_else(|| self.whole())
    }

    fn whole(&self) -> Fact {
        Fact { kind: self.kind, sequence: self.sequence, hinted: self.hinted }
    }

    /// About how many bytes it takes with its URL; a playlist's own name counts for nothing.
    pub(super) fn weight(&self) -> usize {
        if self.role == Role::Playlist {
            return 0;
        }
        let parts = self.parts.as_ref().map_or(0, |parts| {
            parts.ranges.len() * size_of::<Ranged>() + parts.segments.len() * size_of::<(ByteRange, u64)>()
        });
        ENTRY_WEIGHT + parts
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

    pub(super) fn likeness(&self) -> Likeness {
        (self.playlist, self.kind, self.role)
    }

    /// Another declaration of the same URL.
    pub(super) fn meet(&mut self, new: Self) {
        if self.role == Role::Playlist && new.role != Role::Playlist {
            return;
        }
        if (self.playlist, self.version) != (new.playlist, new.version) {
            *self = new;
            return;
        }
        if let Some(more) = new.parts {
            let parts = self.parts.get_or_insert_default();
            let room = MAX_RANGES.saturating_sub(parts.ranges.len());
            parts.ranges.extend(more.ranges.into_iter().take(room));
            let room = MAX_ENTRIES.saturating_sub(parts.segments.len());
            parts.segments.extend(more.segments.into_iter().take(room));
        }
        self.hinted &= new.hinted;
        if new.role > self.role {
            self.role = new.role;
            self.kind = new.kind;
        }
    }
}
