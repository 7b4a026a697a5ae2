//! Traffic control as bytes: what a message is about, and our root.
//!
//! Invariant: only handles of ours are written: the root's major, its classes, and for the queue of a class the class's
//! number as major. What is read back is what was written, number by number.
//! Deliberately absent: what a class, a netem queue or a filter is made of; each has a file beside this one.

use rebuffer_shape::{Minor, Root};

use super::socket::Socket;
use super::wire::{self, Message, attribute, u32_at};

pub(super) const NEW_QDISC: u16 = 36;
pub(super) const DEL_QDISC: u16 = 37;
pub(super) const GET_QDISC: u16 = 38;
pub(super) const NEW_CLASS: u16 = 40;
pub(super) const DEL_CLASS: u16 = 41;
pub(super) const GET_CLASS: u16 = 42;
pub(super) const NEW_FILTER: u16 = 44;
pub(super) const DEL_FILTER: u16 = 45;
pub(super) const GET_FILTER: u16 = 46;

pub(super) const ROOT: u32 = u32::MAX;
pub(super) const OURS: u32 = (Minor::ROOT_MAJOR as u32) << 16;
pub(super) const HTB: &str = "htb";

/// Bytes of `struct tcmsg`.
pub(super) const HEAD: usize = 20;
pub(super) const KIND: u16 = 1;
pub(super) const OPTIONS: u16 = 2;
const HTB_INIT: u16 = 2;
const HTB_VERSION: u32 = 3;

/// What a message is about: the device, the object, and where it hangs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) device: u32,
    pub(super) handle: u32,
    pub(super) parent: u32,
    /// Of a filter: its priority and protocol.
    pub(super) info: u32,
}

impl Target {
    pub(super) fn root(device: u32) -> Self {
        Self { device, handle: OURS, parent: ROOT, info: 0 }
    }

    pub(super) fn class(device: u32, minor: Minor) -> Self {
        Self { device, handle: class_id(minor), parent: OURS, info: 0 }
    }

    pub(super) fn queue(device: u32, minor: Minor) -> Self {
        Self { device, handle: u32::from(minor.get()) << 16, parent: class_id(minor), info: 0 }
    }

    pub(super) fn message(self, socket: &mut Socket, kind: u16, flags: u16) -> Message {
        let mut head = [0; HEAD];
        head[4..8].copy_from_slice(&self.device.to_ne_bytes());
        head[8..12].copy_from_slice(&self.handle.to_ne_bytes());
        head[12..16].copy_from_slice(&self.parent.to_ne_bytes());
        head[16..20].copy_from_slice(&self.info.to_ne_bytes());
        socket.message(kind, flags).fixed(head)
    }
}

/// What a description of an object says of where it hangs; the kind may be missing.
pub(super) fn described(payload: &[u8]) -> Option<(Target, &[u8])> {
    let [device, handle, parent, info] = [4, 8, 12, 16].map(|at| u32_at(payload, at));
    let target = Target { device: device?, handle: handle?, parent: parent?, info: info? };
    Some((target, payload.get(HEAD..)?))
}

/// The kind of an object.
pub(super) fn kind(attributes: &[u8]) -> Option<String> {
    attribute(attributes, KIND).map(wire::text)
}

/// The options of our root. Everything without a class passes unshaped (class 0). The quantum per rate is used by
/// classes without a quantum of their own, which ours are not, so it carries the device's own limit over a crash.
pub(super) fn root_options(message: Message, own_gso_segs: u32) -> Message {
    let mut init = Vec::with_capacity(20);
    [HTB_VERSION, own_gso_segs, 0, 0, 0].iter().for_each(|word| init.extend(word.to_ne_bytes()));
    message.text(KIND, HTB).nested(OPTIONS, |options| options.attribute(HTB_INIT, &init))
}

/// What a description of a root says.
pub(super) fn read_root(payload: &[u8]) -> Option<Root> {
    let (Target { handle, .. }, attributes) = described(payload)?;
    let kind = kind(attributes)?;
    if handle == 0 {
        return Some(Root::Default);
    }
    let init = attribute(attributes, OPTIONS).and_then(|options| attribute(options, HTB_INIT));
    match init.and_then(|init| u32_at(init, 4)) {
        Some(own_gso_segs) if handle == OURS && kind == HTB => Some(Root::Ours { own_gso_segs }),
        _ => Some(Root::Foreign { name: format!("{kind} {:x}:", handle >> 16) }),
    }
}

pub(super) fn class_id(minor: Minor) -> u32 {
    OURS | u32::from(minor.get())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::wire::{Body, answers};
    use super::*;

    const DEVICE: u32 = 3;

    pub(in super::super) fn payload(message: Message) -> Vec<u8> {
        let bytes = message.finish();
        let Some(Body::Data(payload)) = answers(&bytes).next().map(|answer| answer.body) else {
            panic!("no message")
        };
        payload.to_vec()
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
}
