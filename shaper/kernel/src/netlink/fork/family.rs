//! How one family of addresses is looked into, as u32 filters.
//!
//! Invariant: the handle of a port's entry follows from the port, and the port from the handle.
//! Deliberately absent: sending; who looks at what is all there is here.

use super::super::socket::Socket;
use super::super::tc::{KIND, OPTIONS, Target};
use super::super::wire::{self, Message, attribute, u32_at};
use super::{LEAVING, U32};

const MIRRED: &str = "mirred";

// Attributes of a u32 filter, of an action, and of mirred.
const HASH: u16 = 2;
const LINK: u16 = 3;
const DIVISOR: u16 = 4;
const SELECTOR: u16 = 5;
const ACTIONS: u16 = 7;
const ACTION_KIND: u16 = 1;
const ACTION_OPTIONS: u16 = 2;
const PARMS: u16 = 2;

const TERMINAL: u8 = 1;
const STOLEN: u32 = 4;
const EGRESS_REDIRECT: u32 = 1;
/// One bucket per low byte of a port.
pub(super) const BUCKETS: u32 = 256;
/// The low byte of the source port, in the first word of a TCP header.
const LOW_PORT: u32 = 0x00ff_0000;
/// Of a filter's handle: its table, and its number within a bucket.
const TABLE_BITS: u32 = 0xfff0_0000;
const NODE_BITS: u32 = 0x0000_0fff;

/// How one family of addresses is looked into.
#[derive(Debug)]
pub(super) struct Family {
    protocol: u16,
    pub(super) priority: u32,
    pub(super) table: u32,
    /// What a packet must have, of which the source port can be read.
    plain: &'static [Key],
    /// Where the ports are.
    ports: u16,
}

/// A word of a packet: where, which bits, and what they must be.
#[derive(Debug, Clone, Copy)]
struct Key {
    at: u32,
    mask: u32,
    value: u32,
}

/// A table of each has a number of its own: all u32 tables of a device's side share their numbers.
pub(super) static FAMILIES: [Family; 2] = [
    Family {
        protocol: 0x0800,
        priority: 0x5eb0,
        table: 0x5eb0_0000,
        // Version and header of five words; the first fragment; TCP.
        plain: &[
            Key { at: 0, mask: 0xff00_0000, value: 0x4500_0000 },
            Key { at: 4, mask: 0x0000_1fff, value: 0 },
            Key { at: 8, mask: 0x00ff_0000, value: 0x0006_0000 },
        ],
        ports: 20,
    },
    Family {
        protocol: 0x86dd,
        priority: 0x5eb1,
        table: 0x5ec0_0000,
        // TCP follows at once.
        plain: &[Key { at: 4, mask: 0x0000_ff00, value: 0x0000_0600 }],
        ports: 40,
    },
];

/// The options of a table.
pub(super) fn table(message: Message, buckets: u32) -> Message {
    message.text(KIND, U32).nested(OPTIONS, |options| options.number(DIVISOR, buckets))
}

impl Family {
    pub(super) fn ask(
        &self,
        socket: &mut Socket,
        device: u32,
        kind: u16,
        flags: u16,
        handle: u32,
    ) -> Message {
        Target { device, handle, parent: LEAVING, info: self.info() }.message(socket, kind, flags)
    }

    /// The priority, and the protocol in network order.
    pub(super) fn info(&self) -> u32 {
        self.priority << 16 | u32::from(self.protocol.to_be())
    }

    /// The handle of a port's entry: the bucket is its low byte, the number within the bucket its high byte.
    pub(super) fn entry(&self, port: u16) -> u32 {
        let [high, low] = port.to_be_bytes();
        self.table | u32::from(low) << 12 | (u32::from(high) + 1)
    }

    /// The port of an entry's handle.
    pub(super) fn port(&self, handle: u32) -> Option<u16> {
        let [_, low, _, _] = (handle << 4).to_be_bytes();
        let high = u8::try_from((handle & 0xfff).checked_sub(1)?).ok()?;
        (handle & TABLE_BITS == self.table).then(|| u16::from_be_bytes([high, low]))
    }

    /// Looks plain packets up in the table, by the low byte of their source port.
    pub(super) fn link(&self, message: Message) -> Message {
        let selector = selector(0, self.ports, LOW_PORT, self.plain);
        message
            .text(KIND, U32)
            .nested(OPTIONS, |options| options.number(LINK, self.table).attribute(SELECTOR, &selector))
    }

