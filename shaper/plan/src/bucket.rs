//! A token bucket for links that the kernel may not shape.
//!
//! Invariant: what is granted over a time never exceeds that time at the paced rate plus the depth, about 25 ms.
//! Credit is never negative, so a change of rate acts on the next grant; it is counted exactly, so no rate drifts.
//! Deliberately absent: waiting and the clock; the caller says how late it is.

use std::time::Duration;

use rebuffer_model::BitsPerSec;

/// The share of a cap that is given to body bytes, in thousandths. A cap counts the wire, of which a bucket sees nothing:
/// the rest stands for the heads of answers and for packet headers in part (all of them would be 4.4 %).
pub const PACED_SHARE_PERMILLE: u64 = 980;

const NANOS: u128 = 1_000_000_000;
/// Time that one grant takes, and time that may be made up for after a late timer.
const BLOCK_MS: u64 = 10;
const CATCH_UP_MS: u64 = 15;
const BLOCK_MIN: u64 = 512;
/// When to ask again while nothing passes; a change wakes whoever waits.
const NEVER: Duration = Duration::from_secs(3600);
const BLOCK_MAX: u64 = 64 << 10;

/// A bucket of bytes.
#[derive(Debug, Clone, Default)]
pub struct Bucket {
    /// Bytes per second; none is unlimited.
    rate: Option<u64>,
    /// In 10^-9 bytes.
    credit: u128,
    at: Duration,
}

/// The answer of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// So many bytes may go.
    Now(usize),
    /// Nothing yet; ask again then.
    At(Duration),
}

impl Bucket {
    /// Lets bytes pass for a cap of `cap` from `now` on; none is unlimited, and 0 lets nothing pass.
    pub fn set(&mut self, cap: Option<BitsPerSec>, now: Duration) {
        self.settle(now);
        self.rate = cap.map(|cap| (cap.0 * PACED_SHARE_PERMILLE).div_ceil(8000));
        self.credit = self.rate.map_or(0, |rate| self.credit.min(depth(rate)));
    }

    /// Asks for up to `max` bytes.
    pub fn take(&mut self, max: usize, now: Duration) -> Grant {
        self.settle(now);
        let rate = match self.rate {
            None => return Grant::Now(max),
            Some(0) => return Grant::At(now + NEVER),
            Some(rate) => rate,
        };
        let bytes = u64::try_from(max).unwrap_or(u64::MAX).min(block(rate));
        let cost = u128::from(bytes) * NANOS;
        match self.credit.checked_sub(cost) {
            Some(rest) => {
                self.credit = rest;
                Grant::Now(usize::try_from(bytes).unwrap_or(max))
            }
            None => {
                let missing = (cost - self.credit).div_ceil(u128::from(rate));
                Grant::At(now + Duration::from_nanos(u64::try_from(missing).unwrap_or(u64::MAX)))
            }
        }
    }

    fn settle(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.at).as_nanos();
        self.at = self.at.max(now);
        if let Some(rate) = self.rate {
            self.credit = (self.credit + elapsed * u128::from(rate)).min(depth(rate));
        }
    }
}

/// What one grant holds at most.
fn block(rate: u64) -> u64 {
    (rate * BLOCK_MS / 1000).clamp(BLOCK_MIN, BLOCK_MAX)
}

fn depth(rate: u64) -> u128 {
    u128::from(block(rate) + rate * CATCH_UP_MS / 1000) * NANOS
}

#[cfg(test)]
mod tests {
    use super::*;

    const MBIT: u64 = 1_000_000;

    /// Bytes granted from `from` to `until` to somebody who always wants more.
    fn drain(bucket: &mut Bucket, from: Duration, until: Duration) -> usize {
        let (mut now, mut bytes) = (from, 0);
        while now < until {
            match bucket.take(usize::MAX, now) {
                Grant::Now(granted) => bytes += granted,
                Grant::At(then) => {
                    assert!(then > now, "a bucket that says `now` forever");
                    now = then;
                }
            }
        }
        bytes
    }

    #[test]
    fn ten_seconds_are_exact_within_one_block() {
        for mbit in [1, 5, 20, 1000] {
            let mut bucket = Bucket::default();
            bucket.set(Some(BitsPerSec(mbit * MBIT)), Duration::ZERO);
            let bytes = drain(&mut bucket, Duration::ZERO, Duration::from_secs(10)) as u64;
            let want = mbit * MBIT / 8 * 10 * PACED_SHARE_PERMILLE / 1000;
            assert!(bytes <= want && want - bytes <= block(want / 10), "{mbit} Mbit/s: {bytes} of {want}");
        }
    }

    #[test]
    fn unlimited_grants_what_is_asked() {
        assert_eq!(Bucket::default().take(usize::MAX, Duration::ZERO), Grant::Now(usize::MAX));
    }

    #[test]
    fn a_pause_is_made_up_for_by_no_more_than_the_depth() {
        let mut bucket = Bucket::default();
        bucket.set(Some(BitsPerSec(20 * MBIT)), Duration::ZERO);
        let hour = Duration::from_secs(3600);
        let bytes = drain(&mut bucket, hour, hour + Duration::from_nanos(1)) as u64;
        assert!(bytes <= 20 * MBIT / 8 / 40, "{bytes} at once");
    }

    #[test]
    fn a_change_acts_on_the_next_grant_and_carries_no_credit_of_the_old_rate() {
        let mut bucket = Bucket::default();
        bucket.set(Some(BitsPerSec(100 * MBIT)), Duration::ZERO);
        let second = Duration::from_secs(1);
        bucket.set(Some(BitsPerSec(MBIT)), second);
        let bytes = drain(&mut bucket, second, second * 2) as u64;
        let want = MBIT / 8 * PACED_SHARE_PERMILLE / 1000;
        assert!((want..=want * 103 / 100).contains(&bytes), "{bytes} of {want}");
    }

    #[test]
    fn a_stall_grants_nothing_and_leaves_no_credit() {
        let mut bucket = Bucket::default();
        bucket.set(Some(BitsPerSec(0)), Duration::ZERO);
        let hour = Duration::from_secs(3600);
        assert_eq!(bucket.take(1, hour), Grant::At(hour * 2));
        bucket.set(Some(BitsPerSec(MBIT)), hour);
        assert!(matches!(bucket.take(4096, hour), Grant::At(_)));
    }

    #[test]
    fn small_wishes_are_granted_as_small() {
        let mut bucket = Bucket::default();
        bucket.set(Some(BitsPerSec(MBIT)), Duration::ZERO);
        assert_eq!(bucket.take(100, Duration::from_secs(1)), Grant::Now(100));
        let Grant::Now(block) = bucket.take(1 << 20, Duration::from_secs(1)) else {
            panic!("nothing granted")
        };
        assert!(block <= 4096, "{block} at 1 Mbit/s is a lump");
    }
}
