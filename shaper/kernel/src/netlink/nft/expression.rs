//! What a rule is made of: expressions that load, compare, look up and decide, as bytes.
//!
//! Invariant: what is written is read back as itself, and what is read is known to the last attribute that matters, or
//! it is not read at all.
//! Deliberately absent: expressions that no rule of ours has, and any register but the first and the verdict's.

use super::layout::Map;
use crate::netlink::wire::{self, Message, attribute, attributes, be32, be64, u32_at};

/// One step of a rule. Those that do not match end the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// Loads the number of the transport protocol.
    Protocol,
    /// Loads the priority of the packet.
    Priority,
    /// Makes what is loaded the priority of the packet.
    SetPriority,
    /// Loads the port the packet comes from.
    SourcePort,
    /// Loads the port the packet goes to.
    DestinationPort,
    /// Keeps these bits of what is loaded.
    Mask(u32),
    /// Ends the rule unless what is loaded compares like this.
    Compare(Relation, Vec<u8>),
    /// Loads a number below the modulus: one at random, or the next.
    Number {
        /// Whether at random.
        random: bool,
        /// The modulus.
        modulus: u32,
    },
    /// Turns what is loaded to network order, in which it compares.
    NetworkOrder,
    /// Loads what a map holds at what is loaded, or jumps there.
    Lookup(Map),
    /// Loads a number.
    Load(u32),
    /// Sends the packet out through the device whose number is loaded, and ends its way here.
    Forward,
    /// Counts.
    Count,
    /// Drops.
    Drop,
    /// Answers with a TCP reset and drops.
    Reset,
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// The same.
    Same,
    /// Not the same.
    Other,
    /// The loaded one is less.
    Less,
}

pub(super) const NESTED: u16 = 0x8000;
pub(super) const LIST_ELEMENT: u16 = 1;
const NAME: u16 = 1;
const DATA: u16 = 2;

pub(super) const VALUE: u16 = 1;
pub(super) const VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
const VERDICT_CHAIN: u16 = 2;
const DROP: u32 = 0;
const JUMP: u32 = (-3i32).cast_unsigned();

/// The register that decides, and the one that holds everything else.
const DECISION: u32 = 0;
const REGISTER: u32 = 1;

const META_PRIORITY: u32 = 2;
const META_PROTOCOL: u32 = 16;
const TRANSPORT_HEADER: u32 = 2;
const HOST_TO_NETWORK: u32 = 1;
const NEXT_NUMBER: u32 = 0;
const RANDOM_NUMBER: u32 = 1;
const TCP_RESET: u32 = 1;

impl Expression {
    /// Adds itself to the list of a rule.
    pub(super) fn write(&self, list: Message) -> Message {
        list.nested(NESTED | LIST_ELEMENT, |element| {
            let element = element.text(NAME, self.name());
            element.nested(NESTED | DATA, |data| self.options(data))
        })
    }

    /// Reads one of the list of a rule; none for what is none of ours.
    pub(super) fn read(element: &[u8]) -> Option<Self> {
        let name = attribute(element, NAME).and_then(wire::name)?;
        let data = attribute(element, DATA).unwrap_or_default();
        let value = |kind| attribute(data, kind).and_then(|data| attribute(data, VALUE));
        let is = |kind, wanted: u32| (attribute(data, kind).and_then(be32) == Some(wanted)).then_some(());
        let number = |kind| attribute(data, kind).and_then(be32);
        match name {
            "meta" => match (number(1), number(2)?, number(3)) {
                (Some(REGISTER), META_PROTOCOL, None) => Some(Self::Protocol),
                (Some(REGISTER), META_PRIORITY, None) => Some(Self::Priority),
                (None, META_PRIORITY, Some(REGISTER)) => Some(Self::SetPriority),
                _ => None,
            },
            "payload" => {
                is(1, REGISTER).and(is(2, TRANSPORT_HEADER)).and(is(4, 2))?;
                match number(3)? {
                    0 => Some(Self::SourcePort),
                    2 => Some(Self::DestinationPort),
                    _ => None,
                }
            }
            "bitwise" => {
                is(1, REGISTER).and(is(2, REGISTER)).and(is(3, 4))?;
                // The operation is not told by kernels that know but one.
                let plain = number(6).unwrap_or(0) == 0 && u32_at(value(5)?, 0)? == 0;
                plain.then_some(Self::Mask(u32_at(value(4)?, 0)?))
            }
            "cmp" => {
                let relation = Relation::read(number(2)?)?;
                is(1, REGISTER).map(|()| Self::Compare(relation, value(3).unwrap_or_default().to_vec()))
            }
            "numgen" => {
                is(1, REGISTER).and(is(4, 0))?;
                let random = match number(3)? {
                    NEXT_NUMBER => false,
                    RANDOM_NUMBER => true,
                    _ => return None,
                };
                Some(Self::Number { random, modulus: number(2)? })
            }
            "byteorder" => {
                is(1, REGISTER).and(is(2, REGISTER)).and(is(3, HOST_TO_NETWORK))?;
                is(4, 4).and(is(5, 4)).map(|()| Self::NetworkOrder)
            }
            "lookup" => {
                let map = Map::named(attribute(data, 1).and_then(wire::name)?)?;
                is(2, REGISTER).and(is(3, map.register())).and(is(5, 0)).map(|()| Self::Lookup(map))
            }
            "immediate" => match number(1)? {
                REGISTER => Some(Self::Load(u32_at(value(2)?, 0)?)),
                DECISION => {
                    let verdict = attribute(attribute(data, 2)?, VERDICT)?;
                    let code = attribute(verdict, VERDICT_CODE).and_then(be32)?;
                    (code == DROP).then_some(Self::Drop)
                }
                _ => None,
            },
            "fwd" => is(1, REGISTER).filter(|()| attribute(data, 2).is_none()).map(|()| Self::Forward),
            "counter" => Some(Self::Count),
            "reject" => is(1, TCP_RESET).map(|()| Self::Reset),
            _ => None,
        }
    }

