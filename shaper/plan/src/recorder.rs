//! A kernel in memory: does what the real one does with our operations, and remembers them.
//!
//! Invariant: refuses what the real one refuses (a class without a root, a second one of the same number, a change of
//! one that is not there), so that a test against it cannot pass with operations that would fail.
//! Deliberately absent: packets.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::{Aide, Class, Counters, Features, Interface, Kernel, Op, Refusal, Root};
use crate::minor::Minor;
use crate::rules::Rules;
use crate::wanted::Installed;

const EEXIST: i32 = 17;
const ENOENT: i32 = 2;
const ENODEV: i32 = 19;

/// A kernel in memory.
#[derive(Debug)]
pub struct Recorder {
    devices: BTreeMap<u32, Device>,
    plugged: u32,
    features: Features,
    rules: Option<Rules>,
    commits: usize,
    refuse: Option<(usize, i32)>,
    forgets: Option<u16>,
    done: Vec<(String, Op)>,
}

/// What a kernel without netem can do.
pub fn plain_kernel() -> Features {
    let netem = Err("this kernel has no netem (sch_netem)".to_owned());
    Features { netem, netem_seed: false, divert: Ok(()), filter: Ok(()), aides: Ok(()) }
}

#[derive(Debug)]
struct Device {
    interface: Interface,
    foreign: Option<String>,
    state: Installed,
    /// Which creation of its number each class is.
    born: BTreeMap<Minor, u64>,
    births: u64,
}

impl Recorder {
    /// A machine with these usable devices.
    pub fn with(names: &[&str]) -> Self {
        Self::able(plain_kernel(), names)
    }

    /// A machine whose kernel can do this, with these usable devices.
    pub fn able(features: Features, names: &[&str]) -> Self {
        let mut recorder = Self {
            devices: BTreeMap::new(),
            plugged: 0,
            features,
            rules: None,
            commits: 0,
            refuse: None,
            forgets: None,
            done: Vec::new(),
        };
        names.iter().for_each(|name| recorder.plug(name));
        recorder
    }

    /// Adds a usable device.
    pub fn plug(&mut self, name: &str) {
        self.plugged += 1;
        let index = self.plugged;
        let interface = Interface { index, name: name.to_owned(), usable: true, gso_segs: 65_535 };
        let state = Installed::untouched(interface.gso_segs);
        self.devices
            .insert(index, Device { interface, foreign: None, state, born: BTreeMap::new(), births: 0 });
    }

    /// Takes a device away.
    pub fn unplug(&mut self, name: &str) {
        self.devices.retain(|_, device| device.interface.name != name);
    }

    /// Puts somebody else's queue on a device.
    pub fn occupy(&mut self, name: &str, queue: &str) {
        if let Some(device) = self.devices.values_mut().find(|device| device.interface.name == name) {
            device.foreign = Some(queue.to_owned());
        }
    }

    /// Takes somebody else's queue off a device.
    pub fn vacate(&mut self, name: &str) {
        if let Some(device) = self.devices.values_mut().find(|device| device.interface.name == name) {
            device.foreign = None;
        }
    }

    /// Refuses one operation: the next for 0, the one after it for 1.
    pub fn refuse(&mut self, after: usize, errno: i32) {
        self.refuse = Some((after, errno));
    }

    /// Lets somebody else take this port out of the packet filter as soon as that is changed.
    pub fn forget_after_commit(&mut self, port: u16) {
        self.forgets = Some(port);
    }

    /// Takes a port out of the packet filter, as somebody else would.
    pub fn forget(&mut self, port: u16) {
        for rules in self.rules.iter_mut().flat_map(|rules| rules.sessions.values_mut()) {
            rules.ports = rules.ports.without(port).unwrap_or(rules.ports);
        }
    }

    /// The operations since the last call, with their devices.
    pub fn done(&mut self) -> Vec<(String, Op)> {
        std::mem::take(&mut self.done)
    }

    /// What the packet filter does.
    pub fn filter(&self) -> Option<&Rules> {
        self.rules.as_ref()
    }

    /// Puts the packet filter into a state, as somebody else would.
    pub fn tamper(&mut self, rules: Option<Rules>) {
        self.rules = rules;
    }

    /// How often the packet filter was changed.
    pub fn commits(&self) -> usize {
        self.commits
    }

    /// What a device carries.
    pub fn installed(&self, name: &str) -> Option<&Installed> {
        self.devices.values().find(|device| device.interface.name == name).map(|device| &device.state)
    }

