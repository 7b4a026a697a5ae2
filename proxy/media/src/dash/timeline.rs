//! Which segments there are: their times, their numbers, and how many.
//!
//! Invariant: runs stand in order of their index, and no arithmetic wraps. Deliberately absent: the clock; who asks for
//! the newest segment of a live presentation that only counts on says what time it is.

use rebuffer_model::Timestamp;

use super::MAX_ENTRIES;
use super::period::PeriodTime;
use super::xml::Node;

/// A `SegmentTimeline`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    runs: Vec<Run>,
    /// How many segments; absent when the last run has no end.
    segments: Option<u64>,
}

/// Segments of one duration, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    time: u64,
    duration: u64,
    /// Place of its first segment in the timeline.
    index: u64,
    /// How many; `u64::MAX` for a run without end.
    count: u64,
}

/// How the segments of a representation are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbering {
    /// The number of the first one.
    pub start: u64,
    /// How many there are, or will be, where that is known.
    pub count: Option<u64>,
    /// When they become available, when that depends on the time.
    clock: Option<Clock>,
}

/// Segments of one duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Equal {
    /// Of each, in units of the timescale; 0 when it is not known.
    pub(super) duration: u64,
    pub(super) timescale: u64,
}

/// Segments that become available one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock {
    /// When the first of them would begin to be made, ms since 1970.
    begins_ms: i64,
    equal: Equal,
}

impl Timeline {
    /// `end` is where the period ends, in units of the timescale.
    pub(super) fn read(node: Node<'_, '_>, end: Option<u64>) -> Self {
        let mut runs = Vec::<Run>::new();
        let (mut time, mut index) = (0_u64, 0_u64);
        let mut entries = node.children("S").take(MAX_ENTRIES).peekable();
        while let Some(entry) = entries.next() {
            time = entry.number("t").unwrap_or(time);
            let duration = entry.number("d").unwrap_or_default();
            let repeats = entry.raw("r").map(|raw| raw.text.trim_ascii());
            let count = match repeats.map(str::parse::<i64>) {
                None | Some(Err(_)) => 1,
                Some(Ok(repeats)) => match u64::try_from(repeats) {
                    Ok(repeats) => repeats.saturating_add(1),
                    Err(_) => {
                        let until = entries.peek().map_or(end, |next| next.number("t"));
                        let length = until.and_then(|until| until.checked_sub(time));
                        length.filter(|_| duration > 0).map_or(u64::MAX, |length| length.div_ceil(duration))
                    }
                },
            };
            runs.push(Run { time, duration, index, count });
            time = time.saturating_add(duration.saturating_mul(count));
            index = index.saturating_add(count);
        }
        Self { runs, segments: (index < u64::MAX).then_some(index) }
    }

    /// How many segments; absent when the last run has no end.
    pub fn segments(&self) -> Option<u64> {
        self.segments
    }

    /// The place of the segment that begins at this time; absent when none does.
    pub fn index_of(&self, time: u64) -> Option<u64> {
        let after = self.runs.partition_point(|run| run.time <= time);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let offset = time - run.time;
        let place = match run.duration {
            0 => (offset == 0).then_some(0),
            duration => offset.is_multiple_of(duration).then_some(offset / duration),
        }?;
        (place < run.count).then(|| run.index.saturating_add(place))
    }

    /// About how many bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        self.runs.len() * size_of::<Run>()
    }
}

impl Numbering {
    pub(super) fn of_count(start: u64, count: Option<u64>) -> Self {
        Self { start, count, clock: None }
    }

    /// Of segments of one duration that fill a period. `last` is how many the MPD allows, `early` by how many seconds
    /// each of them is available before it is whole.
    pub(super) fn of_equal(
        start: u64,
        last: Option<u64>,
        equal: Equal,
        time: PeriodTime,
        early: Option<&str>,
    ) -> Self {
        let whole = |length| equal.count(u128::from(length), u128::div_ceil);
        let count = last.or_else(|| whole(time.length_ms?));
        let early_ms = early.map_or(Some(0), |seconds| milliseconds(seconds.trim_ascii()));
        let begins_ms = time.begins_ms.zip(early_ms).and_then(|(begins, early)| begins.checked_sub(early));
        let clock = begins_ms.filter(|_| equal.duration > 0).map(|begins_ms| Clock { begins_ms, equal });
        // A live period without a usable clock: how many there are at this moment is not known.
        let is_known = time.begins_ms.is_none() || clock.is_some();
        Self { start, count: count.filter(|_| is_known), clock }
    }

    /// How many segments come after this number; absent when that is not known, or the number is none of them. `now`
    /// matters for live presentations that do not list their segments.
    pub fn after(&self, number: u64, now: Option<Timestamp>) -> Option<u64> {
        let index = number.checked_sub(self.start)?;
        let within = |count: u64| count.checked_sub(1)?.checked_sub(index);
        let Some(clock) = self.clock else { return within(self.count?) };
        let available = clock.available(now?)?;
        let available = self.count.map_or(available, |count| count.min(available));
        // Whoever asks a moment too early, by a clock of its own, asks for the newest.
        Some(available.saturating_sub(1).saturating_sub(index))
    }
}

