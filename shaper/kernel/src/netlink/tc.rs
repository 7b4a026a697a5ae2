//! Traffic control as bytes: our root, a class with its queue, and what the kernel says of them.
//!
//! Invariant: only handles of ours are written: the root's major, its classes, and for the queue of a class the class's
//! number as major. What is read back is what was written, number by number.
//! Deliberately absent: rate tables, which the kernel computes itself for Ethernet.

use rebuffer_shape::{Class, ClassParams, Counters, Leaf, Minor, Root, WIRE_FRAME};

use super::socket::Socket;
use super::wire::{self, Message, attribute, u32_at, u64_at};

pub(super) const NEW_QDISC: u16 = 36;
pub(super) const DEL_QDISC: u16 = 37;
pub(super) const GET_QDISC: u16 = 38;
pub(super) const NEW_CLASS: u16 = 40;
pub(super) const DEL_CLASS: u16 = 41;
pub(super) const GET_CLASS: u16 = 42;

pub(super) const ROOT: u32 = u32::MAX;
pub(super) const OURS: u32 = (Minor::ROOT_MAJOR as u32) << 16;
pub(super) const HTB: &str = "htb";
const FIFO: &str = "bfifo";

/// Bytes of `struct tcmsg`.
const HEAD: usize = 20;
pub(super) const KIND: u16 = 1;
const OPTIONS: u16 = 2;
const STATS: u16 = 7;
const HTB_PARMS: u16 = 1;
const HTB_INIT: u16 = 2;
const HTB_VERSION: u32 = 3;
const ETHERNET: u8 = 1;
const STATS_BASIC: u16 = 1;
const STATS_QUEUE: u16 = 3;
const STATS_PACKETS: u16 = 8;

/// What a message is about: the device, the object, and where it hangs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) device: u32,
    pub(super) handle: u32,
    pub(super) parent: u32,
}

impl Target {
    pub(super) fn root(device: u32) -> Self {
        Self { device, handle: OURS, parent: ROOT }
    }

    pub(super) fn class(device: u32, minor: Minor) -> Self {
        Self { device, handle: class_id(minor), parent: OURS }
    }

    pub(super) fn queue(device: u32, minor: Minor) -> Self {
        Self { device, handle: u32::from(minor.get()) << 16, parent: class_id(minor) }
    }

    pub(super) fn message(self, socket: &mut Socket, kind: u16, flags: u16) -> Message {
        let mut head = [0; HEAD];
        head[4..8].copy_from_slice(&self.device.to_ne_bytes());
        head[8..12].copy_from_slice(&self.handle.to_ne_bytes());
        head[12..16].copy_from_slice(&self.parent.to_ne_bytes());
        socket.message(kind, flags).fixed(head)
    }
}

/// The options of our root. Everything without a class passes unshaped (class 0). The quantum per rate is used by
/// classes without a quantum of their own, which ours are not, so it carries the device's own limit over a crash.
pub(super) fn root_options(message: Message, own_gso_segs: u32) -> Message {
    let mut init = Vec::with_capacity(20);
    [HTB_VERSION, own_gso_segs, 0, 0, 0].iter().for_each(|word| init.extend(word.to_ne_bytes()));
    message.text(KIND, HTB).nested(OPTIONS, |options| options.attribute(HTB_INIT, &init))
}

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

/// The options of a class's queue: a bare number of bytes.
pub(super) fn queue_options(message: Message, params: &ClassParams) -> Message {
    let limit = match params.leaf {
        Leaf::Fifo(bytes) => bytes,
        Leaf::Netem(netem) => netem.limit,
    };
    message.text(KIND, FIFO).number(OPTIONS, limit)
}

