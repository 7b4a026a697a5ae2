//! The numbers of one netem queue, each by formula from the conditions of a direction.
//!
//! Invariant: every probability is in the kernel's own unit, so that what is read back can be compared bit by bit.
//! Deliberately absent: a correlation between neighbouring packets; bursts are said by the Gilbert-Elliott model alone.

use rebuffer_model::{BitsPerSec, Conditions, Millis, Percent};

use crate::class::WIRE_FRAME;

/// Packets that may be on their way or waiting in a netem queue, at least.
const LIMIT_MIN: u32 = 1_000;
/// And at most: 10 s at 1 Gbit/s would be 830,000.
const LIMIT_MAX: u32 = 1_000_000;
/// The rate that a delay is sized for where no rate is set.
const UNCAPPED: BitsPerSec = BitsPerSec(1_000_000_000);
const NANOS_PER_MS: u64 = 1_000_000;

/// A probability as a share of 2^32, the kernel's unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability(pub u32);

/// One netem queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Netem {
    /// Delay of every packet, ns.
    pub delay_ns: u64,
    /// How far it may differ either way, ns.
    pub jitter_ns: u64,
    /// Whether packets keep their order although their delays differ. The kernel does so for a queue that has a rate, so
    /// this stands for a rate that nothing reaches.
    pub in_order: bool,
    /// Which packets are lost.
    pub loss: Loss,
    /// Packets sent twice.
    pub duplicate: Probability,
    /// Packets that skip the delay.
    pub reorder: Probability,
    /// Packets with one bit flipped.
    pub corrupt: Probability,
    /// Packets that may be in the queue.
    pub limit: u32,
    /// Makes what is random repeatable; none lets the kernel choose.
    pub seed: Option<u64>,
}

/// Which packets are lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with this probability, whatever became of the one before.
    Independent(Probability),
    /// All while in a bad state: the probabilities of a packet to begin one and to end it (Gilbert).
    Bursts {
        /// From good to bad.
        begin: Probability,
        /// From bad to good.
        end: Probability,
    },
}

impl Probability {
    /// All packets.
    pub const ALWAYS: Self = Self(u32::MAX);

    /// The nearest probability to a fraction of 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within 0 and 2^32 - 1; `as` saturates"
    )]
    pub fn of(fraction: f64) -> Self {
        Self((fraction.clamp(0.0, 1.0) * f64::from(u32::MAX)).round() as u32)
    }

    /// The fraction of 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(u32::MAX)
    }

    /// The percentage, to six digits, which is more than the kernel's unit resolves.
    pub fn percent(self) -> Percent {
        Percent::new((self.fraction() * 1e8).round() / 1e6).unwrap_or_default()
    }
}

impl Netem {
    /// The queue for these conditions; none if they need none. What is not netem's (rate, stall) is left alone.
    pub fn of(link: &Conditions, seed: Option<u32>) -> Option<Self> {
        let share = |percent: Option<Percent>| Probability::of(percent.unwrap_or_default().fraction());
        let nanos = |time: Option<Millis>| time.unwrap_or_default().0 * NANOS_PER_MS;
        let netem = Self {
            delay_ns: nanos(link.delay_ms),
            jitter_ns: nanos(link.jitter_ms),
            in_order: nanos(link.jitter_ms) > 0 && link.jitter_reorders != Some(true),
            loss: loss(link),
            duplicate: share(link.duplicate_pct),
            reorder: share(link.reorder_pct),
            corrupt: share(link.corrupt_pct),
            limit: 0,
            seed: None,
        };
        if netem == Self::default() {
            return None;
        }
        let limit = limit(
            link.rate_mbps.map_or(UNCAPPED, |rate| rate.bits_per_sec()),
            netem.delay_ns + netem.jitter_ns,
        );
        Some(Self { limit, seed: seed.map(u64::from), ..netem })
    }

    /// A queue that does nothing but hold up to so many bytes.
    pub fn waiting_room(bytes: u32) -> Self {
        Self { limit: (bytes / WIRE_FRAME).max(2), ..Self::default() }
    }

