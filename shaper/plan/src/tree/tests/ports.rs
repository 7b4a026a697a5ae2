//! Links of several ports against the recorded kernel.

use std::collections::BTreeMap;

use super::*;

const WHOLE: &str =
    r#"{"rate_mbps":5,"delay_ms":40,"loss_pct":1,"uplink":{"rate_mbps":1,"delay_ms":20},"seed":3}"#;

fn ports<const N: usize>(all: [u16; N]) -> Ports {
    all[1..].iter().fold(Ports::from(all[0]), |ports, port| ports.with(*port).unwrap())
}

/// The ports that a device diverts.
fn diverted(tree: &mut Tree<Recorder>, device: &str) -> Vec<u16> {
    tree.kernel().installed(device).unwrap().diverted.iter().flatten().copied().collect()
}

#[test]
fn a_port_that_joins_has_everything_that_is_in_force_and_no_class_is_touched() {
    let mut tree = able_tree(&["lo", "eth0"]);
    let (before, _) = tree.set(minor(1), PORT, &plan(WHOLE)).unwrap();
    let commits = tree.kernel().commits();
    tree.kernel().done();
    let two = ports([PORT, PORT + 1]);
    assert_eq!(tree.set_ports(minor(1), two), Ok((before, false)));
    let divert = |name: &str| (name.to_owned(), Op::Divert(PORT + 1));
    assert_eq!(tree.kernel().done(), [divert("lo"), divert("eth0")]);
    assert_eq!(tree.kernel().commits(), commits + 1);
    let rules = tree.kernel().filter().unwrap().sessions[&minor(1)];
    assert!(rules.ports == two && rules.through_up, "{rules:?}");
    assert_eq!(tree.set_ports(minor(1), two), Ok((before, false)));
    assert_eq!((tree.kernel().done(), tree.kernel().commits()), (Vec::new(), commits + 1));
}

#[test]
fn ports_that_join_before_anything_is_wanted_touch_nothing_until_it_is() {
    let mut tree = able_tree(&["lo"]);
    let (two, commits) = (ports([PORT, PORT + 1]), tree.kernel().commits());
    assert_eq!(tree.set_ports(minor(1), two), Ok((Observed::untouched(), false)));
    assert_eq!((tree.kernel().done(), tree.kernel().commits()), (Vec::new(), commits));
    tree.set(minor(1), two, &plan(WHOLE)).unwrap();
    assert_eq!(diverted(&mut tree, "lo"), [PORT, PORT + 1]);
    assert_eq!(tree.kernel().filter().unwrap().sessions[&minor(1)].ports, two);
    tree.set(minor(1), PORT + 1, &plan(WHOLE)).unwrap();
    assert_eq!(diverted(&mut tree, "lo"), [PORT + 1], "every change says what the ports are");
}

#[test]
fn a_port_that_left_may_join_another_session_at_once() {
    let mut tree = able_tree(&["lo"]);
    let two = ports([PORT, PORT + 1]);
    tree.set(minor(1), two, &plan(WHOLE)).unwrap();
    tree.set(minor(2), PORT + 2, &at(1.0)).unwrap();
    let taken = tree.set_ports(minor(2), ports([PORT + 2, PORT])).unwrap_err();
    assert!(matches!(taken, TreeError::Refused { restored: true, .. }), "{taken}");
    tree.set_ports(minor(1), ports([PORT + 1])).unwrap();
    assert_eq!(diverted(&mut tree, "lo"), [PORT + 1]);
    tree.set_ports(minor(2), ports([PORT + 2, PORT])).unwrap();
    let sessions = &tree.kernel().filter().unwrap().sessions;
    assert_eq!(
        (sessions[&minor(1)].ports, sessions[&minor(2)].ports),
        (ports([PORT + 1]), ports([PORT, PORT + 2]))
    );
    tree.remove(minor(2)).unwrap();
    tree.remove(minor(1)).unwrap();
    assert_eq!((tree.kernel().filter().cloned(), diverted(&mut tree, "lo")), (None, Vec::new()));
}

#[test]
fn a_strike_goes_on_when_a_port_joins() {
    let mut tree = tree(&["lo"]);
    let rule = StrikeRule { reject: true, packets: Some(3), number: 1 };
    tree.strike(minor(1), PORT, Some(rule)).unwrap();
    let two = ports([PORT, PORT + 1]);
    tree.set_ports(minor(1), two).unwrap();
    let rules = tree.kernel().filter().unwrap().sessions[&minor(1)];
    assert_eq!((rules.ports, rules.strike), (two, Some(rule)));
    tree.strike(minor(1), two, None).unwrap();
    assert_eq!(tree.kernel().filter(), None);
}

#[test]
fn a_refusal_at_any_step_leaves_the_ports_that_were() {
    let [before, more, fewer] = [ports([1, 2]), ports([1, 2, 3]), ports([2])];
    for after in [more, fewer] {
        let mut step = 0;
        loop {
            let mut tree = able_tree(&["lo", "eth0"]);
            tree.set(minor(1), before, &plan(WHOLE)).unwrap();
            let rules = tree.kernel().filter().cloned();
            tree.kernel().refuse(step, EBUSY);
            let Err(error) = tree.set_ports(minor(1), after) else { break };
            assert!(matches!(error, TreeError::Refused { restored: true, .. }), "step {step}: {error}");
            assert_eq!(tree.kernel().filter().cloned(), rules, "step {step}");
            for device in ["lo", "eth0"] {
                assert_eq!(diverted(&mut tree, device), before.as_slice(), "step {step}, {device}");
            }
            assert_eq!(tree.audit().unwrap(), [], "step {step}");
            step += 1;
        }
        assert_eq!(step, 3, "two devices and the packet filter");
    }
}