    pub(super) fn redirect(&self, message: Message, port: u16, to: u32) -> Message {
        let source = Key { at: self.ports.into(), mask: 0xffff_0000, value: u32::from(port) << 16 };
        let selector = selector(TERMINAL, 0, 0, &[source]);
        let bucket = self.entry(port) & !NODE_BITS;
        let mirred: Vec<u8> =
            [0, 0, STOLEN, 0, 0, EGRESS_REDIRECT, to].into_iter().flat_map(u32::to_ne_bytes).collect();
        message.text(KIND, U32).nested(OPTIONS, |options| {
            options.number(HASH, bucket).attribute(SELECTOR, &selector).nested(ACTIONS, |actions| {
                actions.nested(1, |action| {
                    action
                        .text(ACTION_KIND, MIRRED)
                        .nested(ACTION_OPTIONS, |options| options.attribute(PARMS, &mirred))
                })
            })
        })
    }
}

/// The table that a filter looks into.
pub(super) fn looks_into(options: &[u8]) -> Option<u32> {
    attribute(options, LINK).and_then(|link| u32_at(link, 0))
}

/// The device that a filter sends packets to.
pub(super) fn goes_to(options: &[u8]) -> Option<u32> {
    let action = attribute(attribute(options, ACTIONS)?, 1)?;
    let mirred = attribute(attribute(action, ACTION_OPTIONS)?, PARMS)?;
    let kind = attribute(action, ACTION_KIND).map(wire::text)?;
    (kind == MIRRED && u32_at(mirred, 20)? == EGRESS_REDIRECT).then(|| u32_at(mirred, 24)).flatten()
}

/// What a filter looks at. The numbers of packets are in network order.
fn selector(flags: u8, hash_at: u16, hash_mask: u32, keys: &[Key]) -> Vec<u8> {
    let mut bytes = vec![flags, 0, keys.len().to_le_bytes()[0], 0];
    // Header offsets by value, which are not used.
    bytes.extend([0; 6]);
    bytes.extend(hash_at.to_ne_bytes());
    bytes.extend(hash_mask.to_be_bytes());
    for Key { at, mask, value } in keys {
        bytes.extend(mask.to_be_bytes());
        bytes.extend(value.to_be_bytes());
        bytes.extend(at.to_ne_bytes());
        bytes.extend([0; 4]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::tc::tests::payload;
    use super::super::super::tc::{HEAD, NEW_FILTER};
    use super::*;

    const DEVICE: u32 = 3;
    const DOWN: u32 = 9;

    #[test]
    fn every_port_has_a_handle_of_its_own() {
        for family in &FAMILIES {
            let handles: BTreeSet<u32> = (0..=u16::MAX).map(|port| family.entry(port)).collect();
            assert_eq!(handles.len(), 1 << 16);
            for port in [0, 1, 255, 256, 30_100, u16::MAX] {
                let handle = family.entry(port);
                assert_eq!(family.port(handle), Some(port));
                assert_eq!(
                    (handle >> 12 & 0xff, handle & TABLE_BITS),
                    (u32::from(port & 0xff), family.table)
                );
            }
            for handle in [0, family.table, family.table | 0xfff, 0x8000_0001] {
                assert_eq!(family.port(handle), None, "{handle:x}");
            }
        }
    }

    #[test]
    fn layouts_are_those_of_the_kernel() {
        let mut socket = Socket::open().unwrap();
        let [four, six] = &FAMILIES;
        assert_eq!(four.info(), 0x5eb0_0000 | u32::from(0x0800_u16.to_be()));
        let ask = four.ask(&mut socket, DEVICE, NEW_FILTER, 0, 1);
        let bytes = payload(four.link(ask));
        let options = attribute(&bytes[HEAD..], OPTIONS).unwrap();
        let selector = attribute(options, SELECTOR).unwrap();
        assert_eq!(selector.len(), 16 + 3 * 16);
        assert_eq!(selector[..4], [0, 0, 3, 0]);
        assert_eq!(selector[10..16], [20u16.to_ne_bytes(), [0, 0xff], [0, 0]].concat());
        assert_eq!(selector[16..24], [0xff, 0, 0, 0, 0x45, 0, 0, 0]);
        let ask = six.ask(&mut socket, DEVICE, NEW_FILTER, 0, six.entry(0x1234));
        let bytes = payload(six.redirect(ask, 0x1234, DOWN));
        let options = attribute(&bytes[HEAD..], OPTIONS).unwrap();
        assert_eq!(attribute(options, HASH), Some(&0x5ec3_4000_u32.to_ne_bytes()[..]));
        let selector = attribute(options, SELECTOR).unwrap();
        assert_eq!((selector[0], &selector[16..24]), (TERMINAL, &[0xff, 0xff, 0, 0, 0x12, 0x34, 0, 0][..]));
        assert_eq!(u32_at(selector, 24), Some(40));
        assert_eq!(goes_to(options), Some(DOWN));
    }
}
