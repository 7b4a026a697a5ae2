//! A kernel in memory: does what the real one does with our operations, and remembers them.
//!
//! Invariant: refuses what the real one refuses (a class without a root, a second one of the same number, a change of
//! one that is not there), so that a test against it cannot pass with operations that would fail.
//! Deliberately absent: packets.

use std::collections::BTreeMap;

use crate::kernel::{Class, Counters, Interface, Kernel, Op, Refusal, Root};
use crate::minor::Minor;
use crate::wanted::Installed;

const EEXIST: i32 = 17;
const ENOENT: i32 = 2;
const ENODEV: i32 = 19;

/// A kernel in memory.
#[derive(Debug, Default)]
pub struct Recorder {
    devices: BTreeMap<u32, Device>,
    plugged: u32,
    refuse: Option<(usize, i32)>,
    done: Vec<(String, Op)>,
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
        let mut recorder = Self::default();
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

    /// Refuses one operation: the next for 0, the one after it for 1.
    pub fn refuse(&mut self, after: usize, errno: i32) {
        self.refuse = Some((after, errno));
    }

    /// The operations since the last call, with their devices.
    pub fn done(&mut self) -> Vec<(String, Op)> {
        std::mem::take(&mut self.done)
    }

    /// What a device carries.
    pub fn installed(&self, name: &str) -> Option<&Installed> {
        self.devices.values().find(|device| device.interface.name == name).map(|device| &device.state)
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

    fn apply(&mut self, interface: &Interface, op: &Op) -> Result<(), Refusal> {
        let doing = op.to_string();
        match self.refuse.take() {
            Some((0, errno)) => return Err(refusal(&doing, errno)),
            Some((after, errno)) => self.refuse = Some((after - 1, errno)),
            None => {}
        }
        let device = self.device(interface, &doing)?;
        let state = &device.state;
        let errno = match op {
            Op::InstallRoot { .. } if state.root || device.foreign.is_some() => Some(EEXIST),
            Op::CreateClass(minor, _) if state.classes.contains_key(minor) => Some(EEXIST),
            Op::ChangeClass(minor, _) if !state.classes.contains_key(minor) => Some(ENOENT),
            Op::CreateClass(..) | Op::RemoveRoot if !state.root => Some(ENOENT),
            Op::CreateClass(..)
            | Op::RemoveRoot
            | Op::InstallRoot { .. }
            | Op::ChangeClass(..)
            | Op::GsoSegs(_)
            | Op::RemoveClass(_) => None,
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
