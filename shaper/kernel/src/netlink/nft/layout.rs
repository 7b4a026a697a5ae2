//! What stands in our tables for a set of rules: chains with their expressions, maps with their elements.
//!
//! Invariant: pure, and the one place that knows. What is written and what a reading is compared with are both this,
//! so a reading is equal or something is damaged. A session has one chain per purpose, jumped to from a map by each of
//! its ports: what a packet costs depends neither on the number of sessions nor on that of ports, and what is counted is
//! counted over all ports.
//! Deliberately absent: how any of it is spoken.

use std::collections::{BTreeMap, BTreeSet};

use rebuffer_shape::{Minor, PerMillion, Ports, Rules, SessionRules, StrikeRule};

use super::expression::{Expression, Relation};

/// Our two tables: losses and ways stand where packets meet a device, the rest where they are this machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    /// IPv4 and IPv6.
    Inet,
    /// One device.
    Netdev,
}

/// Our maps, all keyed by the ports of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Map {
    /// The class of what leaves from the port.
    Class,
    /// The strike on what comes to the port.
    Struck,
    /// The loss of what leaves from the port.
    LossyDown,
    /// The loss of what comes to the port.
    LossyUp,
    /// The class of what comes to the port on the uplink's device.
    ThroughUp,
}

/// The content of both tables, or a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) chains: BTreeMap<(Family, String), Chain>,
    pub(super) elements: BTreeSet<Element>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    /// Where packets enter; none if only by a jump.
    pub(super) hook: Option<Hook>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hook {
    pub(super) number: u32,
    pub(super) priority: i32,
    /// Whose hook it is, in [`Family::Netdev`].
    pub(super) device: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) expressions: Vec<Expression>,
    /// The number of the strike, carried by its rule.
    pub(super) strike: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Element {
    pub(super) map: Map,
    pub(super) port: u16,
    pub(super) target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// A priority: the number of a class.
    Priority(u32),
    /// A chain to jump to.
    Jump(String),
}

/// The devices of ours that rules send packets to, by their numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Aides {
    pub(super) sink: Option<u32>,
    pub(super) up: Option<u32>,
}

const LOCAL_IN: u32 = 1;
const POST_ROUTING: u32 = 4;
const INGRESS: u32 = 0;
const EGRESS: u32 = 1;
/// Where other tools change packets as well.
const MANGLE: i32 = -150;

const TCP: u8 = 6;
const MAJOR: u32 = 0xffff_0000;
const OURS: u32 = (Minor::ROOT_MAJOR as u32) << 16;
const MILLION: u32 = 1_000_000;
/// So many packets may be counted before the count begins anew.
const COUNTABLE: u32 = u32::MAX;
/// No device has this number.
const NOWHERE: u32 = 0;

const STRIKE: &str = "strike-";
const LOST_DOWN: &str = "lost-down-";
const LOST_UP: &str = "lost-up-";
const OUT: &str = "egress-";
const IN: &str = "ingress-";

