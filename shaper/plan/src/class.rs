//! The numbers of one class of the kernel, each by formula from the rate.
//!
//! Invariant: every number that depends on the rate is computed here from that rate, so a change of rate cannot keep
//! a burst or a queue of the old one.
//! Deliberately absent: overhead. The kernel already counts the Ethernet header, which is what "on the wire" means.

use rebuffer_model::BitsPerSec;

/// Bytes of a full packet as the kernel counts it: 1500 and the Ethernet header.
pub const WIRE_FRAME: u32 = 1514;

/// Up to this rate each packet is released on its own; above it the processor would be the limit.
const SINGLE_PACKETS_UP_TO: u32 = 200_000_000 / 8;
const BATCHED_SEGS: u32 = 8;
const NANOS: u64 = 1_000_000_000;
/// The scheduler's tick is 64 ns.
const TICK_SHIFT: u32 = 6;
const TICKS_PER_SECOND: u32 = 15_625_000;

/// One class: its rate, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassParams {
    /// Bytes per second on the wire.
    pub rate: u32,
    /// How much may leave at once after a pause, as the time it takes at this rate, in scheduler ticks.
    pub buffer: u32,
    /// Bytes that may wait in the class.
    pub leaf_limit: u32,
}

impl ClassParams {
    /// A class that holds nothing back: what remains of a cap that was lifted, so that no packet is reordered or lost
    /// by the lifting.
    pub const UNLIMITED: Self = Self { rate: u32::MAX, buffer: TICKS_PER_SECOND, leaf_limit: 2 << 20 };

    /// The class for a cap of `rate` bytes per second.
    ///
    /// The burst covers 5 ms, since credit beyond it is lost whenever the kernel's timer is late. The queue holds
    /// 100 ms, and never less than eight packets, below which TCP cannot keep the link busy.
    pub fn capped(rate: u32) -> Self {
        let burst = (rate / 200).clamp(2 * WIRE_FRAME, 512 << 10);
        let leaf_limit = (rate / 10).clamp(8 * WIRE_FRAME, 2 << 20);
        Self { rate, buffer: ticks(burst, rate), leaf_limit }
    }

    /// The cap this class enforces; none when it holds nothing back.
    pub fn cap(&self) -> Option<BitsPerSec> {
        (self.rate != u32::MAX).then(|| BitsPerSec(u64::from(self.rate) * 8))
    }
}

/// The time `bytes` take at `rate` bytes per second, in the scheduler's ticks: the kernel takes a burst in no other
/// unit.
pub fn ticks(bytes: u32, rate: u32) -> u32 {
    let nanos = u64::from(bytes) * NANOS / u64::from(rate.max(1));
    u32::try_from(nanos >> TICK_SHIFT).unwrap_or(u32::MAX)
}

/// How many segments a device may be handed as one, for these classes; none if it may be left as it is.
///
/// The kernel releases what it was handed in one piece, so with offload a slow class sends lumps of 64 KiB. The slowest
/// cap decides: a fast neighbour may cost processor time, but not another link's evenness.
pub fn gso_segs<'c>(classes: impl IntoIterator<Item = &'c ClassParams>) -> Option<u32> {
    let slowest = classes.into_iter().filter(|class| class.cap().is_some()).map(|class| class.rate).min()?;
    Some(if slowest <= SINGLE_PACKETS_UP_TO { 1 } else { BATCHED_SEGS })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rate in Mbit/s, burst in bytes, ticks, leaf in bytes
    const KNOWN: &[(f64, u32, u32, u32)] = &[
        (0.05, 3028, 7_570_000, 12_112),
        (1.0, 3028, 378_500, 12_500),
        (5.0, 3125, 78_125, 62_500),
        (20.0, 12_500, 78_125, 250_000),
        (200.0, 125_000, 78_125, 2 << 20),
        (10_000.0, 512 << 10, 6_553, 2 << 20),
    ];

    #[test]
    fn burst_and_queue_follow_the_rate_within_their_bounds() {
        for &(mbps, burst, buffer, leaf_limit) in KNOWN {
            let rate = u32::try_from(rebuffer_model::Mbps::new(mbps).unwrap().bits_per_sec().0 / 8).unwrap();
            assert_eq!(ClassParams::capped(rate), ClassParams { rate, buffer, leaf_limit }, "{mbps} Mbit/s");
            assert_eq!(ticks(burst, rate), buffer, "{mbps} Mbit/s");
        }
    }

    #[test]
    fn a_burst_too_long_for_the_field_is_the_longest() {
        assert_eq!(ticks(u32::MAX, 0), u32::MAX);
    }

    #[test]
    fn a_lifted_cap_is_no_cap() {
        assert_eq!(ClassParams::UNLIMITED.cap(), None);
        assert_eq!(ClassParams::capped(125_000).cap(), Some(BitsPerSec(1_000_000)));
    }

    #[test]
    fn the_slowest_cap_decides_how_a_device_batches() {
        let [slow, fast, lifted] =
            [ClassParams::capped(125_000), ClassParams::capped(125_000_000), ClassParams::UNLIMITED];
        assert_eq!(gso_segs([]), None);
        assert_eq!(gso_segs([&lifted]), None);
        assert_eq!(gso_segs([&fast, &lifted]), Some(8));
        assert_eq!(gso_segs([&fast, &slow]), Some(1));
    }
}
