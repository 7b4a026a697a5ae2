//! How the forwarder is doing, in words and numbers.
//!
//! Invariant: `ready` is false exactly when `reason` says why.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use rebuffer_model::{Position, Timestamp};
use tokio::sync::watch;

use crate::ledger::Standing;

/// How the forwarder is doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// Whether it follows the feed and the archive takes what it brings.
    pub ready: bool,
    /// Why it is not ready; absent when it is.
    pub reason: Option<String>,
    /// Records the feed is known to hold that are not in the archive yet.
    pub lag_rows: u64,
    /// Age of the oldest record that was read and is not in the archive yet, seconds.
    pub lag_seconds: f64,
    /// Everything up to this position of the feed is in the archive.
    pub settled: u64,
    /// The version of the schema in the archive, once known.
    pub schema_version: Option<u32>,
}

/// Who can be in trouble, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Task(&'static str),
    Archive,
    Table(&'static str),
    Feed,
}

/// Collects what the parts say.
#[derive(Debug)]
pub(crate) struct Monitor {
    troubles: Mutex<BTreeMap<Part, String>>,
    schema: Mutex<Option<u32>>,
    /// The oldest and the newest position the feed said it holds.
    held: Mutex<(Position, Position)>,
    sender: watch::Sender<Status>,
}

impl Monitor {
    pub(crate) fn new() -> Self {
        let starting = [
            (Part::Archive, "the archive was not asked yet".to_owned()),
            (Part::Feed, "the feed is not followed yet".to_owned()),
        ];
        let monitor = Self {
            troubles: Mutex::new(starting.into()),
            schema: Mutex::default(),
            held: Mutex::new((Position(0), Position(0))),
            sender: watch::Sender::default(),
        };
        monitor.publish(None);
        monitor
    }

    /// Returns whether that is news.
    pub(crate) fn trouble(&self, part: Part, reason: &str) -> bool {
        let before = self.troubles.lock().insert(part, reason.to_owned());
        before.as_deref() != Some(reason)
    }

    /// Returns whether it was in trouble before.
    pub(crate) fn well(&self, part: Part) -> bool {
        self.troubles.lock().remove(&part).is_some()
    }

    pub(crate) fn schema(&self, version: u32) {
        *self.schema.lock() = Some(version);
    }

    pub(crate) fn feed_holds(&self, oldest: Position, newest: Position) {
        let mut held = self.held.lock();
        *held = (held.0.max(oldest), held.1.max(newest));
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Status> {
        self.sender.subscribe()
    }

    /// What all of it comes to, now.
    pub(crate) fn status(&self, standing: Option<(Standing, Timestamp)>) -> Status {
        let reason = self.troubles.lock().values().next().cloned();
        let unread = |standing: &Standing| {
            let (oldest, newest) = *self.held.lock();
            // What came before the oldest is not there to be read.
            newest.0.saturating_sub(standing.read.0.max(oldest.0.saturating_sub(1)))
        };
        let waiting = |standing: &Standing| u64::try_from(standing.waiting).unwrap_or(u64::MAX);
        let age = |standing: &Standing, now: Timestamp| {
            standing.oldest.map_or(0.0, |oldest| (now.millis_since(oldest) / 1_000.0).max(0.0))
        };
        Status {
            ready: reason.is_none(),
            reason,
            lag_rows: standing.as_ref().map_or(0, |(standing, _)| unread(standing) + waiting(standing)),
            lag_seconds: standing.as_ref().map_or(0.0, |(standing, now)| age(standing, *now)),
            settled: standing.as_ref().map_or(0, |(standing, _)| standing.settled.0),
            schema_version: *self.schema.lock(),
        }
    }

    /// Tells everybody who watches, if anything changed.
    pub(crate) fn publish(&self, standing: Option<(Standing, Timestamp)>) -> Status {
        let status = self.status(standing);
        self.sender.send_if_modified(|told| {
            let changed = *told != status;
            told.clone_from(&status);
            changed
        });
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(read: u64, settled: u64, oldest_ms: Option<i64>) -> Option<(Standing, Timestamp)> {
        let standing = Standing {
            read: Position(read),
            settled: Position(settled),
            waiting: usize::try_from(read - settled).unwrap(),
            oldest: oldest_ms.map(Timestamp::from_millis),
        };
        Some((standing, Timestamp::from_millis(10_000)))
    }

    #[test]
    fn it_is_ready_when_nobody_is_in_trouble_and_says_why_otherwise() {
        let monitor = Monitor::new();
        assert!(!monitor.status(None).ready && monitor.status(None).reason.is_some());
        monitor.well(Part::Archive);
        monitor.well(Part::Feed);
        assert!(monitor.status(None).ready && monitor.status(None).reason.is_none());
        assert!(monitor.trouble(Part::Feed, "gone"));
        assert!(!monitor.trouble(Part::Feed, "gone"), "that is no news");
        assert!(monitor.trouble(Part::Table("t"), "full"));
        assert_eq!(
            monitor.status(None).reason.as_deref(),
            Some("full"),
            "the archive tells more than the feed"
        );
    }

    #[test]
    fn lag_counts_what_waits_and_what_was_not_read() {
        let monitor = Monitor::new();
        monitor.feed_holds(Position(1), Position(120));
        let status = monitor.status(standing(100, 90, Some(7_500)));
        assert_eq!((status.lag_rows, status.lag_seconds, status.settled), (30, 2.5, 90));
        let caught_up = monitor.status(standing(120, 120, None));
        assert_eq!((caught_up.lag_rows, caught_up.lag_seconds), (0, 0.0));
        let monitor = Monitor::new();
        monitor.feed_holds(Position(1_001), Position(1_000));
        assert_eq!(monitor.status(standing(0, 0, None)).lag_rows, 0, "an empty feed leaves nothing to read");
    }
}
