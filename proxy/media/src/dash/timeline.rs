//! Which segments there are: their times, their numbers, and how many.
//!
//! Invariant: runs stand in order of their index, and no arithmetic wraps. Deliberately absent: the clock; the newest
//! segment of a live presentation that only counts on is not known here.

use super::xml::Node;
use super::{MAX_ENTRIES, duration};

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
    /// How many there are, where that is known.
    pub count: Option<u64>,
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
    /// Of segments of one duration that fill a period; how many is known when its length is.
    pub(super) fn of_equal(
        start: u64,
        duration: Option<u64>,
        timescale: u64,
        period_ms: Option<u64>,
    ) -> Self {
        let count =
            duration.filter(|duration| *duration > 0).zip(period_ms).and_then(|(duration, period)| {
                let units = u128::from(period) * u128::from(timescale);
                u64::try_from(units.div_ceil(u128::from(duration) * 1_000)).ok()
            });
        Self { start, count }
    }

    /// How many segments come after this number; absent when that is not known or the number is none of them.
    pub fn after(&self, number: u64) -> Option<u64> {
        let index = number.checked_sub(self.start)?;
        self.count?.checked_sub(1)?.checked_sub(index)
    }
}

/// Milliseconds of an attribute.
pub(super) fn milliseconds(node: Node<'_, '_>, name: &str) -> Option<u64> {
    duration::milliseconds(node.raw(name)?.text)
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

    #[test]
    fn equal_segments_are_counted_when_the_period_has_a_length() {
        let ten = Numbering::of_equal(5, Some(2_000), 1_000, Some(19_100));
        assert_eq!(
            (ten.count, ten.after(5), ten.after(14), ten.after(15), ten.after(4)),
            (Some(10), Some(9), Some(0), None, None)
        );
        assert_eq!(Numbering::of_equal(1, Some(2), 1, None).after(1), None);
        assert_eq!(Numbering::of_equal(1, Some(0), 1, Some(9)).count, None);
    }
}
