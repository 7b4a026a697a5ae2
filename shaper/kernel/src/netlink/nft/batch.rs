//! Changes of our tables as messages, gathered to one batch.
//!
//! Invariant: every message names our table. A batch is carried out as a whole or not at all.
//! Deliberately absent: messages that kernels before 6.3 do not know. What may or may not be there is first made, which
//! changes nothing if it is there, and then deleted.

use super::expression::{self, LIST_ELEMENT, NESTED, VALUE, big};
use super::layout::{Chain, Element, Family, Map, Rule, Target};
use crate::netlink::socket::{Failure, Socket};
use crate::netlink::wire::{self, APPEND, CREATE, EXCL, Message, attribute};

pub(super) const NEW_TABLE: u16 = SUBSYSTEM;
pub(super) const GET_TABLE: u16 = SUBSYSTEM | 1;
pub(super) const DEL_TABLE: u16 = SUBSYSTEM | 2;
pub(super) const NEW_CHAIN: u16 = SUBSYSTEM | 3;
pub(super) const GET_CHAIN: u16 = SUBSYSTEM | 4;
pub(super) const DEL_CHAIN: u16 = SUBSYSTEM | 5;
const NEW_RULE: u16 = SUBSYSTEM | 6;
pub(super) const GET_RULE: u16 = SUBSYSTEM | 7;
const DEL_RULE: u16 = SUBSYSTEM | 8;
const NEW_SET: u16 = SUBSYSTEM | 9;
pub(super) const GET_SET: u16 = SUBSYSTEM | 10;
const NEW_ELEMENT: u16 = SUBSYSTEM | 12;
pub(super) const GET_ELEMENT: u16 = SUBSYSTEM | 13;
const DEL_ELEMENT: u16 = SUBSYSTEM | 14;

const SUBSYSTEM: u16 = 10 << 8;
const BEGIN: u16 = 16;
const END: u16 = 17;
/// Whose batch it is.
const FOR_TABLES: u16 = 10;

/// Every message names its table with this, and its object with the next; a chain is an exception.
pub(super) const TABLE: u16 = 1;
pub(super) const NAME: u16 = 2;
pub(super) const TABLE_FLAGS: u16 = 2;

pub(super) const CHAIN_NAME: u16 = 3;
pub(super) const CHAIN_HOOK: u16 = 4;
pub(super) const CHAIN_POLICY: u16 = 5;
pub(super) const CHAIN_KIND: u16 = 7;
pub(super) const HOOK_NUMBER: u16 = 1;
pub(super) const HOOK_PRIORITY: u16 = 2;
pub(super) const HOOK_DEVICE: u16 = 3;
pub(super) const ACCEPT: u32 = 1;
pub(super) const FILTER: &str = "filter";

pub(super) const RULE_EXPRESSIONS: u16 = 4;
pub(super) const RULE_NOTE: u16 = 7;
/// A note is a list of kind, length, value; this kind is printed by `nft list`.
const COMMENT: u8 = 0;
const COMMENT_BEGINS: &str = "strike ";

pub(super) const SET_FLAGS: u16 = 3;
const SET_KEY_KIND: u16 = 4;
pub(super) const SET_KEY_BYTES: u16 = 5;
pub(super) const SET_DATA_KIND: u16 = 6;
const SET_DATA_BYTES: u16 = 7;
const SET_ID: u16 = 10;
const SET_NOTE: u16 = 13;
pub(super) const IS_MAP: u32 = 8;
pub(super) const PORT_BYTES: u32 = 2;
/// How `nft list` prints: a port, a class.
const PORT_KIND: u32 = 13;
const CLASS_KIND: u32 = 23;
pub(super) const DECISIONS: u32 = 0xffff_ff00;
/// For `nft list`: keys are in network order, data are not.
const ORDERS: [u8; 12] = [0, 4, 2, 0, 0, 0, 1, 4, 1, 0, 0, 0];

pub(super) const ELEMENTS: u16 = 3;
pub(super) const ELEMENT_KEY: u16 = 1;
pub(super) const ELEMENT_DATA: u16 = 2;
/// So many elements fit into one message, whose list is shorter than 64 KiB.
const ELEMENTS_AT_ONCE: usize = 512;

/// Messages that go to the kernel in one piece.
#[derive(Debug)]
pub(super) struct Batch<'s> {
    socket: &'s mut Socket,
    table: &'static str,
    bytes: Vec<u8>,
    first: u32,
    /// The number of the last message, and where it begins; none while there is nothing to do.
    last: Option<(u32, usize)>,
}