impl Layout {
    /// What stands there for some sessions of a set of rules, and for its devices.
    pub(super) fn of<'r>(
        rules: &Rules,
        sessions: impl IntoIterator<Item = (&'r Minor, &'r SessionRules)>,
        aides: Aides,
    ) -> Self {
        let mut layout = Self::default();
        layout.base(Family::Inet, "classify", Hook::of(POST_ROUTING, None), vec![classify()]);
        layout.base(Family::Inet, "strike", Hook::of(LOCAL_IN, None), vec![by_port(Map::Struck)]);
        let through_up = rules.sessions.values().any(|session| session.through_up);
        for device in &rules.devices {
            let out = vec![by_port(Map::LossyDown)];
            layout.base(Family::Netdev, &format!("{OUT}{device}"), Hook::of(EGRESS, Some(device)), out);
            let through = through_up.then(|| through(aides));
            let back = std::iter::once(by_port(Map::LossyUp)).chain(through).collect();
            layout.base(Family::Netdev, &format!("{IN}{device}"), Hook::of(INGRESS, Some(device)), back);
        }
        for (minor, session) in sessions {
            layout.session(*minor, session, aides);
        }
        layout
    }

    fn base(&mut self, family: Family, name: &str, hook: Hook, rules: Vec<Rule>) {
        self.chains.insert((family, name.to_owned()), Chain { hook: Some(hook), rules });
    }

    fn session(&mut self, minor: Minor, session: &SessionRules, aides: Aides) {
        let ports = session.ports;
        let priority = Target::Priority(OURS | u32::from(minor.get()));
        self.lead(Map::Class, ports, &priority);
        if session.through_up {
            self.lead(Map::ThroughUp, ports, &priority);
        }
        if let Some(share) = session.lost_down {
            let end = [Expression::Load(aides.sink.unwrap_or(NOWHERE)), Expression::Forward];
            self.branch(Map::LossyDown, minor, ports, lost(share, end));
        }
        if let Some(share) = session.lost_up {
            self.branch(Map::LossyUp, minor, ports, lost(share, [Expression::Drop]));
        }
        if let Some(strike) = session.strike {
            self.branch(Map::Struck, minor, ports, struck(strike));
        }
    }

    /// A session's own chain, and the way to it from each of its ports.
    fn branch(&mut self, map: Map, minor: Minor, ports: Ports, rule: Rule) {
        let name = map.branch(minor);
        self.lead(map, ports, &Target::Jump(name.clone()));
        self.chains.insert((map.family(), name), Chain { hook: None, rules: vec![rule] });
    }

    /// Has a map lead from each of these ports to a target.
    fn lead(&mut self, map: Map, ports: Ports, target: &Target) {
        self.elements.extend(ports.into_iter().map(|port| Element { map, port, target: target.clone() }));
    }

    /// The rules that this is the whole of, so that nothing is missing and nothing else is there; none if it is not.
    pub(super) fn rules(&self, aides: Aides) -> Option<Rules> {
        let mut rules = Rules::default();
        let netdev = self.chains.keys().filter(|(family, _)| *family == Family::Netdev);
        rules.devices = netdev.filter_map(|(_, name)| name.strip_prefix(OUT)).map(str::to_owned).collect();
        for element in self.elements.iter().filter(|element| element.map == Map::Class) {
            let Target::Priority(priority) = element.target else { return None };
            let number = u16::try_from(priority.checked_sub(OURS)?).ok()?;
            let minor = Minor::new(number)?;
            let known = rules.sessions.get(&minor).map(|session| session.ports);
            let session = SessionRules {
                ports: known.map_or(Some(element.port.into()), |ports| ports.with(element.port))?,
                lost_down: self.loss(Map::LossyDown, minor),
                lost_up: self.loss(Map::LossyUp, minor),
                through_up: self.elements.contains(&Element { map: Map::ThroughUp, ..element.clone() }),
                strike: self.strike(minor),
            };
            rules.sessions.insert(minor, session);
        }
        let here = |session: &SessionRules| aides.serve(session).is_ok();
        let whole = Self::of(&rules, &rules.sessions, aides) == *self;
        (whole && rules.sessions.values().all(here)).then_some(rules)
    }

    fn expressions(&self, map: Map, minor: Minor) -> Option<(&[Expression], Option<u32>)> {
        let rule = self.chains.get(&(map.family(), map.branch(minor)))?.rules.first()?;
        Some((&rule.expressions, rule.strike))
    }

    fn loss(&self, map: Map, minor: Minor) -> Option<PerMillion> {
        let (expressions, _) = self.expressions(map, minor)?;
        limit(expressions).map_or(Some(PerMillion::ALL), PerMillion::new)
    }

    fn strike(&self, minor: Minor) -> Option<StrikeRule> {
        let (expressions, number) = self.expressions(Map::Struck, minor)?;
        let reject = expressions.contains(&Expression::Reset);
        Some(StrikeRule { reject, packets: limit(expressions), number: number? })
    }
}

impl Family {
    pub(super) const BOTH: [Self; 2] = [Self::Inet, Self::Netdev];
}

