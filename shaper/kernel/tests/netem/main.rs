//! netem as the kernel has it: queues that are read back as they were written, and what they do to packets.
//!
//! Everything random has a seed, so a test that passes once passes always. Where the kernel has no netem, each test says so and
//! passes; the virtual machine has it.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by a panic, and says why it was skipped"
)]

mod links;
#[path = "../kernel/netns.rs"]
#[expect(dead_code, reason = "what the other tests of the kernel need as well")]
mod netns;
mod packets;
mod path;
mod queues;
mod times;
#[path = "../kernel/traffic.rs"]
#[expect(dead_code, reason = "what the other tests of the kernel need as well")]
mod traffic;

use rebuffer_shape::{ClassParams, Interface, Kernel, Leaf, Minor, Netem, Op, Probability};
use rebuffer_shaper::Netlink;

use crate::netns::Net;

/// The class of every test, and the priority that leads there.
const CLASS: u32 = 0x5eb0_0001;

fn minor() -> Minor {
    Minor::new(1).unwrap()
}

fn share(fraction: f64) -> Probability {
    Probability::of(fraction)
}

fn class(netem: Netem) -> ClassParams {
    ClassParams::unlimited(Leaf::Netem(netem))
}

/// A queue that does nothing.
fn plain() -> Netem {
    Netem { limit: 10_000, seed: Some(1), ..Netem::default() }
}

/// A kernel with netem and seeds; none, with the reason printed, where there is no such thing.
fn kernel(net: &Net) -> Option<Netlink> {
    let mut netlink = net.here(Netlink::open).unwrap();
    let features = netlink.features();
    match (features.netem, features.netem_seed) {
        (Ok(()), true) => Some(netlink),
        (Ok(()), false) => {
            println!("skipped: netem takes no seed here");
            None
        }
        (Err(missing), _) => {
            println!("skipped: {missing}");
            None
        }
    }
}

/// Our root, with the class of the test on a device.
fn shaped(netlink: &mut Netlink, name: &str, netem: Netem) -> Interface {
    let interface = netlink.interfaces().unwrap().into_iter().find(|found| found.name == name).unwrap();
    netlink.apply(&interface, &Op::InstallRoot { own_gso_segs: 1 }).unwrap();
    netlink.apply(&interface, &Op::CreateClass(minor(), class(netem))).unwrap();
    interface
}

/// What `tc` says of a device's queues.
fn looked(net: &Net, device: &str) -> String {
    net.run(&format!("tc qdisc show dev {device}"))
}
