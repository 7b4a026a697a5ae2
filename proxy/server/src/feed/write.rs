//! The writer of the feed: one thread that numbers, encodes and writes batches, rotates segments and keeps the bound.
//!
//! Invariant: the extent is announced only after the write returned. A write that fails is tried again, from the last good
//! length, until it succeeds; meanwhile records wait in bounded memory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use rebuffer_model::{Position, Record, RecordBody, Timestamp};

use super::numbers::Numbers;
use super::{Extent, FLUSH_EVERY, FeedConfig, Shared, segment};

const RETRY_EVERY: Duration = Duration::from_millis(500);

/// The open segment and what lies before it.
#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    file: File,
    path: PathBuf,
    length: u64,
    next: Position,
    numbers: Numbers,
    /// First position and bytes of each closed segment, oldest first.
    closed: Vec<(Position, u64)>,
    first: Position,
    segment_bytes: u64,
    total_bytes: u64,
}

/// What is written at once.
struct Batch {
    records: Vec<(Timestamp, RecordBody)>,
    lost: u64,
    /// Records appended so far, these included.
    appended: u64,
}

impl Writer {
    pub(super) fn open(config: &FeedConfig, now: Timestamp) -> io::Result<Self> {
        fs::create_dir_all(&config.dir)?;
        let mut segments = segment::list(&config.dir)?;
        let newest = segments.pop();
        let mut closed = Vec::with_capacity(segments.len());
        for (first, path) in segments {
            closed.push((first, fs::metadata(path)?.len()));
        }
        let (first, length, next) = match newest {
            Some((first, path)) => {
                let (last, length) = segment::recover(&path)?;
                (first, length, last.map_or(first, Position::next))
            }
            None => {
                let first = Position(u64::try_from(now.as_micros()).unwrap_or_default().max(1));
                (first, 0, first)
            }
        };
        let (numbers, go_on) = Numbers::open(&config.dir, next)?;
        let path = segment::path_of(&config.dir, first);
        let mut writer = Self {
            dir: config.dir.clone(),
            file: segment::open_for_append(&path)?,
            path,
            length,
            next: go_on,
            numbers,
            closed,
            first,
            segment_bytes: config.segment_bytes,
            total_bytes: config.total_bytes,
        };
        if go_on > next {
            // A segment has no hole inside.
            writer.rotate()?;
        }
        Ok(writer)
    }

    fn close(&mut self) {
        if let Err(error) = self.numbers.give_back(self.next) {
            tracing::warn!(%error, "the next run will leave a hole in the numbers of the feed");
        }
    }

    pub(super) fn extent(&self, settled: u64) -> Extent {
        let oldest = self.closed.first().map_or(self.first, |(first, _)| *first);
        Extent { oldest, next: self.next, settled }
    }

    /// Writes a batch as a whole. On an error nothing of it counts, and the same batch may be tried again.
    fn write(&mut self, batch: &[u8], after: Position) -> io::Result<()> {
        self.numbers.cover(after)?;
        if self.length >= self.segment_bytes {
            self.rotate()?;
        }
        if let Err(error) = self.file.write_all(batch) {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += batch.len() as u64;
        self.next = after;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        // A closed segment is never repaired, so it has to be whole.
        self.file.sync_data()?;
        let path = segment::path_of(&self.dir, self.next);
        let file = segment::open_for_append(&path)?;
        self.closed.push((self.first, self.length));
        (self.file, self.path, self.first, self.length) = (file, path, self.next, 0);
        self.keep_bound()
    }

    fn keep_bound(&mut self) -> io::Result<()> {
        while self.closed.iter().map(|(_, bytes)| bytes).sum::<u64>() > self.total_bytes {
            let (first, _) = self.closed.remove(0);
            tracing::warn!(first = first.0, "the feed is full: its oldest segment goes, read or not");
            fs::remove_file(segment::path_of(&self.dir, first))?;
        }
        Ok(())
    }
}

/// The thread: waits for records, writes them, announces them, until the feed is closed.
pub(super) fn run(shared: &Shared, mut writer: Writer) {
    let mut buffer = Vec::new();
    while let Some(batch) = take(shared) {
        buffer.clear();
        let after = encode_batch(&mut buffer, writer.next, batch.records, batch.lost);
        while let Err(error) = writer.write(&buffer, after) {
            tracing::error!(%error, path = %writer.path.display(), "the feed cannot be written; trying again");
            shared.trouble.send_replace(Some(error.to_string()));
            std::thread::park_timeout(RETRY_EVERY);
        }
        shared.trouble.send_if_modified(|trouble| trouble.take().is_some());
        shared.extent.send_replace(writer.extent(batch.appended));
    }
    writer.close();
    shared.closed.send_replace(true);
}

/// The next batch: whatever came within half of [`FLUSH_EVERY`] of its first record. `None` when the feed was closed.
fn take(shared: &Shared) -> Option<Batch> {
    let mut pending = shared.pending.lock();
    while pending.records.is_empty() && pending.lost == 0 {
        if pending.closed {
            return None;
        }
        shared.wake.wait(&mut pending);
    }
    if !pending.closed {
        shared.wake.wait_for(&mut pending, FLUSH_EVERY / 2);
    }
    Some(Batch {
        records: std::mem::take(&mut pending.records),
        lost: std::mem::take(&mut pending.lost),
        appended: pending.appended,
    })
}

fn encode_batch(
    buffer: &mut Vec<u8>,
    mut next: Position,
    records: Vec<(Timestamp, RecordBody)>,
    lost: u64,
) -> Position {
    let gap_ts = records.last().map(|(ts, _)| *ts);
    let gap = (lost > 0).then(|| (gap_ts.unwrap_or(Timestamp::from_micros(0)), None));
    let all = records.into_iter().map(|(ts, body)| (ts, Some(body))).chain(gap);
    let mut json = Vec::new();
    for (ts, body) in all {
        let body = body.unwrap_or(RecordBody::Gap { from: next, to: next, lost });
        json.clear();
        match serde_json::to_writer(&mut json, &Record { position: next, ts, body }) {
            Ok(()) => {
                segment::encode(buffer, next, &json);
                next = next.next();
            }
            Err(error) => tracing::error!(%error, "a record cannot be written as JSON and is lost"),
        }
    }
    next
}