impl<'s> Batch<'s> {
    /// A batch that concerns one table of each family.
    pub(super) fn new(socket: &'s mut Socket, table: &'static str) -> Self {
        let begin = socket.message(BEGIN, 0).silent().fixed(head(0, FOR_TABLES)).finish();
        let first = number(&begin);
        Self { socket, table, bytes: begin, first, last: None }
    }

    /// Has it carried out; nothing is done if it fails.
    pub(super) fn commit(self) -> Result<(), Failure> {
        self.send().map_err(|(what, failure)| {
            let message = what.map_or(failure.message.clone(), |what| format!("{what}: {}", failure.message));
            Failure { message, ..failure }
        })
    }

    /// The same, with the message that failed, in words; none if it is the batch itself.
    pub(super) fn send(self) -> Result<(), (Option<String>, Failure)> {
        let Self { socket, mut bytes, first, last, .. } = self;
        let Some((last, at)) = last else { return Ok(()) };
        wire::acknowledge(&mut bytes, at);
        bytes.extend(socket.message(END, 0).silent().fixed(head(0, FOR_TABLES)).finish());
        let failed = |(sequence, failure)| (describe(&bytes, sequence), failure);
        socket.batch(first, last, &bytes).map_err(failed)
    }

    /// Tables with our maps and nothing else, whatever was in tables of this name.
    pub(super) fn begin_anew(&mut self) {
        self.remove();
        for family in Family::BOTH {
            self.add(NEW_TABLE, CREATE | EXCL, family, |table| table);
        }
        for map in Map::ALL {
            self.map(map);
        }
    }

    /// No tables.
    pub(super) fn remove(&mut self) {
        for family in Family::BOTH {
            self.add(NEW_TABLE, CREATE, family, |table| table);
            self.add(DEL_TABLE, 0, family, |table| table);
        }
    }

    pub(super) fn new_chain(&mut self, family: Family, name: &str, chain: &Chain) {
        self.add(NEW_CHAIN, CREATE | EXCL, family, |message| {
            let message = message.text(CHAIN_NAME, name);
            let Some(hook) = &chain.hook else { return message };
            let message = message.nested(NESTED | CHAIN_HOOK, |message| {
                let message = big(message, HOOK_NUMBER, hook.number);
                let message = message.attribute(HOOK_PRIORITY, &hook.priority.to_be_bytes());
                match &hook.device {
                    Some(device) => message.text(HOOK_DEVICE, device),
                    None => message,
                }
            });
            big(message.text(CHAIN_KIND, FILTER), CHAIN_POLICY, ACCEPT)
        });
        self.rules(family, name, chain);
    }

    /// The rules of a chain that is there.
    pub(super) fn change_chain(&mut self, family: Family, name: &str, chain: &Chain) {
        self.add(DEL_RULE, 0, family, |message| message.text(NAME, name));
        self.rules(family, name, chain);
    }

    /// Removes a chain, also one that went with its device.
    pub(super) fn remove_chain(&mut self, family: Family, name: &str, chain: &Chain) {
        if chain.hook.is_some() {
            self.add(NEW_CHAIN, CREATE, family, |message| message.text(CHAIN_NAME, name));
        }
        self.add(DEL_CHAIN, 0, family, |message| message.text(CHAIN_NAME, name));
    }

    /// A message that never succeeds, as nobody names a chain like this; and how it is described.
    pub(super) fn fail(&mut self) -> String {
        self.add(DEL_CHAIN, 0, Family::Inet, |message| message.text(CHAIN_NAME, NO_CHAIN));
        format!("remove chain {NO_CHAIN}")
    }

