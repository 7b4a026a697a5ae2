//! The kernel as the tree sees it: a few things to read, and a few operations.
//!
//! Invariant: each operation concerns one device; a change of a class keeps the class, its queue and its counters.
//! Deliberately absent: an operation that replaces a class, and any that could reach what is not ours.

use std::fmt;

use std::collections::{BTreeMap, BTreeSet};

use crate::class::ClassParams;
use crate::minor::Minor;
use crate::rules::Rules;

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its number, which a device keeps when it is renamed.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether traffic of ours can leave here: it is up, has an address, and is no port of a bridge or bond (whose
    /// packets were shaped before they got there).
    pub usable: bool,
    /// How many segments it takes as one.
    pub gso_segs: u32,
}

/// A device that we make for ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aide {
    /// Carries what goes to players on its way to the device it leaves through: delay, loss and the like happen here, one
    /// hop before the rate.
    Down,
    /// Carries what comes from players.
    Up,
    /// Swallows what is sent to it: a packet that ends here was sent, as far as its sender knows. Never up.
    Sink,
}

/// What stands at the root of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// What the kernel puts there by itself.
    Default,
    /// Ours.
    Ours {
        /// What the device took as one before we came.
        own_gso_segs: u32,
    },
    /// Somebody else's, with its name and handle as tools print them.
    Foreign {
        /// Kind and handle.
        name: String,
    },
}

/// What the kernel says of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Its parameters.
    pub params: ClassParams,
    /// Its counters.
    pub counters: Counters,
}

/// What has passed through a class since it was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes on the wire.
    pub bytes: u64,
    /// Packets on the wire.
    pub packets: u64,
    /// Packets that found the queue full.
    pub drops: u64,
    /// Bytes that wait now.
    pub backlog: u64,
}

/// One change of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Puts our root there, which leaves everything unshaped.
    InstallRoot {
        /// What the device takes as one, remembered in the root for those who find it after a crash.
        own_gso_segs: u32,
    },
    /// Takes our root away, and with it all classes.
    RemoveRoot,
    /// Lets the device take so many segments as one.
    GsoSegs(u32),
    /// Creates a class and its queue; all or nothing.
    CreateClass(Minor, ClassParams),
    /// Changes a class and its queue in place; if it fails, one of them may have been changed.
    ChangeClass(Minor, ClassParams),
    /// Removes a class; nothing to do if it is gone.
    RemoveClass(Minor),
    /// Lets what leaves through the device be looked at for a way through [`Aide::Down`].
    InstallFork,
    /// Takes that away, and with it all ways.
    RemoveFork,
    /// Sends what leaves from this port through [`Aide::Down`].
    Divert(u16),
    /// Ends that; nothing to do if it is gone.
    Undivert(u16),
}

/// A request that the kernel did not fulfil.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {message}")]
pub struct Refusal {
    /// What was being done.
    pub doing: String,
    /// The number of the error.
    pub errno: i32,
    /// What the kernel says, with its own words where it has any.
    pub message: String,
}

/// What is asked of a kernel. All calls return when the kernel has answered.
pub trait Kernel {
    /// Every device.
    fn interfaces(&mut self) -> Result<Vec<Interface>, Refusal>;
    /// What stands at the root of a device.
    fn root(&mut self, interface: &Interface) -> Result<Root, Refusal>;
    /// A class as it is, if it is.
    fn class(&mut self, interface: &Interface, minor: Minor) -> Result<Option<Class>, Refusal>;
    /// Every class below our root on a device.
    fn classes(&mut self, interface: &Interface) -> Result<BTreeMap<Minor, Class>, Refusal>;
    /// The ports whose packets a device sends through [`Aide::Down`]; none if our fork is not there. A fork of somebody
    /// else's with nothing of ours in it is none.
    fn diverted(&mut self, interface: &Interface) -> Result<Option<BTreeSet<u16>>, Refusal>;
    /// Performs one operation.
    fn apply(&mut self, interface: &Interface, op: &Op) -> Result<(), Refusal>;
    /// Makes a device of ours, up (but for the sink), with a queue long enough to lose nothing itself; one that is there
    /// already is taken over.
    fn summon(&mut self, aide: Aide) -> Result<Interface, Refusal>;
    /// Removes a device of ours; nothing to do if it is gone.
    fn dismiss(&mut self, aide: Aide) -> Result<(), Refusal>;
    /// What the packet filter does for us; none if no table of ours is there.
    fn rules(&mut self) -> Result<Option<Rules>, Refusal>;
    /// Changes the packet filter from one state to another, as a whole or not at all; from none it makes our tables, and to
    /// none it removes them. What is the same in both is not touched, so counters go on.
    fn commit(&mut self, from: Option<&Rules>, to: Option<&Rules>) -> Result<(), Refusal>;
    /// How many packets the strike of each session has met.
    fn struck(&mut self) -> Result<BTreeMap<Minor, u64>, Refusal>;
    /// What this kernel can do; changes nothing.
    fn features(&mut self) -> Features;
}

/// What a kernel can do; what it cannot, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// netem queues.
    pub netem: Result<(), String>,
    /// netem queues that take a seed.
    pub netem_seed: bool,
    /// Ways through devices of ours (ifb, clsact, u32, mirred).
    pub divert: Result<(), String>,
    /// A packet filter with maps, random numbers and forwarding (`nf_tables`).
    pub filter: Result<(), String>,
    /// Devices of ours to send packets to (ifb).
    pub aides: Result<(), String>,
}

impl Aide {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Down, Self::Up, Self::Sink];

    /// The name of the device.
    pub fn name(self) -> &'static str {
        match self {
            Self::Down => "rebuffer-down",
            Self::Up => "rebuffer-up",
            Self::Sink => "rebuffer-sink",
        }
    }
}

impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.packets += other.packets;
        self.drops += other.drops;
        self.backlog += other.backlog;
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstallRoot { .. } => write!(f, "install the root queue"),
            Self::RemoveRoot => write!(f, "remove the root queue"),
            Self::GsoSegs(segs) => write!(f, "set gso_max_segs to {segs}"),
            Self::CreateClass(minor, params) => write!(f, "create class {minor} at {} B/s", params.rate),
            Self::ChangeClass(minor, params) => write!(f, "change class {minor} to {} B/s", params.rate),
            Self::RemoveClass(minor) => write!(f, "remove class {minor}"),
            Self::InstallFork => write!(f, "install the fork (clsact)"),
            Self::RemoveFork => write!(f, "remove the fork (clsact)"),
            Self::Divert(port) => write!(f, "divert port {port}"),
            Self::Undivert(port) => write!(f, "end diverting port {port}"),
        }
    }
}
