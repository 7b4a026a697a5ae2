//! The kernel, through netlink.
//!
//! Invariant: objects are created with "must not exist" and changed with "must exist", so nothing of another owner is
//! ever taken over; only the queue of a class of ours is put right whatever it is. A class and its queue travel in one piece.
//! Deliberately absent: a netlink crate. None types HTB classes, byte queues or netem, and what remains is small.

mod class;
mod device;
mod features;
mod fork;
mod netem;
mod nft;
mod socket;
mod tc;
pub(crate) mod veth;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use rebuffer_shape::{
    Aide, Class, ClassParams, Features, Interface, Kernel, Leaf, Minor, Netem, Op, Refusal, Root, Rules,
};

pub(crate) use self::socket::{Failure, Socket};
use self::tc::Target;
use self::wire::{CREATE, DUMP, ECHO, EXCL, REPLACE};
use crate::error::ShaperError;

/// The kernel of one network namespace.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    /// To the packet filter; none, with the reason, where there is none.
    filter: Result<Socket, String>,
}

/// Loopback has this number in every network namespace.
const LOOPBACK: u32 = 1;
/// No device has this number.
const NOWHERE: u32 = i32::MAX.unsigned_abs();

impl Netlink {
    /// Speaks with the network namespace of the calling thread, from whatever thread later.
    ///
    /// # Errors
    ///
    /// [`ShaperError::Unsupported`] where there is no netlink.
    pub fn open() -> Result<Self, ShaperError> {
        let socket = Socket::open();
        let filter = Socket::open_filter().map_err(|error| format!("the kernel has no nf_tables: {error}"));
        socket
            .map(|socket| Self { socket, filter })
            .map_err(|error| ShaperError::Unsupported(format!("no netlink socket: {error}")))
    }

