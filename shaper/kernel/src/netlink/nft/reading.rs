//! Our tables as the kernel tells them.
//!
//! Invariant: what is told in parts is told again if somebody changed anything in between. Tables in which anything is
//! unknown, missing or switched off are no layout at all.
//! Deliberately absent: which tables are ours.

use std::collections::BTreeMap;

use rebuffer_shape::Minor;

use super::batch::{self, TABLE};
use super::expression::{self, Expression, VALUE};
use super::layout::{self, Chain, Element, Family, Hook, Layout, Map, Rule, Target};
use crate::netlink::socket::{Failure, Socket};
use crate::netlink::wire::{self, DUMP, attribute, be32};

/// So often is a table told that somebody changes while it is told. Every tool that touches any table does.
const TRIES: usize = 16;
/// Bytes of `struct nfgenmsg`.
const HEAD: usize = 4;

/// Reads the tables of one name.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    pub(super) socket: &'s mut Socket,
    pub(super) table: &'static str,
}

impl Reader<'_> {
    /// Whether a table is there, in whatever state.
    pub(super) fn anything(&mut self) -> Result<bool, Failure> {
        for family in Family::BOTH {
            if self.table_flags(family)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Everything in the tables; none if something is there that is not of our making, or not there that is.
    pub(super) fn layout(&mut self) -> Result<Option<Layout>, Failure> {
        for family in Family::BOTH {
            if self.table_flags(family)? != Some(0) || !self.maps_are_ours(family)? {
                return Ok(None);
            }
        }
        let mut layout = Layout::default();
        for family in Family::BOTH {
            let chains = self.parts(batch::GET_CHAIN, family, None, |family, attributes| {
                let name = name(attributes, batch::CHAIN_NAME)?.to_owned();
                Some(((family, name), chain(attributes)?))
            })?;
            let rules = self.parts(batch::GET_RULE, family, None, |family, attributes| {
                let chain = name(attributes, batch::NAME)?.to_owned();
                Some(((family, chain), rule(attributes)?))
            })?;
            let (Some(chains), Some(rules)) = (chains, rules) else { return Ok(None) };
            layout.chains.extend(chains);
            for (chain, rule) in rules {
                let Some(chain) = layout.chains.get_mut(&chain) else { return Ok(None) };
                chain.rules.push(rule);
            }
        }
        for map in Map::ALL {
            let read = |_, attributes: &[u8]| {
                let list = attribute(attributes, batch::ELEMENTS).unwrap_or_default();
                wire::attributes(list).map(|(_, content)| element(map, content)).collect::<Option<Vec<_>>>()
            };
            let elements = self.parts(batch::GET_ELEMENT, map.family(), Some(map.name()), read)?;
            let Some(elements) = elements else { return Ok(None) };
            layout.elements.extend(elements.into_iter().flatten());
        }
        Ok(Some(layout))
    }

    /// The packets that each session's strike has met.
    pub(super) fn struck(&mut self) -> Result<BTreeMap<Minor, u64>, Failure> {
        let read = |_, attributes: &[u8]| {
            let session = name(attributes, batch::NAME).and_then(layout::struck_session);
            let list = attribute(attributes, batch::RULE_EXPRESSIONS).unwrap_or_default();
            let packets = wire::attributes(list).find_map(|(_, content)| Expression::counted(content));
            Some(session.zip(packets))
        };
        let found = self.parts(batch::GET_RULE, Family::Inet, None, read)?;
        Ok(found.unwrap_or_default().into_iter().flatten().collect())
    }

    /// The flags of a table; none if it is not there.
    fn table_flags(&mut self, family: Family) -> Result<Option<u32>, Failure> {
        let ask = self.socket.message(batch::GET_TABLE, 0).fixed(batch::head(family.number(), 0));
        let ask = ask.text(TABLE, self.table).finish();
        let mut flags = None;
        let result = self.socket.exchange(1, &ask, |payload| {
            flags = payload.get(HEAD..).map(|table| number(table, batch::TABLE_FLAGS).unwrap_or(0));
        });
        match result {
            Ok(()) => Ok(flags),
            Err(failure) if failure.errno == libc::ENOENT => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Whether a table has all of our maps and no others.
    fn maps_are_ours(&mut self, family: Family) -> Result<bool, Failure> {
        let read = |family, attributes: &[u8]| {
            let map = Map::named(name(attributes, batch::NAME)?).filter(|map| map.family() == family)?;
            let number = |kind| number(attributes, kind);
            let shaped = number(batch::SET_FLAGS) == Some(batch::IS_MAP)
                && number(batch::SET_KEY_BYTES) == Some(batch::PORT_BYTES)
                && (number(batch::SET_DATA_KIND) == Some(batch::DECISIONS)) == map.decides();
            shaped.then_some(map)
        };
        let Some(mut found) = self.parts(batch::GET_SET, family, None, read)? else { return Ok(false) };
        found.sort_unstable();
        Ok(Map::ALL.into_iter().filter(|map| map.family() == family).eq(found))
    }

    /// Everything of a kind in a table, in order; none if something cannot be read or is no longer there.
    fn parts<T>(
        &mut self,
        kind: u16,
        family: Family,
        set: Option<&str>,
        read: impl Fn(Family, &[u8]) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Failure> {
        for _ in 0..TRIES {
            let mut ask = self
                .socket
                .message(kind, DUMP)
                .fixed(batch::head(family.number(), 0))
                .text(TABLE, self.table);
            if let Some(set) = set {
                ask = ask.text(batch::NAME, set);
            }
            let (mut found, table) = (Some(Vec::new()), self.table);
            let result = self.socket.dump(&ask.finish(), |payload| {
                let attributes = payload.get(HEAD..).unwrap_or_default();
                // Some kinds are told of all tables, whatever was asked for.
                if name(attributes, TABLE) == Some(table) {
                    match (read(family, attributes), &mut found) {
                        (Some(part), Some(found)) => found.push(part),
                        _ => found = None,
                    }
                }
            });
            match result {
                Ok(true) => return Ok(found),
                Ok(false) => {}
                Err(failure) if failure.errno == libc::ENOENT => return Ok(None),
                Err(failure) => return Err(failure),
            }
        }
        let message = "the packet filter is changed all the time by somebody else".to_owned();
        Err(Failure { errno: libc::EBUSY, message })
    }
}

fn chain(attributes: &[u8]) -> Option<Chain> {
    let Some(hook) = attribute(attributes, batch::CHAIN_HOOK) else {
        return Some(Chain { hook: None, rules: Vec::new() });
    };
    let accepts = number(attributes, batch::CHAIN_POLICY) == Some(batch::ACCEPT);
    if !accepts || name(attributes, batch::CHAIN_KIND) != Some(batch::FILTER) {
        return None;
    }
    let priority = attribute(hook, batch::HOOK_PRIORITY)?.first_chunk().copied();
    let hook = Hook {
        number: number(hook, batch::HOOK_NUMBER)?,
        priority: i32::from_be_bytes(priority?),
        device: name(hook, batch::HOOK_DEVICE).map(str::to_owned),
    };
    Some(Chain { hook: Some(hook), rules: Vec::new() })
}

fn rule(attributes: &[u8]) -> Option<Rule> {
    let list = attribute(attributes, batch::RULE_EXPRESSIONS).unwrap_or_default();
    let expressions = wire::attributes(list).map(|(_, content)| Expression::read(content));
    let strike = attribute(attributes, batch::RULE_NOTE).and_then(batch::read_note);
    Some(Rule { expressions: expressions.collect::<Option<_>>()?, strike })
}

fn element(map: Map, content: &[u8]) -> Option<Element> {
    let port = attribute(attribute(content, batch::ELEMENT_KEY)?, VALUE)?.first_chunk().copied();
    let data = attribute(content, batch::ELEMENT_DATA)?;
    let target = if map.decides() {
        Target::Jump(expression::read_jump(data)?)
    } else {
        Target::Priority(wire::u32_at(attribute(data, VALUE)?, 0)?)
    };
    Some(Element { map, port: u16::from_be_bytes(port?), target })
}

fn name(attributes: &[u8], kind: u16) -> Option<&str> {
    attribute(attributes, kind).and_then(wire::name)
}

fn number(attributes: &[u8], kind: u16) -> Option<u32> {
    attribute(attributes, kind).and_then(be32)
}