    pub(super) fn new_elements<'e>(&mut self, elements: impl IntoIterator<Item = &'e Element>) {
        self.elements(NEW_ELEMENT, CREATE | EXCL, elements);
    }

    pub(super) fn remove_elements<'e>(&mut self, elements: impl IntoIterator<Item = &'e Element>) {
        self.elements(DEL_ELEMENT, 0, elements);
    }

    fn elements<'e>(&mut self, kind: u16, flags: u16, all: impl IntoIterator<Item = &'e Element>) {
        let all: Vec<&Element> = all.into_iter().collect();
        for same in all.chunk_by(|one, other| one.map == other.map) {
            for some in same.chunks(ELEMENTS_AT_ONCE) {
                let map = some[0].map;
                self.add(kind, flags, map.family(), |message| {
                    let message = message.text(NAME, map.name());
                    message.nested(NESTED | ELEMENTS, |list| {
                        some.iter().fold(list, |list, element| write_element(list, element))
                    })
                });
            }
        }
    }

    fn rules(&mut self, family: Family, chain: &str, content: &Chain) {
        for rule in &content.rules {
            self.add(NEW_RULE, CREATE | APPEND, family, |message| {
                let message = message.text(NAME, chain);
                let message = message.nested(NESTED | RULE_EXPRESSIONS, |list| {
                    rule.expressions.iter().fold(list, |list, expression| expression.write(list))
                });
                match note(rule) {
                    Some(note) => message.attribute(RULE_NOTE, &note),
                    None => message,
                }
            });
        }
    }

    fn map(&mut self, map: Map) {
        let id = Map::ALL.into_iter().zip(1..).find_map(|(other, id)| (other == map).then_some(id));
        self.add(NEW_SET, CREATE | EXCL, map.family(), |message| {
            let message = big(message.text(NAME, map.name()), SET_FLAGS, IS_MAP);
            let message = big(big(message, SET_KEY_KIND, PORT_KIND), SET_KEY_BYTES, PORT_BYTES);
            let message = if map.decides() {
                big(message, SET_DATA_KIND, DECISIONS)
            } else {
                big(big(message, SET_DATA_KIND, CLASS_KIND), SET_DATA_BYTES, 4).attribute(SET_NOTE, &ORDERS)
            };
            big(message, SET_ID, id.unwrap_or_default())
        });
    }

    fn add(&mut self, kind: u16, flags: u16, family: Family, content: impl FnOnce(Message) -> Message) {
        let message = self.socket.message(kind, flags).silent().fixed(head(family.number(), 0));
        let message = content(message.text(TABLE, self.table)).finish();
        self.last = Some((number(&message), self.bytes.len()));
        self.bytes.extend(message);
    }
}

const NO_CHAIN: &str = "none of this name";

impl Family {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Netdev => 5,
        }
    }
}

/// `struct nfgenmsg`.
pub(super) fn head(family: u8, resource: u16) -> [u8; 4] {
    let [high, low] = resource.to_be_bytes();
    [family, 0, high, low]
}

/// The number of a strike, in the words that its rule carries.
pub(super) fn read_note(note: &[u8]) -> Option<u32> {
    let [COMMENT, length, words @ ..] = note else { return None };
    let words = words.get(..usize::from(*length)).map(wire::text)?;
    words.strip_prefix(COMMENT_BEGINS)?.parse().ok()
}

fn note(rule: &Rule) -> Option<Vec<u8>> {
    let words = format!("{COMMENT_BEGINS}{}\0", rule.strike?);
    let length = u8::try_from(words.len()).ok()?;
    Some([&[COMMENT, length], words.as_bytes()].concat())
}

fn write_element(list: Message, element: &Element) -> Message {
    list.nested(NESTED | LIST_ELEMENT, |message| {
        let key = element.port.to_be_bytes();
        let message = message.nested(NESTED | ELEMENT_KEY, |message| message.attribute(VALUE, &key));
        message.nested(NESTED | ELEMENT_DATA, |message| match &element.target {
            Target::Priority(priority) => message.attribute(VALUE, &priority.to_ne_bytes()),
            Target::Jump(chain) => expression::jump(message, chain),
        })
    })
}

fn number(message: &[u8]) -> u32 {
    wire::u32_at(message, 8).unwrap_or_default()
}

/// What a message of a batch does.
fn describe(bytes: &[u8], sequence: u32) -> Option<String> {
    let (mut rest, mut found) = (bytes, None);
    while let Some(length) = wire::u32_at(rest, 0).and_then(|length| usize::try_from(length).ok()) {
        if number(rest) == sequence {
            found = rest.get(..length);
            break;
        }
        rest = rest.get(length.max(1)..)?;
    }
    let (kind, attributes) = (wire::u16_at(found?, 4)?, found?.get(20..)?);
    let name = |kind| attribute(attributes, kind).map(wire::text).unwrap_or_default();
    Some(match kind {
        NEW_TABLE => format!("make table {}", name(TABLE)),
        DEL_TABLE => format!("remove table {}", name(TABLE)),
        NEW_CHAIN => format!("make chain {}", name(CHAIN_NAME)),
        DEL_CHAIN => format!("remove chain {}", name(CHAIN_NAME)),
        NEW_RULE => {
            let list = attribute(attributes, RULE_EXPRESSIONS).unwrap_or_default();
            format!("add a rule to chain {} ({})", name(NAME), expression::names(list).join(" "))
        }
        DEL_RULE => format!("empty chain {}", name(NAME)),
        NEW_SET => format!("make map {}", name(NAME)),
        NEW_ELEMENT => format!("add to map {}", name(NAME)),
        DEL_ELEMENT => format!("remove from map {}", name(NAME)),
        _ => return None,
    })
}