impl Equal {
    /// How many fit into so many milliseconds.
    fn count(self, ms: u128, divide: impl Fn(u128, u128) -> u128) -> Option<u64> {
        let duration = u128::from(self.duration).checked_mul(1_000).filter(|duration| *duration > 0)?;
        u64::try_from(divide(ms.checked_mul(u128::from(self.timescale))?, duration)).ok()
    }
}

impl Clock {
    fn available(self, now: Timestamp) -> Option<u64> {
        let elapsed = i128::from(now.as_millis()) - i128::from(self.begins_ms);
        self.equal.count(u128::try_from(elapsed).unwrap_or_default(), |ms, duration| ms / duration)
    }
}

/// Of seconds with a fraction; `INF` is none.
fn milliseconds(seconds: &str) -> Option<i64> {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let digits = part.bytes().all(|byte| byte.is_ascii_digit());
    let part = format!("{part:0<3}").get(..3).filter(|_| digits)?.parse::<i64>().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::super::xml::Document;
    use super::*;

    fn read(entries: &str, end: Option<u64>) -> Timeline {
        let text = format!("<SegmentTimeline>{entries}</SegmentTimeline>");
        Timeline::read(Document::parse(text.as_bytes()).unwrap().root(), end)
    }

    #[test]
    fn a_time_has_the_place_of_its_segment() {
        let timeline = read("<S t='100' d='10' r='2'/><S d='5'/><S t='200' d='10'/>", None);
        assert_eq!(timeline.segments(), Some(5));
        for (time, place) in [(100, Some(0)), (120, Some(2)), (130, Some(3)), (200, Some(4))] {
            assert_eq!(timeline.index_of(time), place, "{time}");
        }
        for none in [0, 99, 101, 135, 140, 210] {
            assert_eq!(timeline.index_of(none), None, "{none}");
        }
    }

    #[test]
    fn a_run_repeats_to_the_next_one_or_to_the_end_of_the_period() {
        assert_eq!(read("<S t='0' d='10' r='-1'/><S t='35' d='5'/>", None).segments(), Some(5));
        assert_eq!(read("<S t='0' d='10' r='-1'/>", Some(95)).segments(), Some(10));
        let open = read("<S t='0' d='10' r='-1'/>", None);
        assert_eq!((open.segments(), open.index_of(990)), (None, Some(99)));
        assert_eq!(read("<S t='0' d='0' r='-1'/>", Some(95)).segments(), None);
    }

    #[test]
    fn absurd_numbers_do_not_wrap() {
        let max = u64::MAX;
        let timeline = read(&format!("<S t='{max}' d='{max}' r='9'/><S d='{max}'/><S/>"), None);
        assert_eq!(timeline.index_of(max), Some(11));
        assert_eq!(timeline.index_of(0), None);
    }

    const SECONDS: Equal = Equal { duration: 2_000, timescale: 1_000 };

    #[test]
    fn equal_segments_are_counted_when_the_period_has_a_length() {
        let time = PeriodTime { length_ms: Some(19_100), begins_ms: None };
        let ten = Numbering::of_equal(5, None, SECONDS, time, None);
        let after = [5, 14, 15, 4].map(|number| ten.after(number, None));
        assert_eq!((ten.count, after), (Some(10), [Some(9), Some(0), None, None]));
        let unknown = Numbering::of_equal(1, None, SECONDS, PeriodTime::default(), None);
        assert_eq!(unknown.after(1, None), None);
        let none = Numbering::of_equal(1, None, Equal { duration: 0, timescale: 1 }, time, None);
        assert_eq!(none.count, None);
    }

    #[test]
    fn live_segments_become_available_one_after_the_other() {
        let time = PeriodTime { length_ms: None, begins_ms: Some(100_000) };
        let at = |ms| Some(Timestamp::from_millis(ms));
        let live = Numbering::of_equal(1, None, SECONDS, time, None);
        for (now, number, after) in [
            (at(110_000), 1, Some(4)),
            (at(110_000), 5, Some(0)),
            (at(111_999), 5, Some(0)),
            (at(112_000), 5, Some(1)),
            (at(110_000), 6, Some(0)),
            (at(0), 1, Some(0)),
            (at(110_000), 0, None),
            (None, 1, None),
        ] {
            assert_eq!(live.after(number, now), after, "{now:?} {number}");
        }
        let early = Numbering::of_equal(1, None, SECONDS, time, Some("1.5"));
        assert_eq!(early.after(5, at(110_500)), Some(1), "the sixth is being made");
        let at_once = Numbering::of_equal(1, None, SECONDS, time, Some("INF"));
        assert_eq!(at_once.after(5, at(110_500)), None);
        let bounded = PeriodTime { length_ms: Some(6_000), ..time };
        assert_eq!(Numbering::of_equal(1, None, SECONDS, bounded, None).after(1, at(999_000)), Some(2));
    }
}
