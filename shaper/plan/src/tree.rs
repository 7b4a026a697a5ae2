//! The classes of all sessions on all shaped devices, kept as they are wanted.
//!
//! Invariant: a call that fails leaves every device as it was before, or says that it could not. A device is touched
//! first when a cap has to be carried, and one that carries somebody else's queue never is.
//! Deliberately absent: repair of what others change behind our back; what is read back says that it happened.

use rebuffer_model::BitsPerSec;

use crate::class::ClassParams;
use crate::kernel::{Counters, Interface, Kernel, Op, Refusal, Root};
use crate::minor::Minor;
use crate::plan::LinkPlan;
use crate::wanted::{Installed, Wanted, operations};

/// Which devices are shaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Interfaces {
    /// Every usable one, loopback included, also those that come later.
    #[default]
    All,
    /// These.
    Named(Vec<String>),
}

/// The classes of all sessions.
#[derive(Debug)]
pub struct Tree<K> {
    kernel: K,
    interfaces: Interfaces,
    devices: Vec<Device>,
    wanted: Wanted,
}

/// What was read back for one session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    /// The cap that is enforced; the loosest where devices differ, none if one lets everything pass.
    pub rate: Option<BitsPerSec>,
    /// Whether every device carries what was asked.
    pub in_sync: bool,
    /// The sum over devices; none while the session has no class.
    pub counters: Option<Counters>,
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
    #[error("interface {interface}: {refusal}; {}", if *restored { "what was before stays in force" } else { "what was before could not be restored" })]
    Refused {
        /// The device.
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
    installed: Installed,
}

impl<K: Kernel> Tree<K> {
    /// An empty tree; touches nothing.
    pub fn new(kernel: K, interfaces: Interfaces) -> Self {
        Self { kernel, interfaces, devices: Vec::new(), wanted: Wanted::default() }
    }

    /// Removes what an earlier run left behind on any device, and looks whether the devices can be shaped. Returns the
    /// names of those that were cleaned.
    pub fn clean(&mut self) -> Result<Vec<String>, TreeError> {
        let mut cleaned = Vec::new();
        for interface in self.list()? {
            if let Root::Ours { own_gso_segs } = self.root(&interface)? {
                self.reclaim(&interface, own_gso_segs)?;
                cleaned.push(interface.name);
            }
        }
        self.survey(true)?;
        Ok(cleaned)
    }

    /// Makes the link of one session as planned, in place, and reads it back. True if devices were told to take
    /// segments differently, which open sockets have to be told.
    pub fn set(&mut self, minor: Minor, plan: &LinkPlan) -> Result<(Observed, bool), TreeError> {
        let known = self.wanted.classes.get(&minor).copied();
        let wanted = plan.class().or(known.map(|_| ClassParams::UNLIMITED));
        let told = self.settle(minor, wanted, plan.class().is_some())?;
        match self.read(minor) {
            Ok(observed) => Ok((observed, told)),
            Err(unread) => {
                self.settle(minor, known, false)?;
                Err(unread)
            }
        }
    }

    /// Removes the class of one session from every device. True as in [`Tree::set`].
    pub fn remove(&mut self, minor: Minor) -> Result<bool, TreeError> {
        self.settle(minor, None, false)
    }

    /// What the kernel says of one session now.
    pub fn read(&mut self, minor: Minor) -> Result<Observed, TreeError> {
        let Some(wanted) = self.wanted.classes.get(&minor) else {
            return Ok(Observed { in_sync: true, ..Observed::default() });
        };
        let mut seen = Observed { in_sync: true, ..Observed::default() };
        let mut loosest = Some(BitsPerSec(0));
        let mut sum = Counters::default();
        for Device { interface, .. } in &self.devices {
            let class =
                self.kernel.class(interface, minor).map_err(|refusal| refused(interface, refusal, true))?;
            let cap = class.and_then(|class| class.params.cap());
            loosest = loosest.zip(cap).map(|(one, other)| one.max(other));
            seen.in_sync &= class.is_some_and(|class| class.params == *wanted);
            class.iter().for_each(|class| sum += class.counters);
        }
        Ok(Observed { rate: loosest, counters: Some(sum), ..seen })
    }

    /// Removes everything of ours from every device; goes on past errors and returns the first.
    pub fn close(&mut self) -> Result<(), TreeError> {
        self.wanted = Wanted::default();
        let mut result = Ok(());
        for Device { interface, installed } in std::mem::take(&mut self.devices) {
            if !installed.root {
                continue;
            }
            let restore = Some(Op::GsoSegs(installed.own_gso_segs))
                .filter(|_| installed.gso_segs != installed.own_gso_segs);
            for op in restore.into_iter().chain([Op::RemoveRoot]) {
                if let Err(refusal) = self.kernel.apply(&interface, &op) {
                    result = result.and(Err(refused(&interface, refusal, false)));
                }
            }
        }
        result
    }

