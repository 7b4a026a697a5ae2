//! A netem queue as bytes.
//!
//! Invariant: everything that the kernel would keep from before is written too, so a queue is as written whatever it was.
//! What is read and cannot be said by [`Netem`] is no queue of ours.
//! Deliberately absent: correlation, distributions, slots and ECN marks, which are written as none.

use rebuffer_shape::{Loss, Netem, Probability};

use super::wire::{Message, attribute, attributes, u32_at, u64_at};

pub(super) const KIND: &str = "netem";

/// Bytes of `struct tc_netem_qopt`: delay in ticks, limit, loss, gap, duplicates, jitter in ticks.
const HEAD: usize = 24;
const CORRELATIONS: u16 = 1;
const REORDER: u16 = 3;
const CORRUPT: u16 = 4;
const LOSS: u16 = 5;
const RATE: u16 = 6;
const ECN: u16 = 7;
const RATE64: u16 = 8;
const DELAY64: u16 = 10;
const JITTER64: u16 = 11;
const SLOTS: u16 = 12;
const SEED: u16 = 14;
const GILBERT_ELLIOTT: u16 = 2;

/// What we never set and the kernel would keep, with its length in bytes.
const NEVER: [(u16, usize); 3] = [(CORRELATIONS, 12), (ECN, 4), (SLOTS, 40)];
/// Bytes per second that nothing reaches: a packet takes a nanosecond. netem keeps the order of packets for a queue that has a
/// rate.
const IN_ORDER: u64 = 1 << 40;
const NANOS_PER_TICK: u64 = 64;

/// The options of a queue. With a seed the sequence of random numbers begins anew; kernels before 6.6 ignore it.
pub(super) fn options(message: Message, netem: &Netem, seed: Option<u64>) -> Message {
    // netem reorders only where a gap is set; with a gap of one packet the probability alone decides.
    let gap = u32::from(netem.reorder.0 > 0);
    let loss = match netem.loss {
        Loss::Independent(Probability(loss)) => loss,
        Loss::None | Loss::Bursts { .. } => 0,
    };
    let (delay, jitter) = (ticks(netem.delay_ns), ticks(netem.jitter_ns));
    let rate = if netem.in_order { IN_ORDER } else { 0 };
    let short_rate = u32::try_from(rate).unwrap_or(u32::MAX);
    let message = message
        .fixed::<HEAD>(words([delay, netem.limit, loss, gap, netem.duplicate.0, jitter]))
        .attribute(DELAY64, &netem.delay_ns.to_ne_bytes())
        .attribute(JITTER64, &netem.jitter_ns.to_ne_bytes())
        .attribute(REORDER, &words::<8>([netem.reorder.0, 0]))
        .attribute(CORRUPT, &words::<8>([netem.corrupt.0, 0]))
        .attribute(RATE, &words::<16>([short_rate, 0, 0, 0]))
        .attribute(RATE64, &rate.to_ne_bytes());
    let message =
        NEVER.iter().fold(message, |message, (kind, length)| message.attribute(*kind, &vec![0; *length]));
    let message = match netem.loss {
        Loss::Bursts { begin, end } => {
            // In the bad state everything is lost, in the good one nothing.
            let (kept_when_bad, lost_when_good) = (0, 0);
            let model = words::<16>([begin.0, end.0, kept_when_bad, lost_when_good]);
            message.nested(LOSS, |loss| loss.attribute(GILBERT_ELLIOTT, &model))
        }
        Loss::None | Loss::Independent(_) => message,
    };
    match seed {
        Some(seed) => message.attribute(SEED, &seed.to_ne_bytes()),
        None => message,
    }
}

/// What the kernel says of a queue; none if it does what none of ours does.
pub(super) fn read(options: &[u8]) -> Option<Netem> {
    let [_, limit, loss, gap, duplicate, _] = [0, 4, 8, 12, 16, 20].map(|at| u32_at(options, at));
    let more = options.get(HEAD..)?;
    let number = |kind| attribute(more, kind).and_then(|number| u64_at(number, 0));
    let rate =
        number(RATE64).or_else(|| attribute(more, RATE).and_then(|rate| u32_at(rate, 0)).map(u64::from));
    let netem = Netem {
        delay_ns: number(DELAY64)?,
        jitter_ns: number(JITTER64)?,
        in_order: rate == Some(IN_ORDER),
        loss: read_loss(more, Probability(loss?))?,
        duplicate: Probability(duplicate?),
        reorder: if gap? > 0 { lone(more, REORDER)? } else { Probability(0) },
        corrupt: lone(more, CORRUPT)?,
        limit: limit?,
        seed: number(SEED),
    };
    let strange = attributes(more).any(|(kind, bytes)| {
        NEVER.iter().any(|(never, _)| *never == kind) && bytes.iter().any(|byte| *byte != 0)
    });
    let narrow = rate.is_some_and(|rate| rate != 0 && rate != IN_ORDER);
    (!strange && !narrow && gap? <= 1).then_some(netem)
}

/// A probability without correlation.
fn lone(attributes: &[u8], kind: u16) -> Option<Probability> {
    let Some(pair) = attribute(attributes, kind) else { return Some(Probability(0)) };
    let (probability, correlation) = (u32_at(pair, 0)?, u32_at(pair, 4)?);
    (correlation == 0).then_some(Probability(probability))
}

