//! The links of all sessions on all shaped devices, kept as they are wanted.
//!
//! Invariant: a call that fails leaves every device as it was before, or says that it could not. A device is touched
//! first when something has to be carried, and one that carries somebody else's queue never is.
//! Deliberately absent: a clock; whoever owns the tree says when to look for what others changed (`audit`).

mod audit;
mod candidates;
mod leftovers;
mod observe;
mod ports;

use std::collections::BTreeSet;

use rebuffer_model::BitsPerSec;

use crate::kernel::{Aide, Features, Interface, Kernel, Op, Refusal, Root};
use crate::means::Machine;
use crate::minor::Minor;
use crate::plan::LinkPlan;
use crate::ports::Ports;
use crate::rules::{Rules, StrikeRule};
use crate::wanted::{Installed, Role, Session, Wanted, operations};

pub use self::audit::Drift;
pub use self::candidates::candidates;
pub use self::observe::{Observed, Traffic};

/// Which devices are shaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Interfaces {
    /// Every usable one, loopback included, also those that come later.
    #[default]
    All,
    /// These.
    Named(Vec<String>),
}

impl From<Vec<String>> for Interfaces {
    /// No names are all of them.
    fn from(names: Vec<String>) -> Self {
        if names.is_empty() { Self::All } else { Self::Named(names) }
    }
}

/// The links of all sessions.
#[derive(Debug)]
pub struct Tree<K> {
    kernel: K,
    features: Features,
    interfaces: Interfaces,
    /// Ours first: what they have to carry is there before anything is sent to them.
    devices: Vec<Device>,
    rules: Option<Rules>,
    wanted: Wanted,
    /// Sessions that a repair did not bring back yet.
    unrepaired: BTreeSet<Minor>,
}

/// Why the tree is not as wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Somebody else's queue is at the root of a device.
    #[error("interface {interface} carries {queue}, which is not ours and stays untouched")]
    Foreign {
        /// The device.
        interface: String,
        /// What it carries.
        queue: String,
    },
    /// No such device, or none at all.
    #[error("no usable interface {0}")]
    NoInterface(String),
    /// The kernel said no.
    #[error("{interface}: {refusal}; {}", if *restored { "what was before stays in force" } else { "what was before could not be restored" })]
    Refused {
        /// The device, or what else it is about.
        interface: String,
        /// What the kernel said.
        #[source]
        refusal: Refusal,
        /// Whether everything is as it was before the call.
        restored: bool,
    },
}

#[derive(Debug)]
struct Device {
    interface: Interface,
    role: Role,
    installed: Installed,
}

/// What leads back from something that was done.
#[derive(Debug)]
enum Undo {
    Op(usize, Op),
    Dismiss(Aide),
    Rules(Option<Rules>),
}

/// What refused, and how.
type Refused = (String, Refusal);

const FILTER: &str = "the packet filter";

impl<K: Kernel> Tree<K> {
    /// An empty tree; touches nothing.
    pub fn new(mut kernel: K, interfaces: Interfaces) -> Self {
        let features = kernel.features();
        Self {
            kernel,
            features,
            interfaces,
            devices: Vec::new(),
            rules: None,
            wanted: Wanted::default(),
            unrepaired: BTreeSet::new(),
        }
    }

    /// What this kernel can do.
    pub fn machine(&self) -> Machine {
        Machine::Kernel(self.features.clone())
    }

    /// The names of the devices that are shaped.
    pub fn names(&self) -> Vec<String> {
        self.leaving().collect()
    }

    /// Makes the link of one session as planned, in place, and reads it back. True if devices were told to take
    /// segments differently, which open sockets have to be told.
    pub fn set(
        &mut self,
        minor: Minor,
        ports: impl Into<Ports>,
        plan: &LinkPlan,
    ) -> Result<(Observed, bool), TreeError> {
        let ports = ports.into();
        let known = self.wanted.sessions.get(&minor).copied();
        if known.is_none() && plan.is_neutral() {
            return Ok((Observed::untouched(), false));
        }
        let mut next = Session { ports, plan: *plan, ..known.unwrap_or(Session::at(ports)) };
        next.remember();
        let told = self.settle(minor, Some(next), !plan.is_neutral())?;
        self.read(minor).map(|observed| (observed, told)).map_err(|unread| self.restore(minor, known, unread))
    }

    /// Begins to strike the packets that come to a session's ports, or ends it. Returns how many the strike before had met.
    pub fn strike(
        &mut self,
        minor: Minor,
        ports: impl Into<Ports>,
        strike: Option<StrikeRule>,
    ) -> Result<u64, TreeError> {
        let ports = ports.into();
        let known = self.wanted.sessions.get(&minor).copied();
        let before = match known.and_then(|session| session.strike) {
            Some(_) => self.struck(minor)?,
            None => 0,
        };
        if known.is_some() || strike.is_some() {
            let next = Session { ports, strike, ..known.unwrap_or(Session::at(ports)) };
            self.settle(minor, Some(next), strike.is_some())?;
        }
        Ok(before)
    }

