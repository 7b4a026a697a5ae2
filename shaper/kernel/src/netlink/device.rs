//! Devices as bytes: which there are, which carry traffic, and how many segments they take as one.
//!
//! Invariant: writes one setting of a device and leaves its flags alone.
//! Deliberately absent: addresses themselves; only whether there is one counts.

use std::collections::BTreeSet;

use rebuffer_shape::Interface;

use super::socket::{Failure, Socket};
use super::wire::{self, DUMP, attribute, u32_at};

const GET_LINK: u16 = 18;
const SET_LINK: u16 = 19;
const GET_ADDRESS: u16 = 22;
/// Bytes of `struct ifinfomsg` and of `struct ifaddrmsg`.
const LINK_HEAD: usize = 16;
const ADDRESS_HEAD: usize = 8;

const NAME: u16 = 3;
const MASTER: u16 = 10;
const MASK: u16 = 29;
const GSO_MAX_SEGS: u16 = 40;
const SKIP_STATISTICS: u32 = 1 << 3;
const UP: u32 = 1;

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
    let mut head = [0; LINK_HEAD];
    head[4..8].copy_from_slice(&device.to_ne_bytes());
    let ask = socket.message(SET_LINK, 0).fixed(head).number(GSO_MAX_SEGS, segs).finish();
    socket.exchange(1, &ask, |_| {})
}

fn read(payload: &[u8], addressed: &BTreeSet<u32>) -> Option<Interface> {
    let (index, flags) = (u32_at(payload, 4)?, u32_at(payload, 8)?);
    let attributes = payload.get(LINK_HEAD..)?;
    let name = attribute(attributes, NAME).map(wire::text)?;
    let gso_segs = attribute(attributes, GSO_MAX_SEGS).and_then(|segs| u32_at(segs, 0))?;
    let usable = flags & UP != 0 && addressed.contains(&index) && attribute(attributes, MASTER).is_none();
    Some(Interface { index, name, usable, gso_segs })
}