    /// Whether this process may shape here and the kernel can. Changes nothing: what is asked for cannot be done, and
    /// the kind of refusal is the answer.
    pub(crate) fn probe(&mut self) -> Result<(), ShaperError> {
        let ask = Target::root(NOWHERE).message(&mut self.socket, tc::DEL_QDISC, 0);
        if self.send(ask.finish()).is_err_and(|failure| failure.errno == libc::EPERM) {
            let missing = "CAP_NET_ADMIN is missing in this network namespace";
            return Err(ShaperError::NotPermitted(missing.to_owned()));
        }
        let ask = Target::root(LOOPBACK).message(&mut self.socket, tc::NEW_QDISC, CREATE | EXCL);
        let result = self.send(ask.text(tc::KIND, tc::HTB).finish());
        match result.map_err(|failure| failure.errno) {
            Err(libc::ENOENT) => Err(ShaperError::Unsupported("the kernel has no HTB (sch_htb)".to_owned())),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What the kernel can do, tried where no rig tries it.
    pub(crate) fn examine(&mut self) -> Features {
        features::features(self, features::EXAMINED)
    }

    fn send(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        self.socket.exchange(1, &bytes, |_| {})
    }

    /// Creates or changes a class and its queue; with a seed, what is random in the queue begins anew.
    fn class_and_queue(
        &mut self,
        device: u32,
        (minor, params): (Minor, &ClassParams),
        flags: (u16, u16),
        seed: Option<u64>,
    ) -> Result<(), Failure> {
        let class = Target::class(device, minor).message(&mut self.socket, tc::NEW_CLASS, flags.0);
        let mut bytes = class::class_options(class, params).finish();
        let queue = Target::queue(device, minor).message(&mut self.socket, tc::NEW_QDISC, flags.1);
        bytes.extend(class::queue_options(queue, &params.leaf, seed).finish());
        self.socket.exchange(2, &bytes, |_| {})
    }

    fn create_class(&mut self, device: u32, minor: Minor, params: &ClassParams) -> Result<(), Failure> {
        let flags = (CREATE | EXCL, CREATE | EXCL);
        let result = self.class_and_queue(device, (minor, params), flags, seed(&params.leaf));
        // A class that was there before is not ours to remove.
        if result.as_ref().is_err_and(|failure| failure.errno != libc::EEXIST) {
            let _ = self.perform(device, &Op::RemoveClass(minor));
        }
        result
    }

    /// Changes a class in place. A netem queue that is as wanted is not touched, and one that has the wanted seed goes on
    /// in its sequence of random numbers.
    fn change_class(&mut self, device: u32, minor: Minor, params: &ClassParams) -> Result<(), Failure> {
        let flags = (0, CREATE | REPLACE);
        let wanted = seed(&params.leaf);
        let Leaf::Netem(netem) = params.leaf else {
            return self.class_and_queue(device, (minor, params), flags, None);
        };
        let place = Target { handle: 0, ..Target::queue(device, minor) };
        let seen = self.queue(place)?;
        let kept = seen.as_ref().and_then(seed);
        let unseeded = |netem: Netem| Netem { seed: None, ..netem };
        if matches!(seen, Some(Leaf::Netem(seen)) if unseeded(seen) == unseeded(netem))
            && (wanted.is_none() || wanted == kept)
        {
            let class = Target::class(device, minor).message(&mut self.socket, tc::NEW_CLASS, 0);
            return self.send(class::class_options(class, params).finish());
        }
        self.class_and_queue(device, (minor, params), flags, wanted.filter(|_| wanted != kept))?;
        // Some kernels draw a new seed with every change that brings none.
        if wanted.is_some() && wanted == kept && self.queue(place)?.as_ref().and_then(seed) != kept {
            return self.class_and_queue(device, (minor, params), flags, wanted);
        }
        Ok(())
    }

    /// The queue at a place, if it is one that we make.
    fn queue(&mut self, place: Target) -> Result<Option<Leaf>, Failure> {
        let ask = place.message(&mut self.socket, tc::GET_QDISC, ECHO).finish();
        let mut found = None;
        gone(self.socket.exchange(1, &ask, |payload| found = class::read_queue(payload)))?;
        Ok(found)
    }

    fn dump(&mut self, kind: u16, target: Target) -> Result<Vec<Vec<u8>>, Failure> {
        let ask = target.message(&mut self.socket, kind, DUMP).finish();
        let mut found = Vec::new();
        self.socket.exchange(1, &ask, |payload| {
            if tc::described(payload).is_some_and(|(seen, _)| seen.device == target.device) {
                found.push(payload.to_vec());
            }
        })?;
        Ok(found)
    }

    /// Speaks with the packet filter, which needs the numbers of the sink and of the uplink's device.
    fn filtered<T>(
        &mut self,
        speak: impl FnOnce(&mut Socket, Option<u32>, Option<u32>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let [sink, up] = [Aide::Sink, Aide::Up].map(|aide| device::ours(&mut self.socket, aide.name()));
        let absent = |missing: &mut String| Failure { errno: libc::EOPNOTSUPP, message: missing.clone() };
        speak(self.filter.as_mut().map_err(absent)?, sink?, up?)
    }

    /// The number of the device that packets are diverted to.
    fn down(&mut self) -> Result<Option<u32>, Failure> {
        device::ours(&mut self.socket, Aide::Down.name())
    }

    fn perform(&mut self, device: u32, op: &Op) -> Result<(), Failure> {
        match op {
            Op::InstallRoot { own_gso_segs } => {
                let ask = Target::root(device).message(&mut self.socket, tc::NEW_QDISC, CREATE | EXCL);
                self.send(tc::root_options(ask, *own_gso_segs).finish())
            }
            Op::RemoveRoot => {
                let ask = Target::root(device).message(&mut self.socket, tc::DEL_QDISC, 0);
                gone(self.send(ask.finish()))
            }
            Op::GsoSegs(segs) => device::set_gso_segs(&mut self.socket, device, *segs),
            Op::CreateClass(minor, params) => self.create_class(device, *minor, params),
            Op::ChangeClass(minor, params) => self.change_class(device, *minor, params),
            Op::RemoveClass(minor) => {
                let ask = Target::class(device, *minor).message(&mut self.socket, tc::DEL_CLASS, 0);
                gone(self.send(ask.finish()))
            }
            Op::InstallFork => fork::install(&mut self.socket, device),
            Op::RemoveFork => fork::remove(&mut self.socket, device),
            Op::Divert(port) => {
                let to = self.down()?.ok_or_else(|| Failure {
                    errno: libc::ENODEV,
                    message: format!("there is no {}", Aide::Down.name()),
                })?;
                fork::divert(&mut self.socket, device, *port, to)
            }
            Op::Undivert(port) => fork::undivert(&mut self.socket, device, *port),
        }
    }
}

impl Kernel for Netlink {
    fn interfaces(&mut self) -> Result<Vec<Interface>, Refusal> {
        device::list(&mut self.socket).map_err(|failure| refusal("list devices", failure))
    }

    fn root(&mut self, interface: &Interface) -> Result<Root, Refusal> {
        let target = Target { handle: 0, ..Target::root(interface.index) };
        let ask = target.message(&mut self.socket, tc::GET_QDISC, ECHO).finish();
        let mut root = None;
        let result = self.socket.exchange(1, &ask, |payload| root = tc::read_root(payload));
        match result {
            Ok(()) => Ok(root.unwrap_or(Root::Default)),
            Err(failure) if failure.errno == libc::ENOENT => Ok(Root::Default),
            Err(failure) => Err(refusal("read the root queue", failure)),
        }
    }

    fn class(&mut self, interface: &Interface, minor: Minor) -> Result<Option<Class>, Refusal> {
        let class = Target::class(interface.index, minor);
        let mut ask = class.message(&mut self.socket, tc::GET_CLASS, ECHO).finish();
        // Whatever hangs there is asked for, whoever put it there.
        let queue = Target { handle: 0, ..Target::queue(interface.index, minor) };
        ask.extend(queue.message(&mut self.socket, tc::GET_QDISC, ECHO).finish());
        let mut parts = Vec::new();
        let result = self.socket.exchange(2, &ask, |payload| parts.push(payload.to_vec()));
        match (result, &parts[..]) {
            (Ok(()), [class, queue @ ..]) => Ok(class::read_class(class, queue.first().map(Vec::as_slice))),
            (Err(failure), _) if !matches!(failure.errno, libc::ENOENT | libc::ENODEV) => {
                Err(refusal(&format!("read class {minor}"), failure))
            }
            (Ok(()) | Err(_), _) => Ok(None),
        }
    }

    fn classes(&mut self, interface: &Interface) -> Result<BTreeMap<Minor, Class>, Refusal> {
        let root = Target { handle: 0, parent: tc::OURS, ..Target::root(interface.index) };
        let all = Target { parent: 0, ..root };
        let read =
            self.dump(tc::GET_CLASS, root).and_then(|classes| Ok((classes, self.dump(tc::GET_QDISC, all)?)));
        let (classes, queues) = read.map_err(|failure| refusal("read classes", failure))?;
        Ok(class::pair(&classes, &queues))
    }

    fn diverted(&mut self, interface: &Interface) -> Result<Option<BTreeSet<u16>>, Refusal> {
        let found = self.down().and_then(|to| fork::diverted(&mut self.socket, interface.index, to));
        found.map_err(|failure| refusal("read the fork", failure))
    }

    fn summon(&mut self, aide: Aide) -> Result<Interface, Refusal> {
        let doing = format!("make {}", aide.name());
        let made = device::summon(&mut self.socket, aide.name(), aide != Aide::Sink);
        let index = made.map_err(|failure| refusal(&doing, failure))?;
        let found = self.interfaces()?.into_iter().find(|interface| interface.index == index);
        found
            .ok_or_else(|| refusal(&doing, Failure { errno: libc::ENODEV, message: "it is gone".to_owned() }))
    }

    fn dismiss(&mut self, aide: Aide) -> Result<(), Refusal> {
        let result = device::dismiss(&mut self.socket, aide.name());
        result.map_err(|failure| refusal(&format!("remove {}", aide.name()), failure))
    }

    fn rules(&mut self) -> Result<Option<Rules>, Refusal> {
        let read = self.filtered(nft::read);
        read.map_err(|failure| refusal("read the packet filter", failure))
    }

    fn commit(&mut self, from: Option<&Rules>, to: Option<&Rules>) -> Result<(), Refusal> {
        let done = self.filtered(|socket, sink, up| nft::commit(socket, from, to, sink, up));
        done.map_err(|failure| refusal("change the packet filter", failure))
    }

    fn struck(&mut self) -> Result<BTreeMap<Minor, u64>, Refusal> {
        let struck = self.filtered(|socket, _, _| nft::struck(socket));
        struck.map_err(|failure| refusal("count struck packets", failure))
    }

    fn features(&mut self) -> Features {
        features::features(self, features::SCRATCH)
    }

    fn apply(&mut self, interface: &Interface, op: &Op) -> Result<(), Refusal> {
        self.perform(interface.index, op).map_err(|failure| refusal(&op.to_string(), failure))
    }
}

fn seed(leaf: &Leaf) -> Option<u64> {
    match leaf {
        Leaf::Netem(netem) => netem.seed,
        Leaf::Fifo(_) => None,
    }
}

fn refusal(doing: &str, failure: Failure) -> Refusal {
    Refusal { doing: doing.to_owned(), errno: failure.errno, message: failure.message }
}

/// What is to be removed and is not there needs no removal.
fn gone(result: Result<(), Failure>) -> Result<(), Failure> {
    result.or_else(|failure| match failure.errno {
        libc::ENOENT | libc::ENODEV => Ok(()),
        _ => Err(failure),
    })
}