    /// How many packets the strike of a session has met.
    pub fn struck(&mut self, minor: Minor) -> Result<u64, TreeError> {
        let struck = self.kernel.struck().map_err(|refusal| refused(FILTER, refusal, true))?;
        Ok(struck.get(&minor).copied().unwrap_or_default())
    }

    /// Removes everything of one session from every device. True as in [`Tree::set`].
    pub fn remove(&mut self, minor: Minor) -> Result<bool, TreeError> {
        self.settle(minor, None, false)
    }

    /// Removes everything of ours from every device; goes on past errors and returns the first.
    pub fn close(&mut self) -> Result<(), TreeError> {
        self.wanted = Wanted::default();
        let mut result = Ok(());
        let mut note = |name: &str, done: Result<(), Refusal>| {
            if let Err(refusal) = done {
                let before = std::mem::replace(&mut result, Ok(()));
                result = before.and(Err(refused(name, refusal, false)));
            }
        };
        if let Some(rules) = self.rules.take() {
            note(FILTER, self.kernel.commit(Some(&rules), None));
        }
        // Ours last: until the others are clean, packets are sent to them.
        for Device { interface, role, installed } in std::mem::take(&mut self.devices).into_iter().rev() {
            if let Role::Aide(aide) = role {
                note(&interface.name, self.kernel.dismiss(aide));
                continue;
            }
            let fork = installed.diverted.is_some().then_some(Op::RemoveFork);
            let segs =
                (installed.gso_segs != installed.own_gso_segs).then_some(Op::GsoSegs(installed.own_gso_segs));
            let root = installed.root.then_some(Op::RemoveRoot);
            for op in [fork, segs, root].into_iter().flatten() {
                note(&interface.name, self.kernel.apply(&interface, &op));
            }
        }
        result
    }

    /// The kernel underneath.
    pub fn kernel(&mut self) -> &mut K {
        &mut self.kernel
    }

    fn want(&mut self, minor: Minor, session: Option<Session>) {
        match session {
            Some(session) => self.wanted.sessions.insert(minor, session),
            None => self.wanted.sessions.remove(&minor),
        };
    }

    /// Wants `next` for `minor`, and performs what follows from it on every device or nothing.
    fn settle(&mut self, minor: Minor, next: Option<Session>, grow: bool) -> Result<bool, TreeError> {
        let known = self.wanted.sessions.get(&minor).copied();
        if next.is_none() && known.is_none() {
            return Ok(false);
        }
        self.survey(grow)?;
        self.want(minor, next);
        let mut undo = Vec::new();
        let (name, refusal) = match self.perform(&mut undo) {
            Ok(told) => return Ok(told),
            Err(failed) => failed,
        };
        self.want(minor, known);
        Err(refused(&name, refusal, self.undo(undo)))
    }

    /// Performs what is wanted, and notes in `undo` what leads back; on failure, what refused.
    fn perform(&mut self, undo: &mut Vec<Undo>) -> Result<bool, Refused> {
        for aide in Aide::ALL {
            if self.wanted.needs(aide) && !self.devices.iter().any(|device| device.role == Role::Aide(aide)) {
                let interface =
                    self.kernel.summon(aide).map_err(|refusal| (aide.name().to_owned(), refusal))?;
                let installed = Installed::untouched(interface.gso_segs);
                self.devices.insert(0, Device { interface, role: Role::Aide(aide), installed });
                undo.push(Undo::Dismiss(aide));
            }
        }
        let mut told = false;
        let netem = self.features.netem.is_ok();
        for (at, Device { interface, role, installed }) in self.devices.iter_mut().enumerate() {
            for op in operations(installed, &self.wanted.load(*role, netem)) {
                let inverse = installed.inverse(&op).map(|inverse| Undo::Op(at, inverse));
                let result = self.kernel.apply(interface, &op);
                // A change that failed may have been done in part.
                if result.is_ok() || matches!(op, Op::ChangeClass(..)) {
                    undo.extend(inverse);
                }
                result.map_err(|refusal| (interface.name.clone(), refusal))?;
                installed.note(&op);
                told |= matches!(op, Op::GsoSegs(_));
            }
        }
        if self.features.filter.is_ok() && !self.wanted.has_rules(self.rules.as_ref(), self.leaving()) {
            let rules = self.wanted.rules(self.leaving());
            let result = self.kernel.commit(self.rules.as_ref(), rules.as_ref());
            result.map_err(|refusal| (FILTER.to_owned(), refusal))?;
            undo.push(Undo::Rules(std::mem::replace(&mut self.rules, rules)));
        }
        Ok(told)
    }

