//! What the kernel can do, found out by having it done where nobody looks.
//!
//! Invariant: everything is tried on a device that is made for it, is never up, and is removed again; the kernel may
//! load what it needs on the way. A kind that the kernel does not know is told from every other refusal.
//! Deliberately absent: lists of modules and versions, which say what a kernel was built with and not what it does.

use rebuffer_shape::{Features, Leaf, Netem};

use super::socket::Failure;
use super::tc::{self, Target};
use super::wire::{CREATE, EXCL};
use super::{LOOPBACK, Netlink, class, device, fork, nft};

/// The device that things are tried on.
pub(super) const SCRATCH: &str = "rebuffer-probe";
/// The same for who examines, beside a rig that may be trying things on the other one at that moment.
pub(super) const EXAMINED: &str = "rebuffer-doctor";
const PORT: u16 = 1;
const SEED: u64 = 0x5eed;

type Able = Result<(), String>;

pub(super) fn features(netlink: &mut Netlink, name: &str) -> Features {
    // One may be left of a run that was killed.
    let fresh = device::dismiss(&mut netlink.socket, name)
        .and_then(|()| device::summon(&mut netlink.socket, name, false));
    let filter = netlink.filter.as_mut().map_err(|missing| missing.clone()).and_then(nft::probe);
    let found = match fresh {
        Ok(scratch) => {
            let (netem, netem_seed) = netem(netlink, scratch);
            let divert = divert(netlink, scratch);
            Features { netem, netem_seed, divert, filter, aides: Ok(()) }
        }
        Err(failure) => {
            let missing = if failure.errno == libc::EOPNOTSUPP {
                "the kernel has no ifb devices (ifb)".to_owned()
            } else {
                format!("no ifb device can be made: {}", failure.message)
            };
            let netem = known(netlink, LOOPBACK);
            let divert = Err(missing.clone());
            Features { netem, netem_seed: false, divert, filter, aides: Err(missing) }
        }
    };
    if let Err(failure) = device::dismiss(&mut netlink.socket, name) {
        tracing::warn!(device = name, error = failure.message, "a device of ours could not be removed");
    }
    found
}

/// Whether netem is there, and remembers a seed.
fn netem(netlink: &mut Netlink, scratch: u32) -> (Able, bool) {
    let queue = Leaf::Netem(Netem { limit: 2, seed: Some(SEED), ..Netem::default() });
    let ask = Target::root(scratch).message(&mut netlink.socket, tc::NEW_QDISC, CREATE | EXCL);
    let made = netlink.send(class::queue_options(ask, &queue, Some(SEED)).finish());
    let able = reason(made, "netem queues", "sch_netem");
    let seen =
        able.is_ok() && netlink.queue(Target { handle: 0, ..Target::root(scratch) }) == Ok(Some(queue));
    (able, seen)
}

/// Whether the kernel knows netem: what is asked for lacks the options, so it is never made.
fn known(netlink: &mut Netlink, device: u32) -> Able {
    let ask = Target::root(device).message(&mut netlink.socket, tc::NEW_QDISC, CREATE | EXCL);
    let result = netlink.send(ask.text(tc::KIND, super::netem::KIND).finish());
    let missing = result.is_err_and(|failure| failure.errno == libc::ENOENT);
    if missing { Err("the kernel has no netem queues (sch_netem)".to_owned()) } else { Ok(()) }
}

/// Whether packets can be sent through a device of ours.
fn divert(netlink: &mut Netlink, scratch: u32) -> Able {
    let socket = &mut netlink.socket;
    reason(fork::hook_up(socket, scratch), "clsact hooks", "sch_ingress")?;
    reason(fork::install(socket, scratch), "u32 filters", "cls_u32")?;
    reason(fork::divert(socket, scratch, PORT, scratch), "mirred actions", "act_mirred")
}

fn reason(result: Result<(), Failure>, what: &str, module: &str) -> Able {
    result.map_err(|failure| match failure.errno {
        libc::ENOENT => format!("the kernel has no {what} ({module})"),
        _ => format!("no {what} here: {}", failure.message),
    })
}
