//! Live subscribers: each has a bounded queue, and a count of what did not fit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rebuffer_model::Position;
use tokio::sync::mpsc;

use crate::row::{Row, Stream};

/// Rows that may wait for one slow subscriber.
const QUEUE: usize = 4_096;

/// What a subscriber wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) streams: Vec<Stream>,
    pub(crate) player_id: Option<String>,
    pub(crate) play_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) attempt_id: Option<u32>,
}

/// The side that publishes.
#[derive(Debug)]
pub(crate) struct Subscriber {
    interest: Interest,
    rows: mpsc::Sender<Arc<Row>>,
    lost: Arc<AtomicU64>,
}

/// The side that reads.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// Rows that wait for the archive, per stream.
    pub(crate) waiting: [Vec<Arc<Row>>; 3],
    /// Per stream, the archive has everything up to here.
    pub(crate) settled: [Position; 3],
    /// Everything up to here is settled or waiting.
    pub(crate) read: Position,
    /// Everything behind it, as it comes.
    pub(crate) rows: mpsc::Receiver<Arc<Row>>,
    /// Rows that did not fit since this was last set to zero.
    pub(crate) lost: Arc<AtomicU64>,
}

impl Interest {
    pub(crate) fn covers(&self, row: &Row) -> bool {
        let head = row.head();
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        // The end of a session ends the series of its play, so it is always of interest.
        (self.streams.contains(&row.stream()) || row.ends_session())
            && is(&self.player_id, &head.player_id.0)
            && is(&self.play_id, &head.play_id.0)
            && is(&self.session_id, &head.session_id)
            && self.attempt_id.is_none_or(|wanted| wanted == head.attempt_id)
    }
}

impl Subscriber {
    pub(super) fn new(interest: Interest) -> (Self, mpsc::Receiver<Arc<Row>>, Arc<AtomicU64>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        (Self { interest, rows: sender, lost: Arc::clone(&lost) }, receiver, lost)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.rows.is_closed()
    }
}

/// Shows a row to everybody it concerns; returns how many had no room for it.
pub(super) fn publish(subscribers: &mut Vec<Subscriber>, row: &Arc<Row>) -> u64 {
    let mut missed = 0;
    subscribers.retain(|subscriber| {
        if !subscriber.interest.covers(row) {
            return true;
        }
        match subscriber.rows.try_send(Arc::clone(row)) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                subscriber.lost.fetch_add(1, Ordering::Relaxed);
                missed += 1;
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    });
    missed
}