    /// Goes back to what was wanted before an error. What the kernel refuses of that is left to the next audit.
    fn restore(&mut self, minor: Minor, known: Option<Session>, error: TreeError) -> TreeError {
        if self.settle(minor, known, false).is_ok() {
            return error;
        }
        self.want(minor, known);
        self.unrepaired.insert(minor);
        match error {
            TreeError::Refused { interface, refusal, .. } => refused(&interface, refusal, false),
            other @ (TreeError::Foreign { .. } | TreeError::NoInterface(_)) => other,
        }
    }

    /// The names of the devices that packets leave through.
    fn leaving(&self) -> impl Iterator<Item = String> {
        let leaving = self.devices.iter().filter(|device| device.role == Role::Leave);
        leaving.map(|device| device.interface.name.clone())
    }

    /// True if everything could be undone.
    fn undo(&mut self, undo: Vec<Undo>) -> bool {
        let mut restored = true;
        for step in undo.into_iter().rev() {
            let done = match step {
                Undo::Op(at, op) => {
                    let Device { interface, installed, .. } = &mut self.devices[at];
                    self.kernel.apply(interface, &op).map(|()| installed.note(&op))
                }
                Undo::Dismiss(aide) => {
                    self.devices.retain(|device| device.role != Role::Aide(aide));
                    self.kernel.dismiss(aide)
                }
                Undo::Rules(before) => {
                    let done = self.kernel.commit(self.rules.as_ref(), before.as_ref());
                    done.map(|()| self.rules = before)
                }
            };
            restored &= done.is_ok();
        }
        restored
    }

    fn list(&mut self) -> Result<Vec<Interface>, TreeError> {
        self.kernel.interfaces().map_err(|refusal| refused("the list of devices", refusal, true))
    }

    /// Forgets devices that are gone; with `grow` also finds those that have to be shaped.
    fn survey(&mut self, grow: bool) -> Result<(), TreeError> {
        let found = self.list()?;
        self.devices.retain(|device| {
            device.role != Role::Leave || found.iter().any(|there| there.index == device.interface.index)
        });
        for there in &found {
            let device = self.devices.iter_mut().find(|device| device.interface.index == there.index);
            if let Some(Device { interface, installed, .. }) = device {
                if installed.gso_segs == installed.own_gso_segs {
                    (installed.own_gso_segs, installed.gso_segs) = (there.gso_segs, there.gso_segs);
                }
                *interface = there.clone();
            }
        }
        if !grow {
            return Ok(());
        }
        for mut there in selected(found, &self.interfaces)? {
            let device = self.devices.iter().position(|device| device.interface.index == there.index);
            if device.is_some_and(|at| self.devices[at].installed.root) {
                continue;
            }
            match self.root(&there)? {
                Root::Default => {}
                Root::Ours { own_gso_segs } => {
                    self.reclaim(&there, own_gso_segs)?;
                    there.gso_segs = own_gso_segs;
                }
                Root::Foreign { name } => {
                    return Err(TreeError::Foreign { interface: there.name, queue: name });
                }
            }
            if device.is_none() {
                let installed = Installed::untouched(there.gso_segs);
                self.devices.push(Device { interface: there, role: Role::Leave, installed });
            }
        }
        Ok(())
    }

    fn root(&mut self, interface: &Interface) -> Result<Root, TreeError> {
        self.kernel.root(interface).map_err(|refusal| refused(&interface.name, refusal, true))
    }

    /// Whether our fork is on a device.
    fn diverted(&mut self, interface: &Interface) -> Result<bool, TreeError> {
        let diverted = self.kernel.diverted(interface);
        Ok(diverted.map_err(|refusal| refused(&interface.name, refusal, true))?.is_some())
    }

    fn apply(&mut self, interface: &Interface, op: &Op) -> Result<(), TreeError> {
        self.kernel.apply(interface, op).map_err(|refusal| refused(&interface.name, refusal, true))
    }
}

/// Those of the devices that are shaped.
fn selected(found: Vec<Interface>, interfaces: &Interfaces) -> Result<Vec<Interface>, TreeError> {
    let ours = |there: &Interface| Aide::ALL.iter().any(|aide| aide.name() == there.name);
    let selected: Vec<Interface> = match interfaces {
        Interfaces::All => found.into_iter().filter(|there| there.usable && !ours(there)).collect(),
        Interfaces::Named(names) => {
            let find = |name: &String| found.iter().find(|there| there.name == *name).cloned();
            let found = names.iter().map(|name| find(name).ok_or(name));
            found.collect::<Result<_, _>>().map_err(|name| TreeError::NoInterface(name.clone()))?
        }
    };
    if selected.is_empty() {
        return Err(TreeError::NoInterface("at all".to_owned()));
    }
    Ok(selected)
}

fn refused(name: &str, refusal: Refusal, restored: bool) -> TreeError {
    TreeError::Refused { interface: name.to_owned(), refusal, restored }
}

#[cfg(test)]
mod tests;
