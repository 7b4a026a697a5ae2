//! What was read from the feed and is not known to be in the archive yet, and who wants to see it at once.
//!
//! Three lanes, one per table, each a queue in the order of the feed. Invariants, all kept under one lock:
//! 1. a lane's rows are the rows of its table behind `settled` and up to `read`, all of them, in order;
//! 2. rows are published in the order of the feed, in the same step that puts them into their lane.
//!
//! So a subscriber who takes the lanes and the subscription in one step has everything: what is settled comes from the archive
//! (`id <= settled`), the rest of the past from the lanes, the future from the subscription; nothing twice, nothing missing.
//! Bounded: a full ledger stops the reading of the feed, a full subscriber loses rows and is told how many.

mod subscription;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rebuffer_model::{Position, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::row::{Row, Stream};
pub(crate) use subscription::{Interest, Subscriber, Subscription};

/// How much may wait for the archive before the feed is not read any further.
const MAX_ROWS: usize = 20_000;
const MAX_BYTES: usize = 48 << 20;
/// An insert begins when so many rows wait, or one of them for so long.
const EAGER_ROWS: usize = 500;
const EAGER_AGE: Duration = Duration::from_millis(250);
/// The most an insert takes.
pub(crate) const MAX_BATCH: usize = 10_000;
const MAX_BATCH_BYTES: usize = 16 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    inner: Mutex<Inner>,
    /// A row came, or waiting is over.
    filled: Notify,
    /// A row went.
    drained: Notify,
}

/// Where everything stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    /// Everything up to here was read.
    pub(crate) read: Position,
    /// Everything up to here is in the archive.
    pub(crate) settled: Position,
    /// Rows between the two.
    pub(crate) waiting: usize,
    /// The oldest of them.
    pub(crate) oldest: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Inner {
    lanes: [Lane; 3],
    read: Position0,
    subscribers: Vec<Subscriber>,
    hurry: bool,
}

/// A position that begins at none.
type Position0 = Option<Position>;

#[derive(Debug, Default)]
struct Lane {
    rows: VecDeque<Waiting>,
    bytes: usize,
    settled: Position0,
}

#[derive(Debug)]
struct Waiting {
    row: Arc<Row>,
    bytes: usize,
    since: Instant,
}

impl Ledger {
    /// Takes up where the archive stands: `settled` per lane, in the order of [`Stream::ALL`].
    pub(crate) fn resume(&self, settled: [Position; 3]) -> Position {
        let mut inner = self.inner.lock();
        let read = settled.into_iter().min().unwrap_or(Position(0));
        for (lane, settled) in inner.lanes.iter_mut().zip(settled) {
            lane.settled = Some(settled);
        }
        inner.read = Some(read);
        read
    }

    /// Whether [`Self::resume`] was called.
    pub(crate) fn resumed(&self) -> bool {
        self.inner.lock().read.is_some()
    }

    /// Notes that the feed was read up to this row, keeps it for the archive, and shows it to whom it concerns. A row that the
    /// archive has already is only noted. Returns how many subscribers missed it.
    pub(crate) fn push(&self, row: Row, bytes: usize) -> u64 {
        let row = Arc::new(row);
        let mut inner = self.inner.lock();
        let id = row.id();
        inner.read = Some(id);
        let lane = &mut inner.lanes[row.stream().index()];
        if lane.settled.is_some_and(|settled| id <= settled) {
            return 0;
        }
        lane.rows.push_back(Waiting { row: Arc::clone(&row), bytes, since: Instant::now() });
        lane.bytes += bytes;
        let missed = subscription::publish(&mut inner.subscribers, &row);
        drop(inner);
        self.filled.notify_waiters();
        missed
    }

    /// Returns when there is room for more.
    pub(crate) async fn room(&self) {
        loop {
            let drained = self.drained.notified();
            tokio::pin!(drained);
            drained.as_mut().enable();
            {
                let inner = self.inner.lock();
                let rows: usize = inner.lanes.iter().map(|lane| lane.rows.len()).sum();
                let bytes: usize = inner.lanes.iter().map(|lane| lane.bytes).sum();
                if rows < MAX_ROWS && bytes < MAX_BYTES {
                    return;
                }
            }
            drained.await;
        }
    }

