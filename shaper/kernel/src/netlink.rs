//! The kernel, through netlink.
//!
//! Invariant: objects are created with "must not exist" and changed with "must exist", so nothing of another owner is
//! ever taken over. A class and its queue travel in one piece.
//! Deliberately absent: a netlink crate. None types HTB classes or byte queues, and what remains are 200 lines.

mod device;
mod socket;
mod tc;
pub(crate) mod veth;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use rebuffer_shape::{
    Aide, Class, ClassParams, Features, Interface, Kernel, Minor, Op, Refusal, Root, Rules,
};

pub(crate) use self::socket::{Failure, Socket};
use self::tc::Target;
use self::wire::{CREATE, ECHO, EXCL};
use crate::error::ShaperError;

/// The kernel of one network namespace.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: Socket,
}

/// Loopback has this number in every network namespace.
const LOOPBACK: u32 = 1;
/// No device has this number.
const NOWHERE: u32 = i32::MAX.unsigned_abs();

impl Netlink {
    /// Speaks with the network namespace of the calling thread, from whatever thread later.
    pub(crate) fn open() -> Result<Self, ShaperError> {
        let socket = Socket::open();
        socket
            .map(|socket| Self { socket })
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

    fn send(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        self.socket.exchange(1, &bytes, |_| {})
    }

    /// Creates or changes a class and its queue.
    fn class_and_queue(
        &mut self,
        device: u32,
        class: (Minor, &ClassParams),
        flags: u16,
    ) -> Result<(), Failure> {
        let (minor, params) = class;
        let class = Target::class(device, minor).message(&mut self.socket, tc::NEW_CLASS, flags);
        let mut bytes = tc::class_options(class, params).finish();
        let queue = Target::queue(device, minor).message(&mut self.socket, tc::NEW_QDISC, flags);
        bytes.extend(tc::queue_options(queue, params).finish());
        self.socket.exchange(2, &bytes, |_| {})
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
            Op::CreateClass(minor, params) => {
                let result = self.class_and_queue(device, (*minor, params), CREATE | EXCL);
                // A class that was there before is not ours to remove.
                if result.as_ref().is_err_and(|failure| failure.errno != libc::EEXIST) {
                    let _ = self.perform(device, &Op::RemoveClass(*minor));
                }
                result
            }
            Op::ChangeClass(minor, params) => self.class_and_queue(device, (*minor, params), 0),
            Op::RemoveClass(minor) => {
                let ask = Target::class(device, *minor).message(&mut self.socket, tc::DEL_CLASS, 0);
                gone(self.send(ask.finish()))
            }
            Op::InstallFork | Op::RemoveFork | Op::Divert(_) | Op::Undivert(_) => Err(unspoken()),
        }
    }
}

fn unspoken() -> Failure {
    Failure { errno: libc::EOPNOTSUPP, message: "not spoken yet".to_owned() }
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
        let queue = Target { parent: 0, ..Target::queue(interface.index, minor) };
        ask.extend(queue.message(&mut self.socket, tc::GET_QDISC, ECHO).finish());
        let mut parts = Vec::new();
        let result = self.socket.exchange(2, &ask, |payload| parts.push(payload.to_vec()));
        match (result, &parts[..]) {
            (Ok(()), [class, queue]) => Ok(tc::read_class(class, queue)),
            (Err(failure), _) if !matches!(failure.errno, libc::ENOENT | libc::ENODEV) => {
                Err(refusal(&format!("read class {minor}"), failure))
            }
            (Ok(()) | Err(_), _) => Ok(None),
        }
    }

    fn classes(&mut self, _interface: &Interface) -> Result<BTreeMap<Minor, Class>, Refusal> {
        Err(refusal("read classes", unspoken()))
    }

    fn diverted(&mut self, _interface: &Interface) -> Result<Option<BTreeSet<u16>>, Refusal> {
        Ok(None)
    }

    fn summon(&mut self, aide: Aide) -> Result<Interface, Refusal> {
        Err(refusal(aide.name(), unspoken()))
    }

    fn dismiss(&mut self, _aide: Aide) -> Result<(), Refusal> {
        Ok(())
    }

    fn rules(&mut self) -> Result<Option<Rules>, Refusal> {
        Ok(None)
    }

    fn commit(&mut self, _from: Option<&Rules>, _to: Option<&Rules>) -> Result<(), Refusal> {
        Err(refusal("change the packet filter", unspoken()))
    }

    fn struck(&mut self) -> Result<BTreeMap<Minor, u64>, Refusal> {
        Ok(BTreeMap::new())
    }

    fn features(&mut self) -> Features {
        let missing = || Err("not spoken yet".to_owned());
        Features {
            netem: missing(),
            netem_seed: false,
            divert: missing(),
            filter: missing(),
            aides: missing(),
        }
    }

    fn apply(&mut self, interface: &Interface, op: &Op) -> Result<(), Refusal> {
        self.perform(interface.index, op).map_err(|failure| refusal(&op.to_string(), failure))
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
