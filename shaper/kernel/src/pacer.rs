//! The pace of one session: who writes to its sockets asks here first.
//!
//! Invariant: all connections of a session share one bucket and are served in the order they asked; a change of rate
//! wakes the one that waits. Unlimited takes no lock.
//! Deliberately absent: writing. A grant that is not used is lost to nobody but the session.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rebuffer_model::BitsPerSec;
use rebuffer_shape::{Bucket, Grant};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The pace of one session.
#[derive(Debug)]
pub struct Pacer {
    unlimited: AtomicBool,
    bucket: Mutex<Bucket>,
    start: Instant,
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
}

impl Pacer {
    pub(crate) fn new() -> Self {
        Self {
            unlimited: AtomicBool::new(true),
            bucket: Mutex::new(Bucket::default()),
            start: Instant::now(),
            turn: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
        }
    }

    /// Waits until bytes may be written, and returns how many: at most `max`, and about 10 ms worth of them, so that
    /// they leave evenly. To drop the future gives up nothing.
    pub async fn take(&self, max: usize) -> usize {
        if max == 0 || self.unlimited.load(Ordering::Acquire) {
            return max;
        }
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.changed.notified();
            let grant = self.bucket.lock().take(max, self.start.elapsed());
            match grant {
                Grant::Now(bytes) => return bytes,
                Grant::At(then) => {
                    tokio::select! {
                        () = sleep_until(self.start + then) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    pub(crate) fn set(&self, cap: Option<BitsPerSec>) {
        self.bucket.lock().set(cap, self.start.elapsed());
        self.unlimited.store(cap.is_none(), Ordering::Release);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rebuffer_shape::PACED_SHARE_PERMILLE;

    use super::*;

    fn pacer(mbit: u64) -> Arc<Pacer> {
        let pacer = Arc::new(Pacer::new());
        pacer.set(Some(BitsPerSec(mbit * 1_000_000)));
        pacer
    }

    async fn drain(pacer: Arc<Pacer>, until: Instant) -> u64 {
        let mut bytes = 0;
        while let Ok(granted) = tokio::time::timeout_at(until, pacer.take(1 << 20)).await {
            bytes += granted as u64;
        }
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn ten_seconds_carry_the_paced_share_of_the_cap() {
        for mbit in [1, 5, 20] {
            let until = Instant::now() + Duration::from_secs(10);
            let bytes = drain(pacer(mbit), until).await;
            let cap = mbit * 1_000_000 / 8 * 10;
            let share = bytes * 1000 / cap;
            assert!((975..=PACED_SHARE_PERMILLE).contains(&share), "{mbit} Mbit/s: {share} per mille");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connections_share_one_pace_fairly() {
        let pacer = pacer(5);
        let until = Instant::now() + Duration::from_secs(10);
        let drains = [0; 4].map(|_| tokio::spawn(drain(pacer.clone(), until)));
        let mut each = Vec::new();
        for drain in drains {
            each.push(drain.await.unwrap());
        }
        let sum: u64 = each.iter().sum();
        let cap = 5_000_000 / 8 * 10;
        assert!((cap * 975 / 1000..=cap).contains(&sum), "{each:?}");
        assert!(each.iter().max().unwrap() - each.iter().min().unwrap() <= sum / 100, "{each:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_wakes_the_one_that_waits() {
        let pacer = Arc::new(Pacer::new());
        pacer.set(Some(BitsPerSec(8)));
        let began = Instant::now();
        let waiting = tokio::spawn({
            let pacer = pacer.clone();
            async move { pacer.take(500).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        pacer.set(None);
        assert_eq!(waiting.await.unwrap(), 500);
        assert_eq!(began.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_gives_up_neither_takes_bytes_nor_blocks_the_next() {
        let pacer = pacer(1);
        let impatient = tokio::time::timeout(Duration::from_millis(1), pacer.take(500)).await;
        assert!(impatient.is_err());
        let began = Instant::now();
        pacer.take(500).await;
        assert!(began.elapsed() <= Duration::from_millis(5), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn unlimited_is_immediate() {
        let pacer = Pacer::new();
        assert_eq!(pacer.take(usize::MAX).await, usize::MAX);
        assert_eq!(pacer.take(0).await, 0);
    }
}
