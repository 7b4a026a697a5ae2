//! The tree against the recorded kernel.

mod ports;

use rebuffer_model::{Mbps, Shape};

use super::*;
use crate::class::{ClassParams, Leaf};
use crate::recorder::{Recorder, plain_kernel};

const EBUSY: i32 = 16;
const PORT: u16 = 30_000;

fn tree(names: &[&str]) -> Tree<Recorder> {
    let mut tree = Tree::new(Recorder::with(names), Interfaces::All);
    tree.clean().unwrap();
    tree
}

fn minor(number: u16) -> Minor {
    Minor::new(number).unwrap()
}

fn at(mbps: f64) -> LinkPlan {
    LinkPlan::of(&Shape::capped(Mbps::new(mbps).unwrap()), &Machine::Kernel(plain_kernel())).unwrap()
}

/// A plan for a kernel that can do everything.
fn plan(json: &str) -> LinkPlan {
    LinkPlan::of(&serde_json::from_str(json).unwrap(), &Machine::Kernel(able())).unwrap()
}

fn able() -> Features {
    Features { netem: Ok(()), netem_seed: true, ..plain_kernel() }
}

fn able_tree(names: &[&str]) -> Tree<Recorder> {
    let mut tree = Tree::new(Recorder::able(able(), names), Interfaces::All);
    tree.clean().unwrap();
    tree
}

fn unlimited() -> LinkPlan {
    LinkPlan::default()
}

fn mbps(observed: Observed) -> Option<f64> {
    observed.rate().map(BitsPerSec::mbps)
}

#[test]
fn nothing_capped_touches_nothing() {
    let mut tree = tree(&["lo", "eth0"]);
    let (observed, told) = tree.set(minor(1), PORT + 1, &unlimited()).unwrap();
    assert_eq!((observed, told), (Observed::untouched(), false));
    tree.remove(minor(1)).unwrap();
    tree.close().unwrap();
    assert_eq!(tree.kernel().done(), []);
}

#[test]
fn a_cap_stands_on_every_device_and_is_read_back() {
    let mut tree = tree(&["lo", "eth0"]);
    let (observed, told) = tree.set(minor(1), PORT + 1, &at(5.0)).unwrap();
    assert_eq!((mbps(observed), observed.in_sync, told), (Some(5.0), true, true));
    for name in ["lo", "eth0"] {
        let device = tree.kernel().installed(name).unwrap();
        assert_eq!((device.gso_segs, device.classes[&minor(1)]), (1, ClassParams::capped(625_000)), "{name}");
    }
}

#[test]
fn a_change_is_one_change_and_keeps_the_class() {
    let mut tree = tree(&["lo"]);
    let (before, _) = tree.set(minor(1), PORT + 1, &at(5.0)).unwrap();
    tree.kernel().done();
    let (after, told) = tree.set(minor(1), PORT + 1, &at(1.0)).unwrap();
    let change = Op::ChangeClass(minor(1), ClassParams::capped(125_000));
    assert_eq!(tree.kernel().done(), [("lo".to_owned(), change)]);
    assert_eq!((after.traffic, told), (before.traffic, false));
}

#[test]
fn lifting_a_cap_keeps_the_class_open_and_gives_the_device_back_its_offload() {
    let mut tree = tree(&["lo"]);
    tree.set(minor(1), PORT + 1, &at(5.0)).unwrap();
    let (observed, told) = tree.set(minor(1), PORT + 1, &unlimited()).unwrap();
    assert_eq!((observed.rate(), observed.in_sync, told), (None, true, true));
    assert!(observed.traffic.down.is_some());
    assert_eq!(tree.kernel().installed("lo").unwrap().gso_segs, 65_535);
}

#[test]
fn removing_one_leaves_the_other_alone() {
    let mut tree = tree(&["lo"]);
    tree.set(minor(1), PORT + 1, &at(5.0)).unwrap();
    let (before, _) = tree.set(minor(2), PORT + 2, &at(1.0)).unwrap();
    tree.kernel().done();
    tree.remove(minor(1)).unwrap();
    assert_eq!(tree.kernel().done(), [("lo".to_owned(), Op::RemoveClass(minor(1)))]);
    assert_eq!(tree.read(minor(2)).unwrap(), before);
    tree.remove(minor(1)).unwrap();
    assert_eq!(tree.kernel().done(), []);
}