#[test]
fn a_port_that_is_not_read_back_did_not_join_and_the_audit_repairs() {
    let mut tree = tree(&["lo"]);
    tree.set(minor(1), PORT, &at(5.0)).unwrap();
    tree.kernel().forget_after_commit(PORT + 1);
    let error = tree.set_ports(minor(1), ports([PORT, PORT + 1])).unwrap_err();
    assert!(matches!(error, TreeError::Refused { restored: false, .. }), "{error}");
    assert!(error.to_string().contains("somebody else"), "{error}");
    let drifts = tree.audit().unwrap();
    let [_, Drift { found, repaired: Ok(()), .. }] = &drifts[..] else { panic!("{drifts:?}") };
    assert!(found.contains("tried again"), "{found}");
    assert_eq!(tree.kernel().filter().unwrap().sessions[&minor(1)].ports, ports([PORT]));
    assert_eq!(tree.audit().unwrap(), []);
}

#[test]
fn a_port_that_somebody_took_away_is_brought_back() {
    let mut tree = able_tree(&["lo"]);
    let two = ports([PORT, PORT + 1]);
    tree.set(minor(1), two, &plan(WHOLE)).unwrap();
    tree.set(minor(2), PORT + 2, &at(1.0)).unwrap();
    let lo = tree.devices.iter().find(|device| device.interface.name == "lo").unwrap().interface.clone();
    tree.kernel().forget(PORT + 1);
    let drifts = tree.audit().unwrap();
    assert!(matches!(&drifts[..], [Drift { repaired: Ok(()), .. }]), "{drifts:?}");
    assert_eq!(drifts[0].sessions, BTreeSet::from([minor(1)]));
    tree.kernel().apply(&lo, &Op::Undivert(PORT)).unwrap();
    assert!(matches!(&tree.audit().unwrap()[..], [Drift { repaired: Ok(()), .. }]));
    assert_eq!(
        (tree.kernel().filter().unwrap().sessions[&minor(1)].ports, diverted(&mut tree, "lo")),
        (two, vec![PORT, PORT + 1])
    );
    assert_eq!(tree.audit().unwrap(), []);
}

/// Sessions whose ports and links change in any order, with refusals at any step: what is in the kernel is always
/// what the calls that succeeded add up to.
#[test]
fn ports_in_any_order_are_what_was_told() {
    let plans = [plan(WHOLE), at(5.0), plan(r#"{"uplink":{"rate_mbps":2}}"#), unlimited()];
    let mut tree = able_tree(&["lo", "eth0"]);
    // What each session was given, and whether anything was ever wanted of it.
    let mut told: BTreeMap<u16, (Ports, bool)> = BTreeMap::new();
    let mut random = 0x5eb0_u64;
    let mut refused = 0;
    for step in 0..4_000 {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let number = u16::try_from(random % 6 + 1).unwrap();
        let port = PORT + u16::try_from(random >> 8 & 0x1f).unwrap();
        let taken = told.iter().any(|(other, (ports, _))| *other != number && ports.has(port));
        let (now, known) = told.get(&number).copied().unwrap_or((port.into(), false));
        if taken {
            continue;
        }
        if random >> 60 == 0 {
            tree.kernel().refuse(usize::try_from(random >> 20 & 7).unwrap(), EBUSY);
        }
        let (after, result) = match random >> 16 & 7 {
            0 => (None, tree.remove(minor(number)).map(|_| ())),
            1 | 2 => {
                let next = now.without(port).unwrap_or(now);
                (Some((next, known)), tree.set_ports(minor(number), next).map(|_| ()))
            }
            3 | 4 => {
                let next = now.with(port).unwrap_or(now);
                (Some((next, known)), tree.set_ports(minor(number), next).map(|_| ()))
            }
            _ => {
                let plan = &plans[usize::try_from(random >> 24 & 3).unwrap()];
                let known = known || !plan.is_neutral();
                (Some((now, known)), tree.set(minor(number), now, plan).map(|_| ()))
            }
        };
        match (result, after) {
            (Ok(()), Some(after)) => drop(told.insert(number, after)),
            (Ok(()), None) => drop(told.remove(&number)),
            (Err(error), _) => {
                assert!(matches!(error, TreeError::Refused { restored: true, .. }), "{step}: {error}");
                refused += 1;
            }
        }
        let wanted: BTreeMap<_, _> = told
            .iter()
            .filter(|(_, told)| told.1)
            .map(|(number, (ports, _))| (minor(*number), *ports))
            .collect();
        let found = tree.kernel().filter().map(|rules| rules.sessions.clone()).unwrap_or_default();
        let found: BTreeMap<_, _> = found.into_iter().map(|(minor, rules)| (minor, rules.ports)).collect();
        assert_eq!(found, wanted, "step {step}");
        if step % 100 == 0 {
            assert_eq!(tree.audit().unwrap(), [], "step {step}");
        }
    }
    assert!(refused > 50, "{refused} refusals");
    tree.close().unwrap();
    for name in ["lo", "eth0"] {
        assert_eq!(tree.kernel().installed(name), Some(&Installed::untouched(65_535)), "{name}");
    }
}
