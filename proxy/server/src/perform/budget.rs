//! How much of playlists may be held and worked on at once, by all players of the rig together.
//!
//! Invariant: short playlists need nothing of this. Of long ones at most [`HELD_BYTES`] are held, from their first byte read to the
//! last one sent, and at most [`AT_ONCE`] are unpacked, read and edited at a time. Who finds too many held does not wait, so no
//! slow origin or client keeps others waiting. Deliberately absent: how long one playlist may be (see the media room).

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A playlist of more bytes is a long one.
pub(super) const LONG: usize = 256 << 10;
/// How many bytes of long playlists are held.
const HELD_BYTES: usize = 256 << 20;
/// How many long playlists are worked on.
const AT_ONCE: usize = 4;
/// What is counted at a time.
const UNIT: usize = 64 << 10;

/// The bounds, and how far they are used.
#[derive(Debug)]
pub(crate) struct PlaylistBudget {
    held: Arc<Semaphore>,
    work: Arc<Semaphore>,
}

/// Room for the bytes of one body; free again when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Room(Option<OwnedSemaphorePermit>);

/// What one playlist takes of the budget: nothing, if it is a short one.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// Whoever works on a long one has a turn, and so does what goes on working when a client has left.
    turn: Option<Arc<OwnedSemaphorePermit>>,
    room: Room,
}

/// All the room is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rig holds {} MiB of long playlists already, which is all it may", HELD_BYTES >> 20)]
pub(super) struct Full;

impl PlaylistBudget {
    pub(crate) fn new() -> Self {
        Self::of(HELD_BYTES, AT_ONCE)
    }

    fn of(held_bytes: usize, at_once: usize) -> Self {
        Self { held: Arc::new(Semaphore::new(held_bytes / UNIT)), work: Arc::new(Semaphore::new(at_once)) }
    }

    /// Makes room for a body that is so long by now.
    pub(super) fn grow(&self, room: &mut Room, bytes: usize) -> Result<(), Full> {
        let has = room.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needs = if bytes > LONG { bytes.div_ceil(UNIT) } else { 0 };
        let Some(more @ 1..) = needs.checked_sub(has) else { return Ok(()) };
        let more = u32::try_from(more).map_err(|_too_many| Full)?;
        let more = Arc::clone(&self.held).try_acquire_many_owned(more).map_err(|_taken| Full)?;
        match &mut room.0 {
            Some(room) => room.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    /// Waits for a turn to work on a long playlist. Who has one waits for nobody outside, but for names of hosts, which has a limit.
    pub(super) async fn turn(&self) -> Share {
        // It is never closed.
        let turn = Arc::clone(&self.work).acquire_owned().await.ok();
        Share { turn: turn.map(Arc::new), room: Room::default() }
    }

    /// Makes room for the text of a playlist.
    pub(super) fn unpacked(&self, share: &mut Share, bytes: usize) -> Result<(), Full> {
        self.grow(&mut share.room, bytes)
    }
}

impl Room {
    /// The body, which takes its room for as long as any part of it is there.
    pub(super) fn hold(self, body: Bytes) -> Bytes {
        match self.0 {
            Some(permit) => Bytes::from_owner(Held { body, _room: permit }),
            None => body,
        }
    }
}

impl Share {
    /// Does this at once for a short playlist, and for a long one on a thread that no player waits for.
    pub(super) async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let Some(turn) = self.turn.clone() else { return work() };
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        match working.await {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Holds what is sent instead of the text.
    pub(super) fn hold(self, body: Bytes) -> Bytes {
        self.room.hold(body)
    }
}

struct Held {
    body: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_takes_its_room_until_its_last_part_is_gone() {
        let budget = PlaylistBudget::of(2 * LONG, 1);
        let free = || budget.held.available_permits() * UNIT;
        let mut room = Room::default();
        assert_eq!(budget.grow(&mut room, LONG), Ok(()));
        assert_eq!(free(), 2 * LONG, "a short one takes none");
        for bytes in [LONG + 1, LONG + UNIT, LONG + UNIT + 1] {
            assert_eq!(budget.grow(&mut room, bytes), Ok(()));
            assert_eq!(free(), 2 * LONG - bytes.next_multiple_of(UNIT));
        }
        let body = room.hold(Bytes::from(vec![b'x'; LONG + UNIT + 1]));
        let part = body.slice(..1);
        drop(body);
        assert_eq!(budget.grow(&mut Room::default(), LONG + 1), Err(Full));
        drop(part);
        assert_eq!(budget.grow(&mut Room::default(), 2 * LONG), Ok(()));
        assert_eq!(free(), 2 * LONG, "and what was not used is free again");
    }

    #[tokio::test]
    async fn turns_are_taken_one_after_the_other() {
        let budget = PlaylistBudget::of(LONG, 1);
        let mine = budget.turn().await;
        let theirs = budget.turn();
        tokio::pin!(theirs);
        assert!(futures_util::poll!(&mut theirs).is_pending());
        let here = std::thread::current().id();
        let there = mine.work(|| std::thread::current().id()).await;
        assert_ne!(here, there);
        drop(mine);
        assert!(theirs.await.turn.is_some());
        assert_eq!(here, Share::default().work(|| std::thread::current().id()).await);
    }
}
