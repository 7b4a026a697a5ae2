//! Follows the proxy's feed: connects, reads, labels, hands over; and again from the last position when it breaks.
//!
//! Invariant: records are handed over in the order of their positions, each once. What the labels need to know of the time
//! before is read again from the feed and only remembered. A full ledger is waited for with the connection open, so that the
//! feed keeps what is not read.

mod connection;
mod events;

use std::time::Duration;

use rebuffer_labels::Memory;
use rebuffer_model::{Position, Record, RecordBody, Timestamp};

use crate::clock;
use crate::core::Shared;
use crate::row::Row;
use crate::status::Part;
use crate::tasks::Backoff;
pub(crate) use connection::newest;
use connection::{Connection, Frame, Trouble};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// So many records before the first new one are read for the labels' sake.
const LOOK_BACK: u64 = 10_000;

/// Follows for ever, from behind `resume`.
pub(crate) async fn run(core: Shared, resume: Position) {
    let mut reader = Reader {
        memory: Memory::default(),
        heard: Position(resume.0.saturating_sub(LOOK_BACK)),
        resume,
        core,
    };
    let mut pause = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let trouble = match reader.follow(&mut pause).await {
            Ok(never) => match never {},
            Err(trouble) => trouble,
        };
        reader.core.metrics.reconnects.inc();
        reader.core.trouble(Part::Feed, &trouble.to_string());
        pause.wait().await;
    }
}

struct Reader {
    core: Shared,
    memory: Memory,
    /// The last position that was heard of.
    heard: Position,
    /// Up to here records are only remembered.
    resume: Position,
}

impl Reader {
    async fn follow(&mut self, pause: &mut Backoff) -> Result<std::convert::Infallible, Trouble> {
        let mut connection = Connection::open(&self.core.config.proxy_url, self.heard).await?;
        loop {
            match connection.next().await? {
                Frame::Meta(meta) => {
                    if meta.newest < self.heard {
                        tracing::warn!(newest = %meta.newest, heard = %self.heard, "the feed ends before what was archived of it: is it another feed of the same name?");
                    }
                    self.core.monitor.feed_holds(meta.oldest, meta.newest);
                    self.core.well(Part::Feed);
                    pause.reset();
                }
                Frame::Record { record, bytes } => self.take(*record, bytes).await,
                Frame::Unreadable { position, ts, error } => {
                    tracing::error!(%position, %error, "a record of the feed cannot be read");
                    self.core.metrics.records_unreadable.inc();
                    let body = RecordBody::Gap { from: position, to: position, lost: 1 };
                    self.take(Record { position, ts, body }, 0).await;
                }
            }
        }
    }

    async fn take(&mut self, mut record: Record, bytes: usize) {
        if let RecordBody::Gap { to, .. } = record.body {
            // What is missing ends there, wherever the note of it stands; a note that was made for us is of now.
            record.position = record.position.max(to);
            if record.ts == Timestamp::from_micros(0) {
                record.ts = clock::now();
            }
        }
        if record.position <= self.heard {
            return;
        }
        self.heard = record.position;
        let labels = self.memory.label(&record);
        if record.position <= self.resume {
            return;
        }
        if let RecordBody::Gap { lost, from, to } = record.body {
            tracing::warn!(%from, %to, lost, "the feed lost records");
            self.core.metrics.records_lost.inc_by(lost);
        }
        self.core.ledger.room().await;
        let row = Row::new(&self.core.config.source, &record, &labels);
        let missed = self.core.ledger.push(row, bytes);
        self.core.metrics.subscriber_rows_lost.inc_by(missed);
    }
}
