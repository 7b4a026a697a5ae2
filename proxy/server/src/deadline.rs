//! How long one transfer may take, and the cut when it takes longer.
//!
//! Invariant: a limit is looked at often enough that the cut comes less than a tenth of it too late, and never too early. What
//! counts as a byte to the client is one that it acknowledged, so a slow link is no idle one; a write that is blocked is cut
//! all the same, because the lane comes down beneath it. Deliberately absent: what is said of it (see `record.rs`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use rebuffer_model::{RequestKind, TransferTimeouts};
use tokio::time::Instant;

use crate::connection::Connection;
use crate::lane::{FarLane, Lane};

/// Looks within the shortest limit.
const LOOKS: u32 = 32;
const OFTEN: Duration = Duration::from_millis(2);
const SELDOM: Duration = Duration::from_millis(250);

/// The limits of one transfer.
#[derive(Debug)]
pub(crate) struct Deadlines {
    limits: Limits,
    began: Instant,
    /// Bytes of body the stream took.
    given: AtomicU64,
    beside_others: Mutex<BesideOthers>,
    /// Whether all that was to be sent was handed over, or is not sent any more.
    over: AtomicBool,
    passed: OnceLock<Passed>,
}

/// How far a stream is on a connection where others write too: what it took itself, and of the acknowledgements those up to what
/// had been written when it last took something. Later ones may be of others alone.
#[derive(Debug, Default)]
struct BesideOthers {
    given: u64,
    mark: u64,
}

/// Which limit was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// The whole took too long.
    Active,
    /// The client took nothing for too long.
    Idle,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    active: Option<Duration>,
    idle: Option<Duration>,
}

/// What a look at a transfer shows.
enum Progress {
    /// So much was taken.
    Taken(u64),
    /// It is over.
    Over,
}

impl Passed {
    /// The name of what happened, as in a record.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "transfer_active_timeout",
            Self::Idle => "transfer_idle_timeout",
        }
    }
}

impl Deadlines {
    /// The limits of a request of this kind that began so long ago; `None` when there are none.
    pub(crate) fn of(timeouts: &TransferTimeouts, kind: RequestKind, age: Duration) -> Option<Arc<Self>> {
        let limit = |seconds: f64| (seconds > 0.0).then(|| Duration::from_secs_f64(seconds));
        let limits = Limits {
            active: limit(timeouts.active_timeout_seconds),
            idle: limit(timeouts.idle_timeout_seconds),
        };
        let none = limits.active.is_none() && limits.idle.is_none();
        if none || !timeouts.apply_to(kind) {
            return None;
        }
        let now = Instant::now();
        Some(Arc::new(Self {
            limits,
            began: now.checked_sub(age).unwrap_or(now),
            given: AtomicU64::new(0),
            beside_others: Mutex::default(),
            over: AtomicBool::new(false),
            passed: OnceLock::new(),
        }))
    }

    /// When the head has to be there.
    pub(crate) fn active_until(&self) -> Option<Instant> {
        self.limits.active.map(|active| self.began + active)
    }