    /// The kernel underneath.
    pub fn kernel(&mut self) -> &mut K {
        &mut self.kernel
    }

    fn want(&mut self, minor: Minor, params: Option<ClassParams>) {
        match params {
            Some(params) => self.wanted.classes.insert(minor, params),
            None => self.wanted.classes.remove(&minor),
        };
    }

    /// Wants `params` for `minor`, and performs what follows from it on every device or nothing.
    fn settle(&mut self, minor: Minor, params: Option<ClassParams>, grow: bool) -> Result<bool, TreeError> {
        let known = self.wanted.classes.get(&minor).copied();
        if params.is_none() && known.is_none() {
            return Ok(false);
        }
        self.survey(grow)?;
        self.want(minor, params);
        let mut undo = Vec::new();
        let failed = match self.perform(&mut undo) {
            Ok(told) => return Ok(told),
            Err(failed) => failed,
        };
        self.want(minor, known);
        let (at, refusal) = failed;
        let interface = self.devices[at].interface.clone();
        Err(refused(&interface, refusal, self.undo(undo)))
    }

    /// Performs what is wanted, and notes in `undo` what leads back; on failure, the device that refused.
    fn perform(&mut self, undo: &mut Vec<(usize, Op)>) -> Result<bool, (usize, Refusal)> {
        let mut told = false;
        for (at, Device { interface, installed }) in self.devices.iter_mut().enumerate() {
            for op in operations(installed, &self.wanted) {
                let inverse = installed.inverse(&op).map(|inverse| (at, inverse));
                let result = self.kernel.apply(interface, &op);
                // A change that failed may have been done in part.
                if result.is_ok() || matches!(op, Op::ChangeClass(..)) {
                    undo.extend(inverse);
                }
                result.map_err(|refusal| (at, refusal))?;
                installed.note(&op);
                told |= matches!(op, Op::GsoSegs(_));
            }
        }
        Ok(told)
    }

    /// True if everything could be undone.
    fn undo(&mut self, undo: Vec<(usize, Op)>) -> bool {
        let mut restored = true;
        for (at, op) in undo.into_iter().rev() {
            let Device { interface, installed } = &mut self.devices[at];
            match self.kernel.apply(interface, &op) {
                Ok(()) => installed.note(&op),
                Err(_) => restored = false,
            }
        }
        restored
    }

    fn list(&mut self) -> Result<Vec<Interface>, TreeError> {
        self.kernel.interfaces().map_err(|refusal| TreeError::Refused {
            interface: "(all)".to_owned(),
            refusal,
            restored: true,
        })
    }

    /// Forgets devices that are gone; with `grow` also finds those that have to be shaped.
    fn survey(&mut self, grow: bool) -> Result<(), TreeError> {
        let found = self.list()?;
        self.devices.retain(|device| found.iter().any(|there| there.index == device.interface.index));
        for there in &found {
            let device = self.devices.iter_mut().find(|device| device.interface.index == there.index);
            if let Some(Device { interface, installed }) = device {
                if installed.gso_segs == installed.own_gso_segs {
                    (installed.own_gso_segs, installed.gso_segs) = (there.gso_segs, there.gso_segs);
                }
                *interface = there.clone();
            }
        }
        if !grow {
            return Ok(());
        }
        for mut there in self.selected(found)? {
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
                self.devices.push(Device { interface: there, installed });
            }
        }
        Ok(())
    }

    fn selected(&self, found: Vec<Interface>) -> Result<Vec<Interface>, TreeError> {
        let selected: Vec<Interface> = match &self.interfaces {
            Interfaces::All => found.into_iter().filter(|there| there.usable).collect(),
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

    fn root(&mut self, interface: &Interface) -> Result<Root, TreeError> {
        self.kernel.root(interface).map_err(|refusal| refused(interface, refusal, true))
    }

    /// Takes away a root of ours that this tree does not know of.
    fn reclaim(&mut self, interface: &Interface, own_gso_segs: u32) -> Result<(), TreeError> {
        for op in [Op::GsoSegs(own_gso_segs), Op::RemoveRoot] {
            self.kernel.apply(interface, &op).map_err(|refusal| refused(interface, refusal, true))?;
        }
        Ok(())
    }
}

fn refused(interface: &Interface, refusal: Refusal, restored: bool) -> TreeError {
    TreeError::Refused { interface: interface.name.clone(), refusal, restored }
}

#[cfg(test)]
mod tests;