#[test]
fn closing_removes_all_and_restores_the_devices() {
    let mut tree = tree(&["lo", "eth0"]);
    tree.set(minor(1), PORT + 1, &at(5.0)).unwrap();
    tree.set(minor(2), PORT + 2, &at(1.0)).unwrap();
    tree.close().unwrap();
    for name in ["lo", "eth0"] {
        assert_eq!(tree.kernel().installed(name), Some(&Installed::untouched(65_535)), "{name}");
    }
}

#[test]
fn a_refusal_on_any_device_at_any_step_leaves_what_was() {
    for step in 0..2 {
        let mut tree = tree(&["lo", "eth0"]);
        tree.set(minor(1), PORT + 1, &at(5.0)).unwrap();
        tree.kernel().refuse(step, EBUSY);
        let error = tree.set(minor(1), PORT + 1, &at(1.0)).unwrap_err();
        assert!(
            matches!(&error, TreeError::Refused { restored: true, refusal, .. } if refusal.errno == EBUSY)
        );
        assert!(error.to_string().contains("what was before stays in force"), "{error}");
        assert_eq!(mbps(tree.read(minor(1)).unwrap()), Some(5.0));
        assert_eq!(mbps(tree.set(minor(1), PORT + 1, &at(1.0)).unwrap().0), Some(1.0));
    }
}

#[test]
fn a_first_cap_that_fails_leaves_the_machine_untouched() {
    // Each device is given a root, its offload and a class; then comes the packet filter.
    for step in 0..7 {
        let mut tree = tree(&["lo", "eth0"]);
        tree.kernel().refuse(step, EBUSY);
        tree.set(minor(1), PORT + 1, &at(1.0)).unwrap_err();
        for name in ["lo", "eth0"] {
            assert_eq!(
                tree.kernel().installed(name),
                Some(&Installed::untouched(65_535)),
                "step {step}, {name}"
            );
        }
        assert_eq!(tree.read(minor(1)).unwrap().rate(), None);
    }
}

#[test]
fn a_foreign_queue_is_named_and_never_touched() {
    let mut kernel = Recorder::with(&["lo", "eth0"]);
    kernel.occupy("eth0", "cake 8001:");
    let mut tree = Tree::new(kernel, Interfaces::All);
    let error = tree.clean().unwrap_err();
    assert!(error.to_string().contains("eth0") && error.to_string().contains("cake 8001:"), "{error}");
    assert_eq!(tree.kernel().done(), []);

    let mut tree = Tree::new(tree.kernel, Interfaces::Named(vec!["lo".to_owned()]));
    tree.clean().unwrap();
    tree.set(minor(1), PORT + 1, &at(1.0)).unwrap();
    assert!(tree.kernel().done().iter().all(|(name, _)| name == "lo"));
}

#[test]
fn a_queue_that_came_after_the_start_is_seen_before_the_first_cap() {
    let mut tree = tree(&["lo"]);
    tree.kernel().occupy("lo", "tbf 9:");
    assert!(matches!(tree.set(minor(1), PORT + 1, &at(1.0)), Err(TreeError::Foreign { .. })));
    assert_eq!(tree.kernel().done(), []);
}

#[test]
fn what_a_killed_run_left_is_removed_and_its_setting_restored() {
    let mut killed = tree(&["lo", "eth0"]);
    killed.set(minor(1), PORT + 1, &at(1.0)).unwrap();
    let mut tree = Tree::new(killed.kernel, Interfaces::Named(vec!["lo".to_owned()]));
    assert_eq!(tree.clean().unwrap(), ["the packet filter", "lo", "eth0"]);
    for name in ["lo", "eth0"] {
        assert_eq!(tree.kernel().installed(name), Some(&Installed::untouched(65_535)), "{name}");
    }
    tree.set(minor(2), PORT + 2, &at(1.0)).unwrap();
    assert_eq!(tree.kernel().installed("lo").unwrap().own_gso_segs, 65_535);
}

#[test]
fn devices_come_and_go() {
    let mut tree = tree(&["lo", "eth0"]);
    tree.set(minor(1), PORT + 1, &at(1.0)).unwrap();
    tree.kernel().unplug("eth0");
    tree.kernel().plug("eth1");
    let (observed, _) = tree.set(minor(2), PORT + 2, &at(5.0)).unwrap();
    assert!(observed.in_sync);
    let classes = &tree.kernel().installed("eth1").unwrap().classes;
    assert_eq!(classes.len(), 2, "a new device carries the earlier session too");
}