fn read_loss(more: &[u8], independent: Probability) -> Option<Loss> {
    let Some(model) = attribute(more, LOSS) else {
        return Some(if independent.0 > 0 { Loss::Independent(independent) } else { Loss::None });
    };
    let model = attribute(model, GILBERT_ELLIOTT)?;
    let [begin, end, kept_when_bad, lost_when_good] = [0, 4, 8, 12].map(|at| u32_at(model, at));
    let plain = kept_when_bad == Some(0) && lost_when_good == Some(0);
    plain.then_some(Loss::Bursts { begin: Probability(begin?), end: Probability(end?) })
}

/// Only what the 64-bit numbers say counts; kernels that have those do not look at ticks.
fn ticks(nanos: u64) -> u32 {
    u32::try_from(nanos / NANOS_PER_TICK).unwrap_or(u32::MAX)
}

fn words<const N: usize>(numbers: impl IntoIterator<Item = u32>) -> [u8; N] {
    let mut bytes = [0; N];
    for (slot, number) in bytes.chunks_exact_mut(4).zip(numbers) {
        slot.copy_from_slice(&number.to_ne_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The payload of the options.
    fn written(netem: &Netem, seed: Option<u64>) -> Vec<u8> {
        let message = Message::new(36, 0, 1);
        let start = message.finish().len();
        options(Message::new(36, 0, 1), netem, seed).finish().split_off(start)
    }

    fn cases() -> Vec<Netem> {
        let plain = Netem { limit: 1000, ..Netem::default() };
        let [one, quarter] = [0.01, 0.25].map(Probability::of);
        vec![
            plain,
            Netem { delay_ns: 100_000_000, ..plain },
            Netem { delay_ns: 10_000_000_000, jitter_ns: 2_000_000_000, ..plain },
            Netem { delay_ns: 20_000_000, jitter_ns: 10_000_000, in_order: true, ..plain },
            Netem { loss: Loss::Independent(one), ..plain },
            Netem { loss: Loss::Independent(Probability::ALWAYS), ..plain },
            Netem { loss: Loss::Bursts { begin: one, end: quarter }, ..plain },
            Netem { duplicate: one, corrupt: quarter, ..plain },
            Netem { delay_ns: 5_000_000, reorder: quarter, ..plain },
        ]
    }

    #[test]
    fn a_queue_reads_as_it_was_written() {
        for netem in cases() {
            for seed in [None, Some(7), Some(u64::MAX)] {
                let bytes = written(&netem, seed);
                assert_eq!(read(&bytes), Some(Netem { seed, ..netem }));
                for end in 0..HEAD {
                    assert_eq!(read(&bytes[..end]), None, "{end}");
                }
                for end in HEAD..bytes.len() {
                    let _ = read(&bytes[..end]);
                }
            }
        }
    }

    #[test]
    fn layouts_are_those_of_the_kernel() {
        let bytes = written(
            &Netem {
                delay_ns: 6400,
                jitter_ns: 640,
                in_order: true,
                loss: Loss::Bursts { begin: Probability(1), end: Probability(2) },
                duplicate: Probability(3),
                reorder: Probability(4),
                corrupt: Probability(5),
                limit: 6,
                seed: None,
            },
            Some(7),
        );
        let head: Vec<u32> = (0..6).map(|at| u32_at(&bytes, at * 4).unwrap()).collect();
        assert_eq!(head, [100, 6, 0, 1, 3, 10]);
        let lengths: Vec<(u16, usize)> =
            attributes(&bytes[HEAD..]).map(|(kind, payload)| (kind, payload.len())).collect();
        let want =
            [(10, 8), (11, 8), (3, 8), (4, 8), (6, 16), (8, 8), (1, 12), (7, 4), (12, 40), (5, 20), (14, 8)];
        assert_eq!(lengths, want);
    }

    #[test]
    fn what_we_never_make_is_no_queue_of_ours() {
        let plain = Netem { limit: 10, ..Netem::default() };
        let with = |kind, payload: &[u8]| {
            let mut bytes = written(&plain, None);
            bytes.truncate(HEAD);
            let more = Message::new(36, 0, 1);
            let start = more.finish().len();
            let more = Message::new(36, 0, 1)
                .attribute(DELAY64, &[0; 8])
                .attribute(JITTER64, &[0; 8])
                .attribute(kind, payload);
            bytes.extend(more.finish().split_off(start));
            read(&bytes)
        };
        assert_eq!(with(SEED, &[0; 8]), Some(Netem { seed: Some(0), ..plain }));
        for (kind, payload) in [
            (CORRELATIONS, &[1; 12][..]),
            (ECN, &[1, 0, 0, 0]),
            (SLOTS, &[1; 40]),
            (CORRUPT, &[1; 8]),
            (RATE, &[1; 16]),
            (LOSS, &[8, 0, 1, 0, 1, 1, 1, 1]),
        ] {
            assert_eq!(with(kind, payload), None, "{kind}");
        }
        let mut gapped = written(&plain, None);
        gapped[12] = 5;
        assert_eq!(read(&gapped), None);
    }
}