    pub(crate) fn gave(&self, bytes: usize) {
        self.given.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Nothing more is handed over.
    pub(crate) fn over(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(crate) fn pass(&self, which: Passed) {
        let _first = self.passed.set(which);
    }

    /// Which limit was passed, if any.
    pub(crate) fn passed(&self) -> Option<Passed> {
        self.passed.get().copied()
    }

    /// Watches a transfer whose head goes out now, to its end, and cuts it when a limit is passed.
    pub(crate) async fn watch(self: Arc<Self>, lane: FarLane) {
        let own = lane.near().map(|lane| lane.connection().exchanges());
        let passed = watched(self.limits, self.began, || {
            let progress = lane.near().zip(own).map(|(lane, own)| self.progress(&lane, own));
            progress.unwrap_or(Progress::Over)
        });
        let Some(which) = passed.await else { return };
        self.pass(which);
        if let Some(lane) = lane.near() {
            if self.over.load(Ordering::Acquire) && !lane.is_stream() {
                // The kernel has the rest and would go on delivering it.
                let _best_effort = lane.connection().reset_on_close();
            }
            lane.cut();
        }
    }

    fn progress(&self, lane: &Lane, own: u64) -> Progress {
        let connection: &Connection = lane.connection();
        let handed_over = self.over.load(Ordering::Acquire);
        if handed_over && (lane.is_stream() || connection.exchanges() > own) {
            return Progress::Over;
        }
        let written = connection.written();
        let Some(outstanding) = connection.outstanding() else { return Progress::Over };
        if handed_over && outstanding.none {
            return Progress::Over;
        }
        let acked = outstanding.snapshot.bytes_acked;
        Progress::Taken(if lane.is_stream() {
            self.beside_others.lock().taken(self.given.load(Ordering::Relaxed), written, acked)
        } else {
            acked
        })
    }
}

impl BesideOthers {
    fn taken(&mut self, given: u64, written: u64, acked: u64) -> u64 {
        if given != self.given {
            (self.given, self.mark) = (given, written);
        }
        given + acked.min(self.mark)
    }
}

/// Looks at a transfer until it is over or a limit is passed.
async fn watched(limits: Limits, began: Instant, look: impl Fn() -> Progress) -> Option<Passed> {
    let shortest = limits.active.into_iter().chain(limits.idle).min()?;
    let mut looks = tokio::time::interval((shortest / LOOKS).clamp(OFTEN, SELDOM));
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = (0, Instant::now());
    loop {
        looks.tick().await;
        let now = Instant::now();
        match look() {
            Progress::Over => return None,
            Progress::Taken(taken) if taken != last.0 => last = (taken, now),
            Progress::Taken(_) => {}
        }
        if limits.active.is_some_and(|active| now >= began + active) {
            return Some(Passed::Active);
        }
        if limits.idle.is_some_and(|idle| now >= last.1 + idle) {
            return Some(Passed::Idle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn limits(active: Option<u64>, idle: Option<u64>) -> Limits {
        const fn of(ms: Option<u64>) -> Option<Duration> {
            match ms {
                Some(ms) => Some(Duration::from_millis(ms)),
                None => None,
            }
        }
        Limits { active: of(active), idle: of(idle) }
    }

    /// When a transfer is cut that takes bytes until `stops` and is over at `ends`, ms.
    async fn cut(limits: Limits, stops: u64, ends: u64) -> Option<(Passed, u128)> {
        let began = Instant::now();
        let look = || {
            let ms = u64::try_from(began.elapsed().as_millis()).expect("short");
            if ms >= ends { Progress::Over } else { Progress::Taken(ms.min(stops)) }
        };
        let passed = watched(limits, began, look).await;
        passed.map(|which| (which, began.elapsed().as_millis()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_comes_within_a_tenth_of_its_limit_and_never_before() {
        for limit in [50, 400, 2_000, 20_000] {
            let (which, at) = cut(limits(Some(limit), None), u64::MAX, u64::MAX).await.expect("a cut");
            assert_eq!(which, Passed::Active);
            let band = u128::from(limit)..u128::from(limit + limit / 10);
            assert!(band.contains(&at), "active {limit}: {at}");
            let stops = 3 * limit;
            let (which, at) = cut(limits(None, Some(limit)), stops, u64::MAX).await.expect("a cut");
            assert_eq!(which, Passed::Idle);
            let silent = at - u128::from(stops);
            assert!(band.contains(&silent), "idle {limit}: {silent}");
        }
    }

    #[test]
    fn a_stream_goes_on_with_its_own_bytes_and_not_with_those_of_others() {
        let mut stream = BesideOthers::default();
        let begun = stream.taken(1_000, 5_000, 2_000);
        let slowly = stream.taken(1_000, 5_000, 4_000);
        assert!(slowly > begun, "its bytes are still on a slow link");
        let arrived = stream.taken(1_000, 9_000, 5_500);
        assert_eq!(stream.taken(1_000, 20_000, 19_000), arrived, "others alone go on");
        assert!(stream.taken(1_001, 20_000, 19_000) > arrived);
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_ends_in_time_is_left_alone() {
        assert_eq!(cut(limits(Some(500), Some(300)), 400, 450).await, None);
        assert_eq!(cut(limits(None, Some(300)), 9_000, 9_100).await, None);
    }
}