#[test]
fn a_device_that_lets_everything_pass_is_reported() {
    let mut tree = tree(&["lo", "eth0"]);
    tree.set(minor(1), PORT + 1, &at(1.0)).unwrap();
    let eth0 = tree.devices[1].interface.clone();
    tree.kernel.apply(&eth0, &Op::RemoveClass(minor(1))).unwrap();
    let observed = tree.read(minor(1)).unwrap();
    assert_eq!((observed.rate(), observed.in_sync), (None, false));
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let mut tree = Tree::new(Recorder::with(&["lo"]), Interfaces::Named(vec!["wan7".to_owned()]));
    assert_eq!(tree.clean(), Err(TreeError::NoInterface("wan7".to_owned())));
}

#[test]
fn conditions_come_one_hop_before_the_rate_and_all_of_it_is_read_back() {
    let mut tree = able_tree(&["lo"]);
    let json =
        r#"{"rate_mbps":5,"delay_ms":40,"loss_pct":1,"uplink":{"rate_mbps":1,"delay_ms":20},"seed":3}"#;
    let (observed, told) = tree.set(minor(1), PORT, &plan(json)).unwrap();
    assert_eq!((observed.shape, observed.in_sync, told), (serde_json::from_str(json).unwrap(), true, true));
    let kernel = tree.kernel();
    let leaving = kernel.installed("lo").unwrap();
    assert_eq!(leaving.classes[&minor(1)], ClassParams::capped(625_000));
    assert_eq!(leaving.diverted.clone().unwrap().into_iter().collect::<Vec<_>>(), [PORT]);
    let down = &kernel.installed(Aide::Down.name()).unwrap().classes[&minor(1)];
    assert!(down.cap().is_none() && matches!(down.leaf, Leaf::Netem(_)), "{down:?}");
    assert_eq!(kernel.installed(Aide::Up.name()).unwrap().classes[&minor(1)].rate, 125_000);
    let rules = kernel.filter().unwrap();
    assert!(rules.sessions[&minor(1)].through_up && rules.devices.contains("lo"));
}

