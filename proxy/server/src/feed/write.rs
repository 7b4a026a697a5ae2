//! The writer of the feed: one thread that numbers and writes batches, rotates segments and keeps the bound.
//!
//! Invariant: the extent is announced only after the write returned. A write that fails is tried again, from the last good
//! length, until it succeeds; meanwhile records wait in bounded memory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use rebuffer_model::{Position, RecordBody, Timestamp};

use super::numbers::Numbers;
use super::{Extent, FLUSH_EVERY, FeedConfig, Shared, segment};

/// What is kept of the memory for a batch, however large the last one was.
const SPARE_BYTES: usize = 4 << 20;
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
    lines: Vec<u8>,
    /// Of the last record.
    ts: Option<Timestamp>,
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
    let (mut buffer, mut spare) = (Vec::new(), Vec::new());
    while let Some(batch) = take(shared, spare) {
        buffer.clear();
        buffer.shrink_to(SPARE_BYTES);
        let after = encode_batch(&mut buffer, writer.next, &batch);
        while let Err(error) = writer.write(&buffer, after) {
            tracing::error!(%error, path = %writer.path.display(), "the feed cannot be written; trying again");
            shared.trouble.send_replace(Some(error.to_string()));
            std::thread::park_timeout(RETRY_EVERY);
        }
        shared.trouble.send_if_modified(|trouble| trouble.take().is_some());
        shared.extent.send_replace(writer.extent(batch.appended));
        spare = batch.lines;
    }
    writer.close();
    shared.closed.send_replace(true);
}

/// The next batch: whatever came within half of [`FLUSH_EVERY`] of its first record. `None` when the feed was closed. `spare`
/// is memory for the batch after it.
fn take(shared: &Shared, mut spare: Vec<u8>) -> Option<Batch> {
    spare.clear();
    spare.shrink_to(SPARE_BYTES);
    let mut pending = shared.pending.lock();
    while pending.records == 0 && pending.lost == 0 {
        if pending.closed {
            return None;
        }
        shared.wake.wait(&mut pending);
    }
    if !pending.closed {
        shared.wake.wait_for(&mut pending, FLUSH_EVERY / 2);
    }
    pending.records = 0;
    Some(Batch {
        lines: std::mem::replace(&mut pending.lines, spare),
        ts: pending.ts.take(),
        lost: std::mem::take(&mut pending.lost),
        appended: pending.appended,
    })
}

fn encode_batch(buffer: &mut Vec<u8>, mut next: Position, batch: &Batch) -> Position {
    for line in batch.lines.split_inclusive(|byte| *byte == b'\n') {
        segment::encode(buffer, next, line);
        next = next.next();
    }
    if batch.lost > 0 {
        let gap = RecordBody::Gap { from: next, to: next, lost: batch.lost };
        match segment::unnumbered(batch.ts.unwrap_or(Timestamp::from_micros(0)), &gap) {
            Ok(line) => {
                segment::encode(buffer, next, &line);
                next = next.next();
            }
            Err(error) => tracing::error!(%error, lost = batch.lost, "a gap cannot be written as JSON"),
        }
    }
    next
}
