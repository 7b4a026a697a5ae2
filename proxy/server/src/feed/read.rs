//! A follower's place in the feed: reads whole lines up to what was announced, segment by segment.
//!
//! Invariant: every record after the asked position comes exactly once and in order; what the bound took meanwhile, or damage
//! made unreadable, comes as one gap. A reader holds one open file and one batch, whatever the feed holds.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use rebuffer_model::{Position, Record, RecordBody, Timestamp};
use tokio::sync::watch;

use super::{Extent, segment};

/// The most that one batch holds.
const BATCH_BYTES: usize = 256 * 1024;

/// One record as a follower gets it: its position and its JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) json: String,
}

/// A follower's place.
#[derive(Debug)]
pub(crate) struct Reader {
    dir: PathBuf,
    extent: watch::Receiver<Extent>,
    next: Position,
    open: Option<Open>,
    /// Whether records before the next good one were lost to damage; they are told of as a gap.
    damaged: bool,
}

/// A segment being read.
#[derive(Debug)]
struct Open {
    first: Position,
    lines: BufReader<File>,
}

impl Reader {
    pub(super) fn new(dir: &Path, extent: watch::Receiver<Extent>, after: Position) -> Self {
        Self { dir: dir.to_owned(), extent, next: after.next(), open: None, damaged: false }
    }

    /// The next records, at least one; waits for them. An empty batch means that the feed was closed.
    pub(crate) async fn batch(mut self) -> (Self, io::Result<Vec<Entry>>) {
        loop {
            let next = self.next;
            if self.extent.wait_for(|extent| extent.next > next).await.is_err() {
                return (self, Ok(Vec::new()));
            }
            let extent = *self.extent.borrow_and_update();
            let read = tokio::task::spawn_blocking(move || {
                let batch = self.read(extent);
                if batch.is_err() {
                    self.open = None;
                }
                (self, batch)
            });
            match read.await {
                // What was announced may be a hole in the numbers and nothing else.
                Ok((reader, Ok(entries))) if entries.is_empty() && reader.next > next => self = reader,
                Ok((reader, Ok(entries))) if entries.is_empty() => {
                    let text = "the segments of the feed do not hold what was announced";
                    return (reader, Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                Ok(done) => return done,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
    }

    fn read(&mut self, extent: Extent) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        if self.next < extent.oldest {
            entries.push(self.gap_before(extent.oldest));
        }
        let (mut bytes, mut line, mut passed) = (0, Vec::new(), None);
        while self.next < extent.next && bytes < BATCH_BYTES {
            let Some(open) = self.open.as_mut() else {
                let segments = segment::list(&self.dir)?;
                let from = passed.unwrap_or(self.next);
                let holding = segments.into_iter().rev().find(|(first, _)| *first <= from);
                let Some((first, path)) = holding else { break };
                self.open = Some(Open { first, lines: BufReader::new(File::open(path)?) });
                continue;
            };
            line.clear();
            open.lines.read_until(b'\n', &mut line)?;
            let Some(decoded) = segment::decode(&line) else {
                if !line.is_empty() {
                    tracing::error!(
                        segment = open.first.0,
                        after = self.next.0,
                        "a record of the feed is damaged"
                    );
                    self.damaged = true;
                    continue;
                }
                // The end of a closed segment; where the next one begins, numbers may have been left out.
                let ended = open.first;
                let segments = segment::list(&self.dir)?;
                let Some((first, _)) = segments.into_iter().find(|(first, _)| *first > ended) else { break };
                if !self.damaged {
                    self.next = self.next.max(first);
                }
                self.open = None;
                passed = Some(first);
                continue;
            };
            let (position, json) = (decoded.position, decoded.json.to_owned());
            if position >= self.next {
                if std::mem::take(&mut self.damaged) && position > self.next {
                    entries.push(self.gap_before(position));
                }
                bytes += line.len();
                entries.push(Entry { position, json });
                self.next = position.next();
            }
        }
        Ok(entries)
    }

    fn gap_before(&mut self, oldest: Position) -> Entry {
        let (from, to) = (self.next, Position(oldest.0 - 1));
        let lost = oldest.0 - from.0;
        let record =
            Record { position: to, ts: Timestamp::from_micros(0), body: RecordBody::Gap { from, to, lost } };
        self.next = oldest;
        Entry { position: to, json: serde_json::to_string(&record).unwrap_or_default() }
    }
}
