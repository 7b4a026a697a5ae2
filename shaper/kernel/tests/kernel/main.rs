//! The shaper against the real kernel, in network namespaces of the tests' own.
//!
//! What the kernel holds is looked at with `tc` and `ip`, which know nothing of our codec. Where namespaces cannot be
//! made (without root), each test says so and passes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by a panic, and says why it was skipped"
)]

mod conditions;
mod examination;
mod fork;
mod leftovers;
mod links;
mod netns;
mod opening;
mod ports;
mod traffic;

use rebuffer_model::{Mbps, Shape};
use rebuffer_shaper::{Mode, Shaper, ShaperConfig};

use crate::netns::Net;

const OWN_SEGS: u32 = 65_535;

fn config(mode: Mode) -> ShaperConfig {
    ShaperConfig { mode, ..ShaperConfig::default() }
}

async fn kernel() -> Shaper {
    Shaper::open(config(Mode::Kernel)).await.unwrap()
}

fn cap(mbps: f64) -> Shape {
    Shape::capped(Mbps::new(mbps).unwrap())
}

/// The classes of a device, one line each, with their rates.
fn classes(net: &Net, device: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        net.run(&format!("tc class show dev {device}")).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The number after a word in what a tool printed.
fn after(text: &str, word: &str) -> u64 {
    let mut words = text.split_whitespace().skip_while(|other| *other != word).skip(1);
    words.next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {word} in {text}"))
}

fn gso_segs(net: &Net, device: &str) -> u64 {
    after(&net.run(&format!("ip -d link show dev {device}")), "gso_max_segs")
}

fn is_untouched(net: &Net, device: &str) {
    let root = net.run(&format!("tc qdisc show dev {device}"));
    assert!(!root.contains("htb"), "{root}");
    assert_eq!(gso_segs(net, device), u64::from(OWN_SEGS), "{device}");
}
