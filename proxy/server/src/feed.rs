//! The durable, numbered log of everything that happened, which the archive and every other follower reads.
//!
//! Invariants: records are numbered in the order they were appended, and a number is never used twice, not even after the data
//! directory was emptied (the first number of an empty feed is the clock in microseconds) or a power cut took the end of the log
//! (see `feed/numbers.rs`; that leaves a hole in the numbers, in which nothing was ever readable). A record is on disk
//! before anybody is told of it, and within [`FLUSH_EVERY`] of being appended; a killed process loses nothing older.
//! Both memory and disk are bounded; what a bound costs is written down as a gap with its count.
//! Deliberately absent: fsync. A power cut may cost the last moments; a crash of the rig or of the archive may not.

mod numbers;
mod read;
mod segment;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rebuffer_model::{Position, RecordBody, Timestamp};
use tokio::sync::watch;

pub(crate) use read::Reader;

/// How long a record may wait for its write.
pub(crate) const FLUSH_EVERY: Duration = Duration::from_millis(10);

/// How large the feed may grow.
#[derive(Debug, Clone)]
pub(crate) struct FeedConfig {
    /// Where the segments lie.
    pub(crate) dir: PathBuf,
    /// A segment is closed when it has this many bytes.
    pub(crate) segment_bytes: u64,
    /// The oldest segment goes when all together have more bytes than this.
    pub(crate) total_bytes: u64,
    /// Records that may wait in memory for the disk.
    pub(crate) pending_records: usize,
}

/// The feed. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    shared: Arc<Shared>,
}

/// What is on disk, as of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The oldest record held; equal to `next` when there is none.
    pub(crate) oldest: Position,
    /// The number the next record will get.
    pub(crate) next: Position,
    /// Records appended so far in this run that are on disk or were given up.
    settled: u64,
}

/// Why the feed cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the feed at {path} cannot be used: {source}")]
pub struct FeedError {
    path: PathBuf,
    source: std::io::Error,
}

#[derive(Debug)]
struct Shared {
    config: FeedConfig,
    pending: Mutex<Pending>,
    wake: Condvar,
    extent: watch::Sender<Extent>,
    trouble: watch::Sender<Option<String>>,
    /// Whether the writer has ended.
    closed: watch::Sender<bool>,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Pending {
    /// A line each: its record as JSON, but for its number.
    lines: Vec<u8>,
    records: usize,
    /// Of the last record.
    ts: Option<Timestamp>,
    lost: u64,
    appended: u64,
    closed: bool,
}

impl FeedConfig {
    /// Two gigabytes in segments of 64 MiB, a hundred thousand records in memory.
    pub(crate) fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), segment_bytes: 64 << 20, total_bytes: 2 << 30, pending_records: 100_000 }
    }
}

impl Feed {
    /// Opens the feed and starts its writer. `now` numbers the first record of an empty feed.
    pub(crate) fn open(config: FeedConfig, now: Timestamp) -> Result<Self, FeedError> {
        let path = config.dir.clone();
        let writer =
            write::Writer::open(&config, now).map_err(|source| FeedError { path: path.clone(), source })?;
        let feed = Self {
            shared: Arc::new(Shared {
                config,
                pending: Mutex::default(),
                wake: Condvar::new(),
                extent: watch::Sender::new(writer.extent(0)),
                trouble: watch::Sender::new(None),
                closed: watch::Sender::new(false),
                dropped: AtomicU64::new(0),
            }),
        };
        let shared = Arc::clone(&feed.shared);
        std::thread::Builder::new()
            .name("feed-writer".to_owned())
            .spawn(move || write::run(&shared, writer))
            .map_err(|source| FeedError { path, source })?;
        Ok(feed)
    }

    /// Appends a record. It is on disk within [`FLUSH_EVERY`]; wait for [`Feed::settled`] to be sure.
    pub(crate) fn append(&self, ts: Timestamp, body: &RecordBody) {
        // Here, where the record was made and lies near, and before the lock.
        let line = match segment::unnumbered(ts, body) {
            Ok(line) => line,
            Err(error) => {
                tracing::error!(%error, "a record cannot be written as JSON and is lost");
                return;
            }
        };
        let mut pending = self.shared.pending.lock();
        pending.appended += 1;
        if pending.records >= self.shared.config.pending_records || pending.closed {
            pending.lost += 1;
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            pending.lines.extend_from_slice(&line);
            pending.records += 1;
            pending.ts = Some(ts);
        }
        let first = pending.records <= 1;
        drop(pending);
        if first {
            self.shared.wake.notify_one();
        }
    }

    /// Waits until everything appended before this call is on disk, or was given up and counted.
    pub(crate) async fn settled(&self) {
        let target = self.shared.pending.lock().appended;
        let mut extent = self.shared.extent.subscribe();
        // The sender lives in `shared`, so waiting can only end by reaching the target.
        let _reached = extent.wait_for(|extent| extent.settled >= target).await;
    }

    /// A reader that continues after `after`.
    pub(crate) fn read_after(&self, after: Position) -> Reader {
        Reader::new(&self.shared.config.dir, self.shared.extent.subscribe(), after)
    }

    /// What is on disk.
    pub(crate) fn extent(&self) -> Extent {
        *self.shared.extent.borrow()
    }

    /// Records that were given up because the disk did not keep up.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// What keeps the feed from writing, if anything does.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.shared.trouble.borrow().clone()
    }

    /// Writes what is pending and stops the writer.
    pub(crate) async fn close(&self) {
        self.settled().await;
        self.shared.pending.lock().closed = true;
        self.shared.wake.notify_one();
        // As above: the sender lives in `shared`.
        let mut closed = self.shared.closed.subscribe();
        let _ended = closed.wait_for(|closed| *closed).await;
    }
}

#[cfg(test)]
mod tests;
