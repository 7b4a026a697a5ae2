//! The live frames of `GET /api/v2/events`: numbered, kept for a while, handed to every subscriber.
//!
//! Invariant: a frame is written as JSON once; numbers grow by one within an epoch, and an epoch is one run of the rig, so that a
//! client that comes back with the id of another run is told of the gap. What a slow subscriber misses is counted to it.
//! Deliberately absent: who may see what; every subscriber filters for itself.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use rebuffer_api::Frame;
use rebuffer_model::PlayerId;
use tokio::sync::broadcast;

use crate::clock;
use crate::sessions::Player;

const KEPT_FRAMES: usize = 10_000;
/// Whatever frames weigh, no more of them is kept.
const KEPT_BYTES: usize = 16 << 20;
const SUBSCRIBER_QUEUE: usize = 1_024;

/// A frame as it goes out.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// The frame's, or of one that is not kept the next that will be.
    pub(crate) number: u64,
    pub(crate) kept: bool,
    pub(crate) name: &'static str,
    pub(crate) player_id: Option<PlayerId>,
    pub(crate) json: Arc<str>,
}

/// The frames of this run.
#[derive(Debug)]
pub(crate) struct Events {
    /// This run, as a number nobody else has.
    pub(crate) epoch: i64,
    kept: Mutex<Kept>,
    live: broadcast::Sender<Sent>,
}

/// What a subscriber starts with.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) backlog: Vec<Sent>,
    /// Frames that are no longer kept; `None` when that cannot be known.
    pub(crate) missed: Option<u64>,
    pub(crate) live: broadcast::Receiver<Sent>,
    pub(crate) next: u64,
}

#[derive(Debug, Default)]
struct Kept {
    frames: VecDeque<Sent>,
    bytes: usize,
    last: u64,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            epoch: clock::now().as_millis(),
            kept: Mutex::default(),
            live: broadcast::Sender::new(SUBSCRIBER_QUEUE),
        }
    }

    pub(crate) fn publish(&self, frame: &Frame) {
        let json = match serde_json::to_string(frame) {
            Ok(json) => json,
            Err(error) => {
                tracing::error!(%error, frame = frame.name(), "a frame cannot be written as JSON");
                return;
            }
        };
        let mut kept = self.kept.lock();
        kept.last += 1;
        let sent = Sent {
            number: kept.last,
            kept: true,
            name: frame.name(),
            player_id: frame.player_id(),
            json: json.into(),
        };
        kept.bytes += sent.json.len();
        kept.frames.push_back(sent.clone());
        while kept.frames.len() > KEPT_FRAMES || kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.frames.pop_front() else { break };
            kept.bytes -= oldest.json.len();
        }
        // Sent under the lock, so that subscribers see the order of the numbers. Nobody listening is no error.
        let _listeners = self.live.send(sent);
    }

    /// Hands a frame to whoever listens now. It has no number of its own and is not kept: whoever comes later has no use for it.
    pub(crate) fn pass(&self, frame: &Frame) {
        if self.live.receiver_count() == 0 {
            return;
        }
        match serde_json::to_string(frame) {
            Ok(json) => {
                let kept = self.kept.lock();
                let sent = Sent {
                    number: kept.last + 1,
                    kept: false,
                    name: frame.name(),
                    player_id: frame.player_id(),
                    json: json.into(),
                };
                let _listeners = self.live.send(sent);
            }
            Err(error) => tracing::error!(%error, frame = frame.name(), "a frame cannot be written as JSON"),
        }
    }

    pub(crate) fn player_updated(&self, player: &Player) {
        self.publish(&Frame::PlayerUpdated(Box::new(player.record())));
    }

    /// Joins, after the frame `epoch-number` if that is where the client was.
    pub(crate) fn subscribe(&self, last_seen: Option<(i64, u64)>) -> Subscription {
        let kept = self.kept.lock();
        let live = self.live.subscribe();
        let next = kept.last + 1;
        let oldest = kept.frames.front().map_or(next, |frame| frame.number);
        let (after, missed) = match last_seen {
            None => (kept.last, Some(0)),
            Some((epoch, _)) if epoch != self.epoch => (oldest - 1, None),
            Some((_, number)) => (number.min(kept.last), Some(oldest.saturating_sub(number + 1))),
        };
        let backlog = kept.frames.iter().filter(|frame| frame.number > after).cloned().collect();
        Subscription { backlog, missed, live, next }
    }
}

#[cfg(test)]
mod tests {
    use rebuffer_api::PlayerDeleted;

    use super::*;

    fn frame(name: &str) -> Frame {
        Frame::PlayerDeleted(PlayerDeleted { player_id: PlayerId::canonical(name).unwrap() })
    }

    #[test]
    fn a_client_that_comes_back_gets_what_it_missed_and_nothing_twice() {
        let events = Events::new();
        for name in ["a", "b", "c"] {
            events.publish(&frame(name));
        }
        let numbers = |s: &Subscription| s.backlog.iter().map(|f| f.number).collect::<Vec<_>>();
        assert_eq!(numbers(&events.subscribe(None)), [0_u64; 0]);
        let resumed = events.subscribe(Some((events.epoch, 1)));
        assert_eq!((numbers(&resumed), resumed.missed), (vec![2, 3], Some(0)));
        let from_another_run = events.subscribe(Some((events.epoch - 1, 900)));
        assert_eq!((numbers(&from_another_run), from_another_run.missed), (vec![1, 2, 3], None));
    }

    #[test]
    fn a_passing_frame_is_heard_by_those_who_listen_and_by_nobody_later() {
        let events = Events::new();
        events.pass(&frame("a"));
        let mut early = events.subscribe(None);
        events.pass(&frame("b"));
        events.publish(&frame("c"));
        let heard = [early.live.try_recv().unwrap(), early.live.try_recv().unwrap()];
        assert_eq!(heard.map(|sent| (sent.number, sent.kept)), [(1, false), (1, true)]);
        assert_eq!(events.subscribe(Some((events.epoch, 0))).backlog.len(), 1);
    }

    #[test]
    fn what_is_no_longer_kept_is_counted() {
        let events = Events::new();
        for _ in 0..=KEPT_FRAMES {
            events.publish(&frame("a"));
        }
        assert_eq!(events.subscribe(Some((events.epoch, 0))).missed, Some(1));
    }
}
