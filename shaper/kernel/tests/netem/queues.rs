//! Queues as the kernel says they are.

use std::collections::BTreeMap;

use rebuffer_shape::{ClassParams, Counters, Interface, Kernel, Leaf, Loss, Minor, Netem, Op, Probability};
use rebuffer_shaper::Netlink;

use crate::netns::Net;
use crate::{class, kernel, looked, minor, plain, shaped, share};

const MS: u64 = 1_000_000;

fn cases() -> Vec<(&'static str, Netem)> {
    let delayed = Netem { delay_ns: 100 * MS, ..plain() };
    vec![
        ("limit 10000", plain()),
        ("delay 100ms", delayed),
        ("delay 10s", Netem { delay_ns: 10_000 * MS, limit: 1_000_000, ..plain() }),
        ("delay 100ms  30ms", Netem { jitter_ns: 30 * MS, ..delayed }),
        ("rate", Netem { jitter_ns: 30 * MS, in_order: true, ..delayed }),
        ("loss 2%", Netem { loss: Loss::Independent(share(0.02)), ..delayed }),
        ("loss 100%", Netem { loss: Loss::Independent(Probability::ALWAYS), ..plain() }),
        (
            "loss gemodel p 1% r 25%",
            Netem { loss: Loss::Bursts { begin: share(0.01), end: share(0.25) }, ..plain() },
        ),
        ("duplicate 3%", Netem { duplicate: share(0.03), ..plain() }),
        ("reorder 25%", Netem { reorder: share(0.25), ..delayed }),
        ("corrupt 0.1%", Netem { corrupt: share(0.001), ..plain() }),
        ("limit 10000", Netem { seed: Some(u64::MAX), ..plain() }),
    ]
}

fn read(netlink: &mut Netlink, interface: &Interface) -> ClassParams {
    let class = netlink.class(interface, minor()).unwrap().unwrap();
    assert_eq!(netlink.classes(interface).unwrap(), BTreeMap::from([(minor(), class)]));
    class.params
}

#[test]
fn every_queue_is_read_as_it_was_written_by_creation_and_by_change() {
    let Some(net) = Net::new() else { return };
    let Some(mut netlink) = kernel(&net) else { return };
    let lo = shaped(&mut netlink, "lo", plain());
    for (said, netem) in cases() {
        for op in [
            Op::ChangeClass(minor(), class(netem)),
            Op::RemoveClass(minor()),
            Op::CreateClass(minor(), class(netem)),
        ] {
            netlink.apply(&lo, &op).unwrap();
            if !matches!(op, Op::RemoveClass(_)) {
                assert_eq!(read(&mut netlink, &lo), class(netem), "{said} {op}");
                assert!(looked(&net, "lo").contains(said), "{said}: {}", looked(&net, "lo"));
            }
        }
    }
    // And from each to each, so that nothing is kept from before.
    for (from, before) in cases() {
        for (to, after) in cases() {
            for netem in [before, after] {
                netlink.apply(&lo, &Op::ChangeClass(minor(), class(netem))).unwrap();
            }
            assert_eq!(read(&mut netlink, &lo), class(after), "{from} -> {to}");
        }
    }
    assert_eq!(netlink.class(&lo, minor()).unwrap().unwrap().counters, Counters::default());
}

#[test]
fn a_seed_that_nobody_chose_is_the_kernels() {
    let Some(net) = Net::new() else { return };
    let Some(mut netlink) = kernel(&net) else { return };
    let unseeded = class(Netem { seed: None, ..plain() });
    let lo = shaped(&mut netlink, "lo", Netem { seed: None, ..plain() });
    let first = read(&mut netlink, &lo);
    assert!(matches!(first.leaf, Leaf::Netem(Netem { seed: Some(_), .. })) && first.carries(&unseeded));
    netlink.apply(&lo, &Op::ChangeClass(minor(), unseeded)).unwrap();
    assert_eq!(read(&mut netlink, &lo), first, "what is as wanted is not touched");
}

#[test]
fn what_others_did_to_a_queue_is_seen_and_put_right() {
    let Some(net) = Net::new() else { return };
    let Some(mut netlink) = kernel(&net) else { return };
    let wanted = Netem { delay_ns: 20 * MS, loss: Loss::Independent(share(0.02)), ..plain() };
    let lo = shaped(&mut netlink, "lo", wanted);
    for meddled in [
        "tc qdisc change dev lo parent 5eb0:1 handle 1: netem delay 30ms",
        "tc qdisc change dev lo parent 5eb0:1 handle 1: netem limit 10000 delay 20ms loss 2% 50%",
        "tc qdisc change dev lo parent 5eb0:1 handle 1: netem limit 10000 delay 20ms loss 2% ecn",
        "tc qdisc change dev lo parent 5eb0:1 handle 1: netem limit 10000 delay 20ms loss 2% slot 1ms 2ms",
        "tc qdisc change dev lo parent 5eb0:1 handle 1: netem limit 10000 delay 20ms loss 2% rate 1mbit",
        "tc qdisc replace dev lo parent 5eb0:1 handle 2: bfifo limit 5000",
        "tc qdisc replace dev lo parent 5eb0:1 handle 2: pfifo limit 5",
        "tc qdisc del dev lo parent 5eb0:1 handle 1:",
    ] {
        net.run(meddled);
        assert!(!read(&mut netlink, &lo).carries(&class(wanted)), "{meddled}");
        netlink.apply(&lo, &Op::ChangeClass(minor(), class(wanted))).unwrap();
        assert_eq!(read(&mut netlink, &lo), class(wanted), "{meddled}");
    }
}

/// For a while kernels refused queues that duplicate beside any other netem queue of a device.
#[test]
fn queues_that_duplicate_share_a_device_or_are_refused_in_the_kernels_words() {
    let Some(net) = Net::new() else { return };
    let Some(mut netlink) = kernel(&net) else { return };
    let lo = shaped(&mut netlink, "lo", plain());
    let twice = class(Netem { duplicate: share(0.1), ..plain() });
    let second = Minor::new(2).unwrap();
    let before = netlink.classes(&lo).unwrap();
    match netlink.apply(&lo, &Op::CreateClass(second, twice)) {
        Ok(()) => assert_eq!(netlink.class(&lo, second).unwrap().unwrap().params, twice),
        Err(refusal) => {
            assert!(refusal.errno == libc::EINVAL && refusal.message.contains("duplicating"), "{refusal}");
            assert_eq!(netlink.classes(&lo).unwrap(), before);
        }
    }
}
