//! The numbers of one class of the kernel, each by formula from the rate.
//!
//! Invariant: every number that depends on the rate is computed here from that rate, so a change of rate cannot keep
//! a burst or a queue of the old one.
//! Deliberately absent: overhead. The kernel already counts the Ethernet header, which is what "on the wire" means.

use rebuffer_model::BitsPerSec;

use crate::netem::Netem;

/// Bytes of a full packet as the kernel counts it: 1500 and the Ethernet header.
pub const WIRE_FRAME: u32 = 1514;

/// Up to this rate each packet is released on its own; above it the processor would be the limit.
const SINGLE_PACKETS_UP_TO: u32 = 200_000_000 / 8;
const BATCHED_SEGS: u32 = 8;
const QUEUE_MAX: u32 = 2 << 20;
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
    /// Where its packets wait.
    pub leaf: Leaf,
}

/// The queue of a class. Its kind is that of the device's role and never changes while a class lives, because the kernel
/// would throw away what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// Bytes that may wait, in order.
    Fifo(u32),
    /// Packets are delayed, lost and so on while they wait.
    Netem(Netem),
}

impl ClassParams {
    /// A class that holds nothing back: what remains of a cap that was lifted, so that no packet is reordered or lost
    /// by the lifting.
    pub const UNLIMITED: Self = Self::unlimited(Leaf::Fifo(QUEUE_MAX));

    /// A class that holds nothing back, with this queue.
    pub const fn unlimited(leaf: Leaf) -> Self {
        Self { rate: u32::MAX, buffer: TICKS_PER_SECOND, leaf }
    }

    /// The class for a cap of `rate` bytes per second, with a queue of the usual size.
    pub fn capped(rate: u32) -> Self {
        Self::capped_with(rate, Leaf::Fifo(queue(rate)))
    }

    /// The class for a cap of `rate` bytes per second, with this queue.
    ///
    /// The burst covers 5 ms, since credit beyond it is lost whenever the kernel's timer is late.
    pub fn capped_with(rate: u32, leaf: Leaf) -> Self {
        let burst = (rate / 200).clamp(2 * WIRE_FRAME, 512 << 10);
        Self { rate, buffer: ticks(burst, rate), leaf }
    }

    /// Whether what was read back is what was wanted. A seed that was left to the kernel may be any.
    pub fn carries(&self, wanted: &Self) -> bool {
        let unseeded = |params: &Self| match params.leaf {
            Leaf::Netem(netem) => Self { leaf: Leaf::Netem(Netem { seed: None, ..netem }), ..*params },
            Leaf::Fifo(_) => *params,
        };
        let chosen = matches!(wanted.leaf, Leaf::Netem(Netem { seed: None, .. }));
        self == wanted || (chosen && unseeded(self) == *wanted)
    }

    /// The cap this class enforces; none when it holds nothing back.
    pub fn cap(&self) -> Option<BitsPerSec> {
        (self.rate != u32::MAX).then(|| BitsPerSec(u64::from(self.rate) * 8))
    }
}

/// Bytes that may wait at `rate` bytes per second: 100 ms, and never less than eight packets, below which TCP cannot keep
/// the link busy.
pub fn queue(rate: u32) -> u32 {
    (rate / 10).clamp(8 * WIRE_FRAME, QUEUE_MAX)
}

/// The time `bytes` take at `rate` bytes per second, in the scheduler's ticks: the kernel takes a burst in no other
/// unit.
pub fn ticks(bytes: u32, rate: u32) -> u32 {
    let nanos = u64::from(bytes) * NANOS / u64::from(rate.max(1));
    u32::try_from(nanos >> TICK_SHIFT).unwrap_or(u32::MAX)
}

/// How many segments a device may be handed as one, where the slowest cap is this; packets that are lost or delayed one by
/// one need a `lone` packet each.
///
/// The kernel releases what it was handed in one piece, so with offload a slow class sends lumps of 64 KiB, and one loss
/// takes dozens of packets. A fast neighbour may cost processor time, but not another link's evenness.
pub fn gso_segs(slowest: Option<u32>, lone: bool) -> Option<u32> {
    match slowest {
        _ if lone => Some(1),
        Some(rate) if rate <= SINGLE_PACKETS_UP_TO => Some(1),
        Some(_) => Some(BATCHED_SEGS),
        None => None,
    }
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
            let leaf = Leaf::Fifo(leaf_limit);
            assert_eq!(ClassParams::capped(rate), ClassParams { rate, buffer, leaf }, "{mbps} Mbit/s");
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
    fn the_slowest_cap_and_lone_packets_decide_how_a_device_batches() {
        assert_eq!(gso_segs(None, false), None);
        assert_eq!(gso_segs(Some(125_000_000), false), Some(8));
        assert_eq!(gso_segs(Some(125_000), false), Some(1));
        assert_eq!((gso_segs(None, true), gso_segs(Some(125_000_000), true)), (Some(1), Some(1)));
    }
}