    /// The conditions that this queue makes.
    pub fn conditions(&self) -> Conditions {
        let share = |p: Probability| (p.0 > 0).then(|| p.percent());
        let millis = |nanos: u64| (nanos > 0).then_some(Millis(nanos / NANOS_PER_MS));
        let (loss_pct, loss_burst_packets) = match self.loss {
            Loss::None => (None, None),
            Loss::Independent(p) => (Some(p.percent()), None),
            Loss::Bursts { begin, end } => {
                let share = begin.fraction() / (begin.fraction() + end.fraction());
                (Some(Probability::of(share).percent()), Some((1e6 / end.fraction()).round() / 1e6))
            }
        };
        Conditions {
            delay_ms: millis(self.delay_ns),
            jitter_ms: millis(self.jitter_ns),
            jitter_reorders: (self.jitter_ns > 0 && !self.in_order).then_some(true),
            loss_pct,
            loss_burst_packets,
            duplicate_pct: share(self.duplicate),
            reorder_pct: share(self.reorder),
            corrupt_pct: share(self.corrupt),
            ..Conditions::default()
        }
    }
}

/// A burst of mean length L ends after each packet with 1/L; it begins so often that the share of lost packets is p.
fn loss(link: &Conditions) -> Loss {
    let share = link.loss_pct.unwrap_or_default().fraction();
    match link.loss_burst_packets {
        _ if share == 0.0 => Loss::None,
        Some(length) if length > 1.0 && share < 1.0 => {
            let end = 1.0 / length;
            Loss::Bursts { begin: Probability::of(end * share / (1.0 - share)), end: Probability::of(end) }
        }
        Some(_) | None => Loss::Independent(Probability::of(share)),
    }
}

/// What is on its way at this rate for this long, twice over for small packets.
fn limit(rate: BitsPerSec, nanos: u64) -> u32 {
    let bytes = u128::from(rate.0 / 8) * u128::from(nanos) / 1_000_000_000;
    let packets = u32::try_from(2 * bytes / u128::from(WIRE_FRAME)).unwrap_or(LIMIT_MAX);
    packets.clamp(LIMIT_MIN, LIMIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn netem(json: &str) -> Option<Netem> {
        Netem::of(&conditions(json), Some(7))
    }

    fn conditions(json: &str) -> Conditions {
        let conditions: Conditions = serde_json::from_str(json).unwrap();
        conditions.check().unwrap();
        conditions
    }

    #[test]
    fn a_rate_or_a_stall_needs_no_netem() {
        for json in ["{}", r#"{"rate_mbps":5,"queue_bytes":50000}"#, r#"{"stall":true}"#, r#"{"loss_pct":0}"#]
        {
            assert_eq!(netem(json), None, "{json}");
        }
    }

    #[test]
    fn what_was_asked_is_read_back() {
        for json in [
            r#"{"delay_ms":100}"#,
            r#"{"delay_ms":100,"jitter_ms":20}"#,
            r#"{"delay_ms":100,"jitter_ms":20,"jitter_reorders":true,"reorder_pct":25}"#,
            r#"{"loss_pct":0.1}"#,
            r#"{"loss_pct":2.5,"loss_burst_packets":8}"#,
            r#"{"loss_pct":100,"duplicate_pct":1,"corrupt_pct":0.01}"#,
        ] {
            assert_eq!(netem(json).unwrap().conditions(), conditions(json), "{json}");
        }
    }

    #[test]
    fn a_burst_model_has_the_share_and_the_length_that_were_asked() {
        let Some(Netem { loss: Loss::Bursts { begin, end }, .. }) =
            netem(r#"{"loss_pct":20,"loss_burst_packets":4}"#)
        else {
            panic!("no bursts")
        };
        assert!(
            (end.fraction() - 0.25).abs() < 1e-9 && (begin.fraction() - 0.0625).abs() < 1e-9,
            "{begin:?} {end:?}"
        );
        let single = netem(r#"{"loss_pct":20,"loss_burst_packets":1}"#).unwrap();
        assert_eq!(single.loss, Loss::Independent(Probability::of(0.2)));
    }

    #[test]
    fn only_jitter_can_put_packets_out_of_order() {
        assert!(!netem(r#"{"delay_ms":10}"#).unwrap().in_order);
        assert!(netem(r#"{"delay_ms":10,"jitter_ms":5}"#).unwrap().in_order);
        assert!(!netem(r#"{"delay_ms":10,"jitter_ms":5,"jitter_reorders":true}"#).unwrap().in_order);
    }

    #[test]
    fn the_queue_holds_what_the_delay_holds_back() {
        let limit = |json| netem(json).unwrap().limit;
        assert_eq!(limit(r#"{"delay_ms":10,"rate_mbps":1}"#), LIMIT_MIN);
        assert_eq!(limit(r#"{"delay_ms":500,"rate_mbps":50}"#), 4_128);
        assert_eq!(limit(r#"{"delay_ms":10000}"#), LIMIT_MAX);
    }
}
