//! What the packet filter has to do, per session: the class of a packet by its port, losses, and struck packets. All of it
//! concerns all ports of the session together, so a number of packets is counted over them.
//!
//! Invariant: a change from one set of rules to another is one atomic transaction of the kernel. Only tables of our own name
//! are written. Deliberately absent: how a rule is spoken.

use std::collections::{BTreeMap, BTreeSet};

use crate::minor::Minor;
use crate::ports::Ports;

/// The name of each of our tables.
pub const TABLE: &str = "rebuffer";

/// A share of packets in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerMillion(u32);

/// Everything the packet filter has to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The devices on which losses and the way to the uplink's device stand.
    pub devices: BTreeSet<String>,
    /// What concerns each session.
    pub sessions: BTreeMap<Minor, SessionRules>,
}

/// What the packet filter does for one session. Its packets are always told their class by their port, also those that no
/// socket sends (a SYN's answer, a reset).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// The ports of the session.
    pub ports: Ports,
    /// Packets to the player that are lost, in a way that the sender sees as a loss on the path.
    pub lost_down: Option<PerMillion>,
    /// Packets from the player that are lost.
    pub lost_up: Option<PerMillion>,
    /// Whether packets from the player go through the uplink's device.
    pub through_up: bool,
    /// What happens to packets that come to the ports.
    pub strike: Option<StrikeRule>,
}

/// What happens to packets that come to the ports of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrikeRule {
    /// Whether they are answered with a TCP reset, and not just dropped.
    pub reject: bool,
    /// To how many from now on; none is to all.
    pub packets: Option<u32>,
    /// Counts up with every strike of the session, so that one that is the same again begins anew.
    pub number: u32,
}

impl PerMillion {
    /// All packets.
    pub const ALL: Self = Self(1_000_000);

    /// The nearest share to a fraction of 1; none if that is no packet at all.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 10^6")]
    pub fn of(fraction: f64) -> Option<Self> {
        let millionths = (fraction.clamp(0.0, 1.0) * 1e6).round() as u32;
        (millionths > 0).then_some(Self(millionths))
    }

    /// The number of millionths, 1 to 10^6.
    pub fn get(self) -> u32 {
        self.0
    }

    /// A number of millionths that was read back.
    pub fn new(millionths: u32) -> Option<Self> {
        (1..=1_000_000).contains(&millionths).then_some(Self(millionths))
    }

    /// The share in percent.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

impl SessionRules {
    /// A session whose packets are told their class and nothing else.
    pub fn at(ports: impl Into<Ports>) -> Self {
        Self { ports: ports.into(), lost_down: None, lost_up: None, through_up: false, strike: None }
    }
}

impl Rules {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}