#[test]
fn what_is_lifted_leaves_open_classes_and_no_way_through_ours() {
    let mut tree = able_tree(&["lo"]);
    tree.set(minor(1), PORT, &plan(r#"{"delay_ms":40,"uplink":{"rate_mbps":1}}"#)).unwrap();
    let (observed, _) = tree.set(minor(1), PORT, &unlimited()).unwrap();
    assert_eq!((observed.shape, observed.in_sync), (Shape::default(), true));
    let kernel = tree.kernel();
    assert_eq!(kernel.installed("lo").unwrap().diverted.as_ref().unwrap().len(), 0);
    assert!(!kernel.filter().unwrap().sessions[&minor(1)].through_up);
    tree.remove(minor(1)).unwrap();
    assert_eq!(tree.kernel().filter(), None);
    tree.close().unwrap();
    assert!(tree.kernel().installed(Aide::Down.name()).is_none());
    assert_eq!(tree.kernel().installed("lo"), Some(&Installed::untouched(65_535)));
}

#[test]
fn a_refusal_at_any_step_of_a_whole_link_leaves_the_machine_untouched() {
    let json = r#"{"rate_mbps":5,"delay_ms":40,"stall":true,"uplink":{"rate_mbps":1}}"#;
    let mut step = 0;
    loop {
        let mut tree = able_tree(&["lo", "eth0"]);
        tree.kernel().refuse(step, EBUSY);
        let Err(error) = tree.set(minor(1), PORT, &plan(json)) else { break };
        assert!(matches!(error, TreeError::Refused { restored: true, .. }), "step {step}: {error}");
        for name in ["lo", "eth0"] {
            assert_eq!(
                tree.kernel().installed(name),
                Some(&Installed::untouched(65_535)),
                "step {step}, {name}"
            );
        }
        assert!(Aide::ALL.iter().all(|aide| tree.kernel().installed(aide.name()).is_none()), "step {step}");
        assert_eq!(tree.kernel().filter(), None, "step {step}");
        step += 1;
    }
    assert!(step > 12, "{step} steps");
}

#[test]
fn losses_of_a_kernel_without_netem_are_the_filters() {
    let mut tree = tree(&["lo"]);
    let shape: Shape = serde_json::from_str(r#"{"loss_pct":2,"uplink":{"stall":true}}"#).unwrap();
    let plan = LinkPlan::of(&shape, &tree.machine()).unwrap();
    let (observed, _) = tree.set(minor(1), PORT, &plan).unwrap();
    assert_eq!((observed.shape, observed.in_sync), (shape, true));
    assert!(tree.kernel().installed(Aide::Sink.name()).is_some());
    assert_eq!(tree.kernel().installed("lo").unwrap().gso_segs, 1);
}

#[test]
fn a_strike_is_one_transaction_and_touches_no_class() {
    let mut tree = tree(&["lo"]);
    tree.set(minor(1), PORT, &at(5.0)).unwrap();
    tree.kernel().done();
    let commits = tree.kernel().commits();
    let rule = StrikeRule { reject: true, packets: Some(3), number: 1 };
    tree.strike(minor(2), PORT + 2, Some(rule)).unwrap();
    assert_eq!((tree.kernel().done(), tree.kernel().commits()), (Vec::new(), commits + 1));
    assert_eq!(tree.kernel().filter().unwrap().sessions[&minor(2)].strike, Some(rule));
    tree.strike(minor(2), PORT + 2, None).unwrap();
    assert_eq!(
        tree.kernel().filter().unwrap().sessions.len(),
        1,
        "a session of which nothing is wanted has no rules"
    );
}

#[test]
fn what_others_change_is_found_told_and_set_right() {
    let mut tree = tree(&["lo"]);
    let shape: Shape = serde_json::from_str(r#"{"rate_mbps":5,"loss_pct":1}"#).unwrap();
    let plan = LinkPlan::of(&shape, &tree.machine()).unwrap();
    tree.set(minor(1), PORT, &plan).unwrap();
    tree.set(minor(2), PORT + 2, &at(1.0)).unwrap();
    assert_eq!(tree.audit().unwrap(), []);
    let lo = tree.devices.iter().find(|device| device.interface.name == "lo").unwrap().interface.clone();
    let other = ClassParams::capped(1);
    type Tamper = fn(&mut Tree<Recorder>, &Interface, ClassParams);
    let tampers: [(&str, Tamper, usize); 5] = [
        ("class gone", |tree, lo, _| tree.kernel.apply(lo, &Op::RemoveClass(minor(1))).unwrap(), 1),
        (
            "class changed",
            |tree, lo, other| tree.kernel.apply(lo, &Op::ChangeClass(minor(1), other)).unwrap(),
            1,
        ),
        ("root gone", |tree, lo, _| tree.kernel.apply(lo, &Op::RemoveRoot).unwrap(), 2),
        ("filter gone", |tree, _, _| tree.kernel.tamper(None), 2),
        ("segments", |tree, lo, _| tree.kernel.apply(lo, &Op::GsoSegs(64)).unwrap(), 2),
    ];
    for (name, tamper, concerned) in tampers {
        tamper(&mut tree, &lo, other);
        let drifts = tree.audit().unwrap();
        assert!(matches!(&drifts[..], [Drift { repaired: Ok(()), .. }]), "{name}: {drifts:?}");
        assert_eq!(drifts[0].sessions.len(), concerned, "{name}: {drifts:?}");
        let observed = tree.read(minor(1)).unwrap();
        assert_eq!((observed.shape, observed.in_sync), (shape, true), "{name}");
        assert_eq!(tree.audit().unwrap(), [], "{name}");
    }
}

#[test]
fn what_somebody_else_put_in_our_place_stays() {
    let mut tree = tree(&["lo"]);
    tree.set(minor(1), PORT, &at(5.0)).unwrap();
    let lo = tree.devices[0].interface.clone();
    tree.kernel.apply(&lo, &Op::RemoveRoot).unwrap();
    tree.kernel.occupy("lo", "tbf 9:");
    let drifts = tree.audit().unwrap();
    assert!(matches!(&drifts[..], [Drift { repaired: Err(_), .. }]), "{drifts:?}");
    assert!(!tree.read(minor(1)).unwrap().in_sync);
    assert!(matches!(&tree.audit().unwrap()[..], [Drift { repaired: Err(_), .. }]), "it is tried again");
    tree.kernel.vacate("lo");
    assert!(matches!(&tree.audit().unwrap()[..], [Drift { repaired: Ok(()), .. }]));
    assert!(tree.read(minor(1)).unwrap().in_sync);
    assert_eq!(tree.audit().unwrap(), []);
}
