//! A class and its queue as bytes, and what the kernel says of them.
//!
//! Invariant: what is read back is what was written, number by number; a queue that none of ours can be is read as one
//! in which nothing may wait, which nobody wants.
//! Deliberately absent: rate tables, which the kernel computes itself for Ethernet.

use std::collections::BTreeMap;

use rebuffer_shape::{Class, ClassParams, Counters, Leaf, Minor, WIRE_FRAME};

use super::netem;
use super::tc::{self, HTB, KIND, OPTIONS, OURS, Target};
use super::wire::{Message, attribute, u32_at, u64_at};

const FIFO: &str = "bfifo";
const STATS: u16 = 7;
const HTB_PARMS: u16 = 1;
const ETHERNET: u8 = 1;
const STATS_BASIC: u16 = 1;
const STATS_QUEUE: u16 = 3;
const STATS_PACKETS: u16 = 8;
const STRANGE: Leaf = Leaf::Fifo(0);

/// The options of a class: rate and ceiling are one.
pub(super) fn class_options(message: Message, params: &ClassParams) -> Message {
    let mut parms = Vec::with_capacity(44);
    for _ in 0..2 {
        // Cell size (unused), link layer, overhead, cell alignment, least size.
        parms.extend([3, ETHERNET, 0, 0, 0xff, 0xff, 0, 0]);
        parms.extend(params.rate.to_ne_bytes());
    }
    let (level, priority) = (0, 0);
    let words = [params.buffer, params.buffer, WIRE_FRAME, level, priority];
    words.iter().for_each(|word| parms.extend(word.to_ne_bytes()));
    message.text(KIND, HTB).nested(OPTIONS, |options| options.attribute(HTB_PARMS, &parms))
}

/// The options of a class's queue: a bare number of bytes, or everything that netem does. With a seed, netem's sequence of
/// random numbers begins anew.
pub(super) fn queue_options(message: Message, leaf: &Leaf, seed: Option<u64>) -> Message {
    match leaf {
        Leaf::Fifo(bytes) => message.text(KIND, FIFO).number(OPTIONS, *bytes),
        Leaf::Netem(queue) => {
            message.text(KIND, netem::KIND).nested(OPTIONS, |options| netem::options(options, queue, seed))
        }
    }
}

/// What the descriptions of a class and of its queue say together.
pub(super) fn read_class(class: &[u8], queue: Option<&[u8]>) -> Option<Class> {
    let (_, attributes) = tc::described(class)?;
    let parms = attribute(attribute(attributes, OPTIONS)?, HTB_PARMS)?;
    let (rate, ceiling) = (u32_at(parms, 8)?, u32_at(parms, 20)?);
    let buffer = u32_at(parms, 24)?;
    let leaf = queue.and_then(read_queue).unwrap_or(STRANGE);
    // A ceiling above the rate lets more pass, so that is the rate.
    let params = ClassParams { rate: rate.max(ceiling), buffer, leaf };
    let counters = attribute(attributes, STATS).and_then(read_counters).unwrap_or_default();
    Some(Class { params, counters })
}

/// What the description of a queue says; none if it is no queue that we make.
pub(super) fn read_queue(queue: &[u8]) -> Option<Leaf> {
    let (_, attributes) = tc::described(queue)?;
    let options = attribute(attributes, OPTIONS)?;
    match tc::kind(attributes)?.as_str() {
        FIFO => u32_at(options, 0).map(Leaf::Fifo),
        netem::KIND => netem::read(options).map(Leaf::Netem),
        _ => None,
    }
}

/// Puts the descriptions of classes below our root and of queues together.
pub(super) fn pair(classes: &[Vec<u8>], queues: &[Vec<u8>]) -> BTreeMap<Minor, Class> {
    let below = |payload: &[u8]| tc::described(payload).map(|(target, _)| target.parent);
    let queues: BTreeMap<u32, &[u8]> =
        queues.iter().filter_map(|queue| Some((below(queue)?, queue.as_slice()))).collect();
    let class = |payload: &Vec<u8>| {
        let (Target { handle, .. }, _) = tc::described(payload)?;
        let number = u16::try_from(handle.checked_sub(OURS)?).ok()?;
        Some((Minor::new(number)?, read_class(payload, queues.get(&handle).copied())?))
    };
    classes.iter().filter_map(class).collect()
}

