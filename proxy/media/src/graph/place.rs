//! Where a segment stands: in its playlist, before the live edge, and among what its play asked for.
//!
//! Invariant: what is not known is absent, never guessed. What was asked is remembered for the last `MAX_ASKED` segments;
//! a segment from before that counts as a new one. Deliberately absent: the clock; who classifies says what time
//! it is, or the edge of a presentation that only counts on is unknown.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use rebuffer_model::RequestKind;

use crate::{ByteRange, OriginId, address};

/// The most segments of a play that are remembered.
const MAX_ASKED: usize = 4_096;

/// Where a segment or a part stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentPlace {
    /// Its media sequence number, that of its segment for a part; in an MPD its number, or its place in the timeline
    /// counted on from `startNumber`.
    pub media_sequence: Option<u64>,
    /// How many segments the newest version of its playlist lists after it; 0 is the newest.
    pub from_live_edge: Option<u64>,
    /// Whether a playlist hints at it and does not list it yet.
    pub hinted: bool,
}

/// What a play asked for, each kind counted by itself.
#[derive(Debug, Default)]
pub(super) struct Asked {
    play: Option<String>,
    known: HashMap<u64, u64>,
    /// In the order in which they were asked first.
    order: VecDeque<u64>,
    counts: HashMap<RequestKind, u64>,
}

impl Asked {
    /// The play that asks now; whether it is another one than before.
    pub(super) fn play(&mut self, play: &str) -> bool {
        let begins = self.play.as_deref() != Some(play);
        if begins {
            *self = Self { play: Some(play.to_owned()), ..Self::default() };
        }
        begins
    }

    /// How many others of this kind the play asked for before this one was first asked for.
    pub(super) fn index(
        &mut self,
        play: &str,
        kind: RequestKind,
        (origin, target): (OriginId, &str),
        range: Option<ByteRange>,
    ) -> u64 {
        self.play(play);
        let own = address::without_client_parameters(target);
        let mut hasher = DefaultHasher::new();
        (kind, origin, own.as_deref().unwrap_or(target), range.map(|range| range.start)).hash(&mut hasher);
        let key = hasher.finish();
        if let Some(index) = self.known.get(&key) {
            return *index;
        }
        if self.order.len() >= MAX_ASKED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        let count = self.counts.entry(kind).or_default();
        let index = *count;
        *count += 1;
        self.known.insert(key, index);
        self.order.push_back(key);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_segment_asked_again_keeps_its_index() {
        let mut asked = Asked::default();
        let mut index =
            |play: &str, kind, target: &str| asked.index(play, kind, (OriginId::default(), target), None);
        assert_eq!(index("p", RequestKind::Segment, "/1.ts"), 0);
        assert_eq!(index("p", RequestKind::AudioSegment, "/a1.aac"), 0);
        assert_eq!(index("p", RequestKind::Segment, "/2.ts?CMCD=sn%3D1"), 1);
        assert_eq!(index("p", RequestKind::Segment, "/2.ts?CMCD=sn%3D2"), 1);
        assert_eq!(index("p", RequestKind::Segment, "/1.ts"), 0);
        assert_eq!(index("q", RequestKind::Segment, "/2.ts"), 0, "a new play");
    }

    #[test]
    fn ranges_of_one_file_are_segments_of_their_own() {
        let mut asked = Asked::default();
        let mut index = |start| {
            let all = (OriginId::default(), "/all.mp4");
            asked.index("", RequestKind::Segment, all, Some(ByteRange { start, length: Some(10) }))
        };
        assert_eq!((index(0), index(10), index(0)), (0, 1, 0));
    }

    #[test]
    fn a_long_play_needs_no_more_memory_than_a_short_one() {
        let mut asked = Asked::default();
        for number in 0..10_000 {
            let target = format!("/{number}.ts");
            let index = asked.index("p", RequestKind::Segment, (OriginId::default(), &target), None);
            assert_eq!(index, number);
        }
        assert_eq!((asked.known.len(), asked.order.len()), (MAX_ASKED, MAX_ASKED));
    }
}