    fn refuses(&mut self, doing: &str) -> Result<(), Refusal> {
        match self.refuse.take() {
            Some((0, errno)) => Err(refusal(doing, errno)),
            Some((after, errno)) => {
                self.refuse = Some((after - 1, errno));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn device(&mut self, interface: &Interface, doing: &str) -> Result<&mut Device, Refusal> {
        self.devices.get_mut(&interface.index).ok_or_else(|| refusal(doing, ENODEV))
    }
}

impl Kernel for Recorder {
    fn interfaces(&mut self) -> Result<Vec<Interface>, Refusal> {
        let now = |device: &Device| Interface { gso_segs: device.state.gso_segs, ..device.interface.clone() };
        Ok(self.devices.values().map(now).collect())
    }

    fn root(&mut self, interface: &Interface) -> Result<Root, Refusal> {
        let device = self.device(interface, "read the root")?;
        Ok(match &device.foreign {
            Some(name) => Root::Foreign { name: name.clone() },
            None if device.state.root => Root::Ours { own_gso_segs: device.state.own_gso_segs },
            None => Root::Default,
        })
    }

    fn class(&mut self, interface: &Interface, minor: Minor) -> Result<Option<Class>, Refusal> {
        let device = self.device(interface, "read a class")?;
        let born = device.born.get(&minor).copied().unwrap_or_default();
        let counters = Counters { packets: born, ..Counters::default() };
        Ok(device.state.classes.get(&minor).map(|params| Class { params: *params, counters }))
    }

    fn classes(&mut self, interface: &Interface) -> Result<BTreeMap<Minor, Class>, Refusal> {
        let device = self.device(interface, "read classes")?;
        let mut classes = BTreeMap::new();
        for (minor, params) in &device.state.classes {
            let packets = device.born.get(minor).copied().unwrap_or_default();
            classes.insert(
                *minor,
                Class { params: *params, counters: Counters { packets, ..Counters::default() } },
            );
        }
        Ok(classes)
    }

    fn diverted(&mut self, interface: &Interface) -> Result<Option<BTreeSet<u16>>, Refusal> {
        Ok(self.device(interface, "read diverted ports")?.state.diverted.clone())
    }

    fn summon(&mut self, aide: Aide) -> Result<Interface, Refusal> {
        self.refuses("make a device")?;
        self.plug(aide.name());
        let made = self.devices.get_mut(&self.plugged).ok_or_else(|| refusal("make a device", ENODEV))?;
        made.interface.usable = false;
        Ok(made.interface.clone())
    }

    fn dismiss(&mut self, aide: Aide) -> Result<(), Refusal> {
        self.unplug(aide.name());
        Ok(())
    }

    fn rules(&mut self) -> Result<Option<Rules>, Refusal> {
        Ok(self.rules.clone())
    }

    fn commit(&mut self, from: Option<&Rules>, to: Option<&Rules>) -> Result<(), Refusal> {
        let doing = "change the packet filter";
        self.refuses(doing)?;
        if from.is_some() && from != self.rules.as_ref() {
            return Err(refusal(doing, ENOENT));
        }
        let mut ports = BTreeSet::new();
        let mut all = to.iter().flat_map(|rules| rules.sessions.values()).flat_map(|rules| rules.ports);
        if !all.all(|port| ports.insert(port)) {
            return Err(refusal(doing, EEXIST));
        }
        self.rules = to.cloned();
        if let Some(port) = self.forgets.take() {
            self.forget(port);
        }
        self.commits += 1;
        Ok(())
    }

    fn struck(&mut self) -> Result<BTreeMap<Minor, u64>, Refusal> {
        let sessions = self.rules.iter().flat_map(|rules| &rules.sessions);
        Ok(sessions.filter(|(_, rules)| rules.strike.is_some()).map(|(minor, _)| (*minor, 0)).collect())
    }

    fn features(&mut self) -> Features {
        self.features.clone()
    }

    fn apply(&mut self, interface: &Interface, op: &Op) -> Result<(), Refusal> {
        let doing = op.to_string();
        self.refuses(&doing)?;
        let device = self.device(interface, &doing)?;
        let state = &device.state;
        let errno = match op {
            Op::InstallRoot { .. } if state.root || device.foreign.is_some() => Some(EEXIST),
            Op::CreateClass(minor, _) if state.classes.contains_key(minor) => Some(EEXIST),
            Op::ChangeClass(minor, _) if !state.classes.contains_key(minor) => Some(ENOENT),
            Op::CreateClass(..) | Op::RemoveRoot if !state.root => Some(ENOENT),
            Op::InstallFork if state.diverted.is_some() => Some(EEXIST),
            Op::Divert(port) if state.diverted.as_ref().is_some_and(|ports| ports.contains(port)) => {
                Some(EEXIST)
            }
            Op::Divert(_) | Op::RemoveFork if state.diverted.is_none() => Some(ENOENT),
            Op::CreateClass(..)
            | Op::RemoveRoot
            | Op::InstallRoot { .. }
            | Op::ChangeClass(..)
            | Op::GsoSegs(_)
            | Op::RemoveClass(_)
            | Op::InstallFork
            | Op::RemoveFork
            | Op::Divert(_)
            | Op::Undivert(_) => None,
        };
        if let Some(errno) = errno {
            return Err(refusal(&doing, errno));
        }
        device.state.note(op);
        if let Op::CreateClass(minor, _) = op {
            device.births += 1;
            device.born.insert(*minor, device.births);
        }
        self.done.push((interface.name.clone(), *op));
        Ok(())
    }
}

fn refusal(doing: &str, errno: i32) -> Refusal {
    let message = std::io::Error::from_raw_os_error(errno).to_string();
    Refusal { doing: doing.to_owned(), errno, message }
}