/// What a description of a root says.
pub(super) fn read_root(payload: &[u8]) -> Option<Root> {
    let handle = u32_at(payload, 8)?;
    let attributes = payload.get(HEAD..)?;
    let kind = attribute(attributes, KIND).map(wire::text)?;
    if handle == 0 {
        return Some(Root::Default);
    }
    let init = attribute(attributes, OPTIONS).and_then(|options| attribute(options, HTB_INIT));
    match init.and_then(|init| u32_at(init, 4)) {
        Some(own_gso_segs) if handle == OURS && kind == HTB => Some(Root::Ours { own_gso_segs }),
        _ => Some(Root::Foreign { name: format!("{kind} {:x}:", handle >> 16) }),
    }
}

/// What the descriptions of a class and of its queue say together.
pub(super) fn read_class(class: &[u8], queue: &[u8]) -> Option<Class> {
    let attributes = class.get(HEAD..)?;
    let parms = attribute(attribute(attributes, OPTIONS)?, HTB_PARMS)?;
    let leaf_limit = u32_at(attribute(queue.get(HEAD..)?, OPTIONS)?, 0)?;
    let (rate, ceiling) = (u32_at(parms, 8)?, u32_at(parms, 20)?);
    let buffer = u32_at(parms, 24)?;
    // A ceiling above the rate lets more pass, so that is the rate.
    let params = ClassParams { rate: rate.max(ceiling), buffer, leaf: Leaf::Fifo(leaf_limit) };
    let counters = attribute(attributes, STATS).and_then(read_counters).unwrap_or_default();
    Some(Class { params, counters })
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

fn class_id(minor: Minor) -> u32 {
    OURS | u32::from(minor.get())
}

#[cfg(test)]
mod tests {
    use super::super::wire::{Body, answers};
    use super::*;

    const DEVICE: u32 = 3;

    fn payload(message: Message) -> Vec<u8> {
        let bytes = message.finish();
        let Some(Body::Data(payload)) = answers(&bytes).next().map(|answer| answer.body) else {
            panic!("no message")
        };
        payload.to_vec()
    }

    fn minor() -> Minor {
        Minor::new(0x1f).unwrap()
    }

    #[test]
    fn a_root_is_recognised_with_the_limit_it_carries() {
        let mut socket = Socket::open().unwrap();
        let mut root = |target: Target| root_options(target.message(&mut socket, NEW_QDISC, 0), 65_535);
        let ours = payload(root(Target::root(DEVICE)));
        assert_eq!(read_root(&ours), Some(Root::Ours { own_gso_segs: 65_535 }));
        let other = payload(root(Target { handle: 1 << 16, ..Target::root(DEVICE) }));
        assert_eq!(read_root(&other), Some(Root::Foreign { name: "htb 1:".to_owned() }));
        let default = payload(root(Target { handle: 0, ..Target::root(DEVICE) }));
        assert_eq!(read_root(&default), Some(Root::Default));
    }

    #[test]
    fn a_class_reads_as_it_was_written() {
        let mut socket = Socket::open().unwrap();
        for params in [ClassParams::capped(6250), ClassParams::capped(1_250_000_000), ClassParams::UNLIMITED]
        {
            let class = Target::class(DEVICE, minor()).message(&mut socket, NEW_CLASS, 0);
            let queue = Target::queue(DEVICE, minor()).message(&mut socket, NEW_QDISC, 0);
            let class = payload(class_options(class, &params));
            let queue = payload(queue_options(queue, &params));
            let want = Class { params, counters: Counters::default() };
            assert_eq!(read_class(&class, &queue), Some(want));
            for end in 0..class.len() {
                assert_eq!(read_class(&class[..end], &queue), None, "{end}");
            }
        }
    }

    #[test]
    fn layouts_are_those_of_the_kernel() {
        let mut socket = Socket::open().unwrap();
        let class = Target::class(DEVICE, minor()).message(&mut socket, NEW_CLASS, 0);
        let class =
            payload(class_options(class, &ClassParams { rate: 0x0102, buffer: 0x0304, leaf: Leaf::Fifo(5) }));
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