    /// The next rows of a lane for the archive, at most `most`, once they are worth an insert. They stay in the lane.
    pub(crate) async fn batch(&self, stream: Stream, most: usize) -> Vec<Arc<Row>> {
        loop {
            let filled = self.filled.notified();
            tokio::pin!(filled);
            filled.as_mut().enable();
            let due = {
                let inner = self.inner.lock();
                let lane = &inner.lanes[stream.index()];
                match lane.rows.front() {
                    None => None,
                    Some(first) => {
                        let due = first.since + EAGER_AGE;
                        if inner.hurry || lane.rows.len() >= EAGER_ROWS || due <= Instant::now() {
                            return lane.batch(most.min(MAX_BATCH));
                        }
                        Some(due)
                    }
                }
            };
            match due {
                None => filled.await,
                Some(due) => tokio::select! {
                    () = filled => {}
                    () = tokio::time::sleep_until(due) => {}
                },
            }
        }
    }

    /// Notes that the archive has every row of the lane up to here.
    pub(crate) fn settle(&self, stream: Stream, upto: Position) {
        let mut inner = self.inner.lock();
        let lane = &mut inner.lanes[stream.index()];
        while let Some(first) = lane.rows.front()
            && first.row.id() <= upto
        {
            lane.bytes -= first.bytes;
            lane.rows.pop_front();
        }
        lane.settled = lane.settled.max(Some(upto));
        drop(inner);
        self.drained.notify_waiters();
    }

    /// From now on batches do not wait for company.
    pub(crate) fn hurry(&self) {
        self.inner.lock().hurry = true;
        self.filled.notify_waiters();
    }

    pub(crate) fn standing(&self) -> Standing {
        let inner = self.inner.lock();
        let read = inner.read.unwrap_or(Position(0));
        let first = |lane: &Lane| lane.rows.front().map(|first| (first.row.id(), first.row.ts()));
        let firsts: Vec<_> = inner.lanes.iter().filter_map(first).collect();
        let behind = |id: &Position| Position(id.0.saturating_sub(1));
        Standing {
            read,
            settled: firsts.iter().map(|(id, _)| behind(id)).min().unwrap_or(read),
            waiting: inner.lanes.iter().map(|lane| lane.rows.len()).sum(),
            oldest: firsts.iter().map(|(_, ts)| *ts).min(),
        }
    }

    /// The rows that wait, the positions up to which the archive has the rest, and whatever comes; all of one moment.
    pub(crate) fn subscribe(&self, interest: Interest) -> Subscription {
        let mut inner = self.inner.lock();
        let waiting = |lane: &Lane| -> Vec<Arc<Row>> {
            let rows = lane.rows.iter().map(|waiting| &waiting.row);
            rows.filter(|row| interest.covers(row)).cloned().collect()
        };
        let waiting = [waiting(&inner.lanes[0]), waiting(&inner.lanes[1]), waiting(&inner.lanes[2])];
        let settled = |lane: &Lane| lane.settled.unwrap_or(Position(0));
        let settled = [settled(&inner.lanes[0]), settled(&inner.lanes[1]), settled(&inner.lanes[2])];
        let read = inner.read.unwrap_or(Position(0));
        let (subscriber, rows, lost) = Subscriber::new(interest);
        inner.subscribers.retain(|subscriber| !subscriber.is_gone());
        inner.subscribers.push(subscriber);
        Subscription { waiting, settled, read, rows, lost }
    }

    /// How many subscribers there are.
    pub(crate) fn subscribers(&self) -> usize {
        self.inner.lock().subscribers.iter().filter(|subscriber| !subscriber.is_gone()).count()
    }
}

impl Lane {
    /// The first rows that may go together: of one day, so that they are one part and appear as a whole or not at all.
    fn batch(&self, most: usize) -> Vec<Arc<Row>> {
        let Some(day) = self.rows.front().map(|first| first.row.day()) else { return Vec::new() };
        let mut bytes = 0;
        let fits = |waiting: &&Waiting| {
            let first = bytes == 0;
            bytes += waiting.bytes;
            waiting.row.day() == day && (first || bytes <= MAX_BATCH_BYTES)
        };
        let rows = self.rows.iter().take(most.max(1)).take_while(fits);
        rows.map(|waiting| Arc::clone(&waiting.row)).collect()
    }
}

#[cfg(test)]
mod tests;