    /// The packets that were counted, if this is what the expression does.
    pub(super) fn counted(element: &[u8]) -> Option<u64> {
        let name = attribute(element, NAME).and_then(wire::name)?;
        let packets = attribute(attribute(element, DATA)?, 2)?;
        (name == Self::Count.name()).then(|| be64(packets))?
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Protocol | Self::Priority | Self::SetPriority => "meta",
            Self::SourcePort | Self::DestinationPort => "payload",
            Self::Mask(_) => "bitwise",
            Self::Compare(..) => "cmp",
            Self::Number { .. } => "numgen",
            Self::NetworkOrder => "byteorder",
            Self::Lookup(_) => "lookup",
            Self::Load(_) | Self::Drop => "immediate",
            Self::Forward => "fwd",
            Self::Count => "counter",
            Self::Reset => "reject",
        }
    }

    fn options(&self, data: Message) -> Message {
        match self {
            Self::Protocol => big(big(data, 1, REGISTER), 2, META_PROTOCOL),
            Self::Priority => big(big(data, 1, REGISTER), 2, META_PRIORITY),
            Self::SetPriority => big(big(data, 2, META_PRIORITY), 3, REGISTER),
            Self::SourcePort => bigs(data, [(1, REGISTER), (2, TRANSPORT_HEADER), (3, 0), (4, 2)]),
            Self::DestinationPort => bigs(data, [(1, REGISTER), (2, TRANSPORT_HEADER), (3, 2), (4, 2)]),
            Self::Mask(bits) => {
                let data = bigs(data, [(1, REGISTER), (2, REGISTER), (3, 4)]);
                value(value(data, 4, &bits.to_ne_bytes()), 5, &[0; 4])
            }
            Self::Compare(relation, to) => value(bigs(data, [(1, REGISTER), (2, relation.code())]), 3, to),
            Self::Number { random, modulus } => {
                let kind = if *random { RANDOM_NUMBER } else { NEXT_NUMBER };
                bigs(data, [(1, REGISTER), (2, *modulus), (3, kind), (4, 0)])
            }
            Self::NetworkOrder => {
                bigs(data, [(1, REGISTER), (2, REGISTER), (3, HOST_TO_NETWORK), (4, 4), (5, 4)])
            }
            Self::Lookup(map) => bigs(data.text(1, map.name()), [(2, REGISTER), (3, map.register()), (5, 0)]),
            Self::Load(number) => value(big(data, 1, REGISTER), 2, &number.to_ne_bytes()),
            Self::Forward => big(data, 1, REGISTER),
            Self::Count => data.attribute(1, &[0; 8]).attribute(2, &[0; 8]),
            Self::Drop => big(data, 1, DECISION).nested(NESTED | 2, |data| {
                data.nested(NESTED | VERDICT, |verdict| big(verdict, VERDICT_CODE, DROP))
            }),
            Self::Reset => big(data, 1, TCP_RESET),
        }
    }
}

impl Relation {
    fn code(self) -> u32 {
        match self {
            Self::Same => 0,
            Self::Other => 1,
            Self::Less => 2,
        }
    }

    fn read(code: u32) -> Option<Self> {
        [Self::Same, Self::Other, Self::Less].into_iter().find(|relation| relation.code() == code)
    }
}

impl Map {
    /// Where a lookup leaves what it finds.
    fn register(self) -> u32 {
        if self.decides() { DECISION } else { REGISTER }
    }
}

/// A number in network order.
pub(super) fn big(message: Message, kind: u16, number: u32) -> Message {
    message.attribute(kind, &number.to_be_bytes())
}

/// A jump to a chain, as the data of an element.
pub(super) fn jump(data: Message, chain: &str) -> Message {
    data.nested(NESTED | VERDICT, |verdict| big(verdict, VERDICT_CODE, JUMP).text(VERDICT_CHAIN, chain))
}

/// The chain that the data of an element jump to.
pub(super) fn read_jump(data: &[u8]) -> Option<String> {
    let verdict = attribute(data, VERDICT)?;
    let code = attribute(verdict, VERDICT_CODE).and_then(be32)?;
    attribute(verdict, VERDICT_CHAIN).filter(|_| code == JUMP).map(wire::text)
}

/// The names of the expressions of a rule, for those who want to know which of them the kernel lacks.
pub(super) fn names(list: &[u8]) -> Vec<String> {
    attributes(list).filter_map(|(_, element)| attribute(element, NAME).map(wire::text)).collect()
}

fn bigs<const N: usize>(message: Message, numbers: [(u16, u32); N]) -> Message {
    numbers.into_iter().fold(message, |message, (kind, number)| big(message, kind, number))
}

fn value(message: Message, kind: u16, bytes: &[u8]) -> Message {
    message.nested(NESTED | kind, |data| data.attribute(VALUE, bytes))
}