impl Map {
    pub(super) const ALL: [Self; 5] =
        [Self::Class, Self::Struck, Self::LossyDown, Self::LossyUp, Self::ThroughUp];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Struck => "struck",
            Self::LossyDown => "lossy_down",
            Self::LossyUp => "lossy_up",
            Self::ThroughUp => "through_up",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|map| map.name() == name)
    }

    pub(super) fn family(self) -> Family {
        match self {
            Self::Class | Self::Struck => Family::Inet,
            Self::LossyDown | Self::LossyUp | Self::ThroughUp => Family::Netdev,
        }
    }

    /// Whether it holds chains to jump to, and not priorities.
    pub(super) fn decides(self) -> bool {
        match self {
            Self::Class | Self::ThroughUp => false,
            Self::Struck | Self::LossyDown | Self::LossyUp => true,
        }
    }

    /// The chain of a session that this map leads to.
    fn branch(self, minor: Minor) -> String {
        let prefix = match self {
            Self::Class | Self::ThroughUp => "",
            Self::Struck => STRIKE,
            Self::LossyDown => LOST_DOWN,
            Self::LossyUp => LOST_UP,
        };
        format!("{prefix}{:x}", minor.get())
    }
}

impl Hook {
    fn of(number: u32, device: Option<&String>) -> Self {
        Self { number, priority: MANGLE, device: device.cloned() }
    }
}

impl Aides {
    /// Whether the devices are there that a session's packets are sent to; if not, which is missing.
    pub(super) fn serve(self, session: &SessionRules) -> Result<(), rebuffer_shape::Aide> {
        if session.lost_down.is_some() && self.sink.is_none() {
            return Err(rebuffer_shape::Aide::Sink);
        }
        if session.through_up && self.up.is_none() {
            return Err(rebuffer_shape::Aide::Up);
        }
        Ok(())
    }
}

/// The session that a chain strikes for.
pub(super) fn struck_session(chain: &str) -> Option<Minor> {
    u16::from_str_radix(chain.strip_prefix(STRIKE)?, 16).ok().and_then(Minor::new)
}

/// Tells a packet its class, unless a socket has told it before.
fn classify() -> Rule {
    let unclassed = [
        Expression::Priority,
        Expression::Mask(MAJOR),
        Expression::Compare(Relation::Other, OURS.to_ne_bytes().to_vec()),
    ];
    let class = [Expression::SourcePort, Expression::Lookup(Map::Class), Expression::SetPriority];
    Rule::of(tcp().chain(unclassed).chain(class))
}

/// Jumps to where a map leads from the packet's port.
fn by_port(map: Map) -> Rule {
    let port = match map {
        Map::Class | Map::LossyDown => Expression::SourcePort,
        Map::Struck | Map::LossyUp | Map::ThroughUp => Expression::DestinationPort,
    };
    Rule::of(tcp().chain([port, Expression::Lookup(map)]))
}

/// Sends a packet through the uplink's device in its session's class. It comes back behind this hook: the kernel marks
/// it as one that was here.
fn through(aides: Aides) -> Rule {
    let Rule { expressions, .. } = by_port(Map::ThroughUp);
    let send = [Expression::SetPriority, Expression::Load(aides.up.unwrap_or(NOWHERE)), Expression::Forward];
    Rule::of(expressions.into_iter().chain(send))
}

fn lost(share: PerMillion, end: impl IntoIterator<Item = Expression>) -> Rule {
    let below = (share != PerMillion::ALL).then(|| below(true, MILLION, share.get()));
    Rule::of(below.into_iter().flatten().chain(end))
}

fn struck(strike: StrikeRule) -> Rule {
    let below = strike.packets.map(|packets| below(false, COUNTABLE, packets));
    let end = if strike.reject { Expression::Reset } else { Expression::Drop };
    let expressions = below.into_iter().flatten().chain([Expression::Count, end]);
    Rule { strike: Some(strike.number), ..Rule::of(expressions) }
}

fn tcp() -> impl Iterator<Item = Expression> {
    [Expression::Protocol, Expression::Compare(Relation::Same, vec![TCP])].into_iter()
}

/// Goes on if the number drawn is below a limit.
fn below(random: bool, modulus: u32, limit: u32) -> [Expression; 3] {
    let draw = Expression::Number { random, modulus };
    let compare = Expression::Compare(Relation::Less, limit.to_be_bytes().to_vec());
    [draw, Expression::NetworkOrder, compare]
}

/// The limit of [`below`], if a rule begins with one.
fn limit(expressions: &[Expression]) -> Option<u32> {
    let [Expression::Number { .. }, _, Expression::Compare(_, limit), ..] = expressions else { return None };
    limit.first_chunk().map(|limit| u32::from_be_bytes(*limit))
}

impl Rule {
    fn of(expressions: impl IntoIterator<Item = Expression>) -> Self {
        Self { expressions: expressions.into_iter().collect(), strike: None }
    }
}
