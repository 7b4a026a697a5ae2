//! When periods begin and how long they last.
//!
//! Invariant: what an MPD leaves open is absent: the end of the last period of a live presentation, and everything after a
//! period whose length is not known. Deliberately absent: what the time is now.

use rebuffer_model::Timestamp;

use super::duration;
use super::xml::Node;

/// A period in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PeriodTime {
    pub(super) length_ms: Option<u64>,
    /// By the wall clock, ms since 1970; of live presentations.
    pub(super) begins_ms: Option<i64>,
}

/// For each period of an MPD, in order.
pub(super) fn times(root: Node<'_, '_>) -> Vec<PeriodTime> {
    let live = root.value("type").is_some_and(|kind| kind == "dynamic");
    let epoch = root.value("availabilityStartTime").filter(|_| live).and_then(|text| instant(&text));
    let total = milliseconds(root, "mediaPresentationDuration");
    let mut times = Vec::new();
    let mut follows = Some(0);
    let mut periods = root.children("Period").peekable();
    while let Some(period) = periods.next() {
        let start = milliseconds(period, "start").or(follows);
        let end = periods.peek().map_or(total, |next| milliseconds(*next, "start"));
        let to_the_end = || end?.checked_sub(start.unwrap_or_default());
        let length_ms = milliseconds(period, "duration").or_else(to_the_end);
        follows = start.zip(length_ms).and_then(|(start, length)| start.checked_add(length));
        let begins_ms = epoch.zip(start).and_then(|(epoch, start)| epoch.checked_add_unsigned(start));
        times.push(PeriodTime { length_ms, begins_ms });
    }
    times
}

fn milliseconds(node: Node<'_, '_>, name: &str) -> Option<u64> {
    duration::milliseconds(node.raw(name)?.text)
}

/// A time without a zone is UTC.
fn instant(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    let read = Timestamp::parse(text).or_else(|_| Timestamp::parse(&format!("{text}Z")));
    read.ok().map(Timestamp::as_millis)
}

#[cfg(test)]
mod tests {
    use super::super::xml::Document;
    use super::*;

    fn read(mpd: &str) -> Vec<(Option<u64>, Option<i64>)> {
        let document = Document::parse(mpd.as_bytes()).unwrap();
        times(document.root()).iter().map(|time| (time.length_ms, time.begins_ms)).collect()
    }

    #[test]
    fn a_period_lasts_as_it_says_or_to_the_next_one_or_to_the_end() {
        let mpd = "<MPD mediaPresentationDuration='PT60S'><Period duration='PT10S'/><Period start='PT10S'/>\
                   <Period start='PT25S'/></MPD>";
        assert_eq!(read(mpd), [(Some(10_000), None), (Some(15_000), None), (Some(35_000), None)]);
    }

    #[test]
    fn a_live_period_begins_by_the_wall_clock() {
        for start in ["1970-01-01T00:00:05Z", "1970-01-01T00:00:05", "1970-01-01T01:00:05+01:00"] {
            let mpd = format!(
                "<MPD type='dynamic' availabilityStartTime='{start}'><Period duration='PT10S'/><Period/><Period/></MPD>"
            );
            assert_eq!(
                read(&mpd),
                [(Some(10_000), Some(5_000)), (None, Some(15_000)), (None, None)],
                "{start}"
            );
        }
        assert_eq!(read("<MPD type='dynamic'><Period/></MPD>"), [(None, None)]);
    }
}