fn read_counters(stats: &[u8]) -> Option<Counters> {
    let (basic, queue) = (attribute(stats, STATS_BASIC)?, attribute(stats, STATS_QUEUE)?);
    let packets = attribute(stats, STATS_PACKETS).and_then(|packets| u64_at(packets, 0));
    Some(Counters {
        bytes: u64_at(basic, 0)?,
        packets: packets.or_else(|| u32_at(basic, 8).map(u64::from))?,
        backlog: u32_at(queue, 4)?.into(),
        drops: u32_at(queue, 8)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use rebuffer_shape::Netem;

    use super::super::socket::Socket;
    use super::super::tc::tests::payload;
    use super::super::tc::{HEAD, NEW_CLASS, NEW_QDISC};
    use super::*;

    const DEVICE: u32 = 3;

    fn minor() -> Minor {
        Minor::new(0x1f).unwrap()
    }

    fn written(params: &ClassParams) -> (Vec<u8>, Vec<u8>) {
        let mut socket = Socket::open().unwrap();
        let class = Target::class(DEVICE, minor()).message(&mut socket, NEW_CLASS, 0);
        let queue = Target::queue(DEVICE, minor()).message(&mut socket, NEW_QDISC, 0);
        let (class, queue) = (class_options(class, params), queue_options(queue, &params.leaf, None));
        (payload(class), payload(queue))
    }

    #[test]
    fn a_class_reads_as_it_was_written() {
        let delayed = Leaf::Netem(Netem { delay_ns: 5_000_000, limit: 1000, ..Netem::default() });
        for params in [
            ClassParams::capped(6250),
            ClassParams::capped(1_250_000_000),
            ClassParams::UNLIMITED,
            ClassParams::unlimited(delayed),
        ] {
            let (class, queue) = written(&params);
            let want = Class { params, counters: Counters::default() };
            assert_eq!(read_class(&class, Some(&queue)), Some(want));
            assert_eq!(pair(from_ref(&class), from_ref(&queue)), [(minor(), want)].into());
            for end in 0..class.len() {
                assert_eq!(read_class(&class[..end], Some(&queue)), None, "{end}");
            }
        }
    }

    #[test]
    fn a_queue_that_is_none_of_ours_is_not_what_anybody_wants() {
        let (class, queue) = written(&ClassParams::UNLIMITED);
        let mut strange = queue.clone();
        let kind = strange.windows(5).position(|bytes| bytes == b"bfifo").unwrap();
        strange[kind] = b'p';
        for queue in [Some(strange.as_slice()), Some(&queue[..HEAD]), None] {
            let params = read_class(&class, queue).unwrap().params;
            assert_eq!(params, ClassParams { leaf: STRANGE, ..ClassParams::UNLIMITED });
        }
    }

    #[test]
    fn classes_of_another_root_are_not_ours() {
        let (mut class, queue) = written(&ClassParams::UNLIMITED);
        class[8..12].copy_from_slice(&0x0001_001f_u32.to_ne_bytes());
        assert_eq!(pair(&[class], &[queue]), BTreeMap::new());
    }

    #[test]
    fn layouts_are_those_of_the_kernel() {
        let (class, _) = written(&ClassParams { rate: 0x0102, buffer: 0x0304, leaf: Leaf::Fifo(5) });
        assert_eq!((u32_at(&class, 4), u32_at(&class, 8)), (Some(DEVICE), Some(0x5eb0_001f)));
        assert_eq!(u32_at(&class, 12), Some(0x5eb0_0000));
        let parms = attribute(attribute(&class[HEAD..], OPTIONS).unwrap(), HTB_PARMS).unwrap();
        let words: Vec<u32> = (0..11).map(|at| u32_at(parms, at * 4).unwrap()).collect();
        assert_eq!(parms.len(), 44);
        let (spec, align) = (u32::from_ne_bytes([3, 1, 0, 0]), u32::from_ne_bytes([0xff, 0xff, 0, 0]));
        assert_eq!(words, [spec, align, 0x0102, spec, align, 0x0102, 0x0304, 0x0304, 1514, 0, 0]);
        let queue = Target::queue(DEVICE, minor());
        assert_eq!((queue.handle, queue.parent), (0x001f_0000, 0x5eb0_001f));
    }
}
