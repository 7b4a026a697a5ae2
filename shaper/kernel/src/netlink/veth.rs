//! A pair of devices between two network namespaces, as bytes: made, addressed, brought up.
//!
//! Invariant: the pair is made in one request, so there is never half of it; it ends with either namespace.
//! Deliberately absent: devices of somebody else.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::socket::{Failure, Socket};
use super::wire::{self, CREATE, DUMP, EXCL, Message, attribute, u32_at};

const NEW_LINK: u16 = 16;
const DEL_LINK: u16 = 17;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
/// Bytes of `struct ifinfomsg`, `struct ifaddrmsg` and `struct rtmsg`.
const LINK_HEAD: usize = 16;
const ADDRESS_HEAD: usize = 8;
const ROUTE_HEAD: usize = 12;

const UP: u32 = 1;
const NAME: u16 = 3;
const LINK_INFO: u16 = 18;
const NET_NS_FD: u16 = 28;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const VETH_PEER: u16 = 1;
const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;
const FLAGS: u16 = 8;
/// An address of our own making is on no other machine.
const NO_DUPLICATES: u32 = 2;
const GATEWAY: u16 = 5;

/// Makes a pair: `name` here, `peer` in the other namespace.
pub(crate) fn make_pair(
    socket: &mut Socket,
    name: &str,
    peer: &str,
    there: BorrowedFd<'_>,
) -> Result<(), Failure> {
    let there = u32::try_from(there.as_raw_fd()).unwrap_or(u32::MAX);
    let ask = socket.message(NEW_LINK, CREATE | EXCL).fixed([0; LINK_HEAD]).text(NAME, name);
    let ask = ask.nested(LINK_INFO, |info| {
        info.text(INFO_KIND, "veth").nested(INFO_DATA, |data| {
            data.nested(VETH_PEER, |other| {
                other.fixed([0; LINK_HEAD]).text(NAME, peer).number(NET_NS_FD, there)
            })
        })
    });
    socket.exchange(1, &ask.finish(), |_| {})
}

/// Removes a device of this number.
pub(crate) fn remove(socket: &mut Socket, device: u32) -> Result<(), Failure> {
    let ask = link(socket, DEL_LINK, device, 0).finish();
    socket.exchange(1, &ask, |_| {})
}

/// The number of a device.
pub(crate) fn number_of(socket: &mut Socket, name: &str) -> Result<Option<u32>, Failure> {
    let mut found = None;
    let ask = socket.message(GET_LINK, DUMP).fixed([0; LINK_HEAD]).finish();
    socket.exchange(1, &ask, |payload| {
        let named =
            payload.get(LINK_HEAD..).and_then(|attributes| attribute(attributes, NAME)).map(wire::text);
        if named.as_deref() == Some(name) {
            found = u32_at(payload, 4);
        }
    })?;
    Ok(found)
}

/// Brings a device up.
pub(crate) fn bring_up(socket: &mut Socket, device: u32) -> Result<(), Failure> {
    let ask = link(socket, NEW_LINK, device, UP).finish();
    socket.exchange(1, &ask, |_| {})
}

/// Gives a device an address.
pub(crate) fn give_address(
    socket: &mut Socket,
    device: u32,
    address: IpAddr,
    prefix: u8,
) -> Result<(), Failure> {
    let mut head = [0; ADDRESS_HEAD];
    (head[0], head[1]) = (family(address), prefix);
    head[4..8].copy_from_slice(&device.to_ne_bytes());
    let bytes = octets(address);
    let ask = socket.message(NEW_ADDRESS, CREATE | EXCL).fixed(head).attribute(LOCAL, &bytes);
    let ask = ask.attribute(ADDRESS, &bytes).number(FLAGS, NO_DUPLICATES);
    socket.exchange(1, &ask.finish(), |_| {})
}

/// Sends everything that has no nearer way through a neighbour.
pub(crate) fn route_all(socket: &mut Socket, gateway: IpAddr) -> Result<(), Failure> {
    let mut head = [0; ROUTE_HEAD];
    // Table main, made at boot (nothing of a routing daemon), universe, unicast.
    (head[0], head[4], head[5], head[7]) = (family(gateway), 254, 3, 1);
    let ask = socket.message(NEW_ROUTE, CREATE | EXCL).fixed(head).attribute(GATEWAY, &octets(gateway));
    socket.exchange(1, &ask.finish(), |_| {})
}

fn link(socket: &mut Socket, kind: u16, device: u32, flags: u32) -> Message {
    let mut head = [0; LINK_HEAD];
    head[4..8].copy_from_slice(&device.to_ne_bytes());
    head[8..12].copy_from_slice(&flags.to_ne_bytes());
    head[12..16].copy_from_slice(&flags.to_ne_bytes());
    socket.message(kind, 0).fixed(head)
}

fn family(address: IpAddr) -> u8 {
    let family = match address {
        IpAddr::V4(_) => libc::AF_INET,
        IpAddr::V6(_) => libc::AF_INET6,
    };
    u8::try_from(family).unwrap_or_default()
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
