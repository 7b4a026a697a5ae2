//! Devices as bytes: which there are, which carry traffic, how many segments they take as one, and those of our own.
//!
//! Invariant: of a device that is not ours one setting is written. A device is ours if it has both the name and the kind;
//! ours never count as usable, whatever addresses they are given.
//! Deliberately absent: addresses themselves; only whether there is one counts.

use std::collections::BTreeSet;

use rebuffer_shape::{Aide, Interface};

use super::gone;
use super::socket::{Failure, Socket};
use super::wire::{self, CREATE, DUMP, ECHO, EXCL, Message, attribute, u32_at};
use crate::isolation::OUTSIDE;

const NEW_LINK: u16 = 16;
const DEL_LINK: u16 = 17;
const GET_LINK: u16 = 18;
const SET_LINK: u16 = 19;
const GET_ADDRESS: u16 = 22;
/// Bytes of `struct ifinfomsg` and of `struct ifaddrmsg`.
const LINK_HEAD: usize = 16;
const ADDRESS_HEAD: usize = 8;

const NAME: u16 = 3;
const MASTER: u16 = 10;
const QUEUE_LENGTH: u16 = 13;
const LINK_INFO: u16 = 18;
const LINK_KIND: u16 = 1;
const PER_FAMILY: u16 = 26;
const IPV6: u16 = 10;
const IPV6_ADDRESSES: u16 = 8;
const MASK: u16 = 29;
const GSO_MAX_SEGS: u16 = 40;
const SKIP_STATISTICS: u32 = 1 << 3;
const UP: u32 = 1;

/// A device that hands on what is sent to it, to where it came from.
pub(super) const IFB: &str = "ifb";
/// Packets that such a device may hold: what is to be lost is for a queue to decide.
const LONG_QUEUE: u32 = 10_000;
/// It hands them on one by one, however they came.
const LONE: u32 = 1;
const NO_ADDRESSES: u8 = 1;

/// Every device of the network namespace.
pub(super) fn list(socket: &mut Socket) -> Result<Vec<Interface>, Failure> {
    let mut addressed = BTreeSet::new();
    let ask = socket.message(GET_ADDRESS, DUMP).fixed([0; ADDRESS_HEAD]).finish();
    socket.exchange(1, &ask, |payload| addressed.extend(u32_at(payload, 4)))?;
    let mut found = Vec::new();
    let ask = socket.message(GET_LINK, DUMP).fixed([0; LINK_HEAD]).number(MASK, SKIP_STATISTICS).finish();
    socket.exchange(1, &ask, |payload| found.extend(read(payload, &addressed)))?;
    Ok(found)
}

/// Lets a device take so many segments as one.
pub(super) fn set_gso_segs(socket: &mut Socket, device: u32, segs: u32) -> Result<(), Failure> {
    let ask = about(socket, SET_LINK, 0, (device, 0)).number(GSO_MAX_SEGS, segs).finish();
    socket.exchange(1, &ask, |_| {})
}

/// Makes a device of ours of this name, or takes over the one that is there; what hangs at its root stays.
pub(super) fn summon(socket: &mut Socket, name: &str, up: bool) -> Result<u32, Failure> {
    let ask = about(socket, NEW_LINK, CREATE | EXCL, (0, 0)).text(NAME, name);
    let ask = ask.nested(LINK_INFO, |info| info.text(LINK_KIND, IFB)).finish();
    let made = socket.exchange(1, &ask, |_| {});
    match (made, ours(socket, name)?) {
        (Err(failure), _) if failure.errno != libc::EEXIST => Err(failure),
        (_, None) => Err(Failure { errno: libc::EEXIST, message: "another device has that name".to_owned() }),
        (_, Some(device)) => {
            // Without IPv6 there is nothing to be kept from having an address.
            let ask = about(socket, SET_LINK, 0, (device, 0)).nested(PER_FAMILY, |families| {
                families.nested(IPV6, |settings| settings.attribute(IPV6_ADDRESSES, &[NO_ADDRESSES]))
            });
            let _ = socket.exchange(1, &ask.finish(), |_| {});
            let ask = about(socket, SET_LINK, 0, (device, if up { UP } else { 0 }))
                .number(QUEUE_LENGTH, LONG_QUEUE)
                .number(GSO_MAX_SEGS, LONE);
            socket.exchange(1, &ask.finish(), |_| {}).map(|()| device)
        }
    }
}

/// Removes a device of ours of this name.
pub(super) fn dismiss(socket: &mut Socket, name: &str) -> Result<(), Failure> {
    let Some(device) = ours(socket, name)? else { return Ok(()) };
    let ask = about(socket, DEL_LINK, 0, (device, 0)).finish();
    gone(socket.exchange(1, &ask, |_| {}))
}

/// The number of the device of ours of this name.
pub(super) fn ours(socket: &mut Socket, name: &str) -> Result<Option<u32>, Failure> {
    let ask = about(socket, GET_LINK, ECHO, (0, 0)).text(NAME, name).number(MASK, SKIP_STATISTICS);
    let mut found = None;
    gone(socket.exchange(1, &ask.finish(), |payload| found = found.or_else(|| read_ours(payload, name))))?;
    Ok(found)
}

/// A message about a device, whose flags are left alone but for those named.
fn about(socket: &mut Socket, kind: u16, flags: u16, (device, set): (u32, u32)) -> Message {
    let mut head = [0; LINK_HEAD];
    for (at, word) in [(4, device), (8, set), (12, set)] {
        head[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    }
    socket.message(kind, flags).fixed(head)
}

fn read_ours(payload: &[u8], name: &str) -> Option<u32> {
    let attributes = payload.get(LINK_HEAD..)?;
    let kind = attribute(attribute(attributes, LINK_INFO)?, LINK_KIND).map(wire::text)?;
    let own = attribute(attributes, NAME).map(wire::text)?;
    u32_at(payload, 4).filter(|_| kind == IFB && own == name)
}

fn read(payload: &[u8], addressed: &BTreeSet<u32>) -> Option<Interface> {
    let (index, flags) = (u32_at(payload, 4)?, u32_at(payload, 8)?);
    let attributes = payload.get(LINK_HEAD..)?;
    let name = attribute(attributes, NAME).map(wire::text)?;
    let gso_segs = attribute(attributes, GSO_MAX_SEGS).and_then(|segs| u32_at(segs, 0))?;
    let ours = Aide::ALL.iter().any(|aide| aide.name() == name) || name == OUTSIDE;
    let usable =
        !ours && flags & UP != 0 && addressed.contains(&index) && attribute(attributes, MASTER).is_none();
    Some(Interface { index, name, usable, gso_segs })
}
