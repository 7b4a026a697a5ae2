//! Which segments and parts exist at a moment, live and on demand.
//!
//! Invariant: as the clock advances, neither end of the live window ever moves back, and a segment stays available
//! for a playlist and a segment longer than it is listed (RFC 8216, 6.2.2).
//! Deliberately absent: a start time. The clock alone says where the live stream is.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// A moment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// The forms in which the same ladder is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Live,
    /// Live, with each segment also in parts.
    LowLatency,
    Vod,
}

/// A part of a segment, counted from the first part of segment 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part(u64);

pub(crate) const SEGMENT_SECONDS: u64 = 2;
pub(crate) const SEGMENT_MILLIS: u64 = SEGMENT_SECONDS * 1000;
pub(crate) const PARTS_PER_SEGMENT: u64 = 5;
pub(crate) const PART_MILLIS: u64 = SEGMENT_MILLIS / PARTS_PER_SEGMENT;
pub(crate) const LIVE_WINDOW: u64 = 15;
pub(crate) const VOD_SEGMENTS: u64 = 300;

impl UnixMillis {
    /// What the system's clock says; the epoch itself if that clock is set before it.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// As RFC 3339 and XML Schema write it, in UTC to the millisecond.
    pub(crate) fn date_time(self) -> String {
        i64::try_from(self.0)
            .ok()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or(Timestamp::MAX)
            .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            .to_string()
    }
}

impl Form {
    /// The segments that a media playlist lists whole.
    pub(crate) fn listed(self, now: UnixMillis) -> Range<u64> {
        match self {
            Self::Live | Self::LowLatency => {
                let complete = now.0 / SEGMENT_MILLIS;
                complete.saturating_sub(LIVE_WINDOW)..complete
            }
            Self::Vod => 0..VOD_SEGMENTS,
        }
    }

    /// The segments that are answered with all their bytes.
    pub(crate) fn available(self, now: UnixMillis) -> Range<u64> {
        let listed = self.listed(now);
        listed.start.saturating_sub(LIVE_WINDOW + 1)..listed.end
    }
}

impl Part {
    /// Part `index` of segment `number`; none if segments have no such part, or past the end of numbers.
    pub(crate) fn new(number: u64, index: u64) -> Option<Self> {
        (index < PARTS_PER_SEGMENT).then_some(())?;
        number.checked_mul(PARTS_PER_SEGMENT)?.checked_add(index).map(Self)
    }

    /// The part that is being made: the first that is not complete.
    pub(crate) fn in_progress(now: UnixMillis) -> Self {
        Self(now.0 / PART_MILLIS)
    }

    /// All parts of a segment.
    pub(crate) fn of(number: u64) -> impl Iterator<Item = Self> {
        (0..PARTS_PER_SEGMENT).filter_map(move |index| Self::new(number, index))
    }

    pub(crate) fn ordinal(self) -> u64 {
        self.0
    }

    pub(crate) fn segment(self) -> u64 {
        self.0 / PARTS_PER_SEGMENT
    }

    pub(crate) fn index(self) -> u64 {
        self.0 % PARTS_PER_SEGMENT
    }

    /// The part before; none before the first.
    pub(crate) fn before(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    /// When its last millisecond has passed.
    pub(crate) fn complete_at(self) -> UnixMillis {
        UnixMillis(self.0.saturating_add(1).saturating_mul(PART_MILLIS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_listed_when_its_last_millisecond_has_passed() {
        for form in [Form::Live, Form::LowLatency] {
            assert_eq!(form.listed(UnixMillis(199_999)), 84..99);
            assert_eq!(form.listed(UnixMillis(200_000)), 85..100);
            assert_eq!(form.listed(UnixMillis(1_999)), 0..0);
            assert_eq!(form.listed(UnixMillis(6_000)), 0..3);
        }
    }

    #[test]
    fn the_window_never_moves_back_and_never_forgets_early() {
        let mut before = Form::Live.listed(UnixMillis(0));
        let mut listed_at = std::collections::HashMap::new();
        for now in (0..120_000).step_by(100) {
            let listed = Form::Live.listed(UnixMillis(now));
            assert!(listed.start >= before.start && listed.end >= before.end, "moved back at {now}");
            let available = Form::Live.available(UnixMillis(now));
            for number in listed.clone() {
                listed_at.insert(number, now);
            }
            for (number, at) in &listed_at {
                let kept = (LIVE_WINDOW + 1) * SEGMENT_MILLIS;
                assert!(
                    available.contains(number) || now > at + kept,
                    "{number} gone at {now}, listed at {at}"
                );
            }
            before = listed;
        }
    }

    #[test]
    fn the_last_part_of_a_segment_is_complete_when_the_segment_is() {
        for (now, segment, index) in
            [(0, 0, 0), (399, 0, 0), (400, 0, 1), (1_999, 0, 4), (2_000, 1, 0), (199_999, 99, 4)]
        {
            let part = Part::in_progress(UnixMillis(now));
            assert_eq!((part.segment(), part.index()), (segment, index), "at {now}");
            assert_eq!(Part::new(segment, index), Some(part));
            assert!(part.complete_at() > UnixMillis(now));
            let complete = Form::LowLatency.listed(part.complete_at()).end;
            assert_eq!(complete, if index == PARTS_PER_SEGMENT - 1 { segment + 1 } else { segment });
        }
    }

    #[test]
    fn there_is_no_part_beyond_a_segment_or_beyond_the_numbers() {
        assert_eq!(Part::new(7, PARTS_PER_SEGMENT), None);
        assert_eq!(Part::new(u64::MAX, 0), None);
        assert_eq!(Part::new(u64::MAX / PARTS_PER_SEGMENT, 0).unwrap().complete_at(), UnixMillis(u64::MAX));
        assert_eq!(Part::of(7).map(Part::index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(Part::in_progress(UnixMillis(0)).before(), None);
    }
}
