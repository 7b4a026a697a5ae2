//! The tree against the recorded kernel.

use rebuffer_model::{Mbps, Shape};

use super::*;
use crate::recorder::Recorder;

const EBUSY: i32 = 16;

fn tree(names: &[&str]) -> Tree<Recorder> {
    let mut tree = Tree::new(Recorder::with(names), Interfaces::All);
    tree.clean().unwrap();
    tree
}

fn minor(number: u16) -> Minor {
    Minor::new(number).unwrap()
}

fn at(mbps: f64) -> LinkPlan {
    LinkPlan::of(&Shape::capped(Mbps::new(mbps).unwrap())).unwrap()
}

fn unlimited() -> LinkPlan {
    LinkPlan::default()
}

fn mbps(observed: Observed) -> Option<f64> {
    observed.rate.map(BitsPerSec::mbps)
}

#[test]
fn nothing_capped_touches_nothing() {
    let mut tree = tree(&["lo", "eth0"]);
    let (observed, told) = tree.set(minor(1), &unlimited()).unwrap();
    assert_eq!((observed, told), (Observed { in_sync: true, ..Observed::default() }, false));
    tree.remove(minor(1)).unwrap();
    tree.close().unwrap();
    assert_eq!(tree.kernel().done(), []);
}

#[test]
fn a_cap_stands_on_every_device_and_is_read_back() {
    let mut tree = tree(&["lo", "eth0"]);
    let (observed, told) = tree.set(minor(1), &at(5.0)).unwrap();
    assert_eq!((mbps(observed), observed.in_sync, told), (Some(5.0), true, true));
    for name in ["lo", "eth0"] {
        let device = tree.kernel().installed(name).unwrap();
        assert_eq!((device.gso_segs, device.classes[&minor(1)]), (1, ClassParams::capped(625_000)), "{name}");
    }
}

#[test]
fn a_change_is_one_change_and_keeps_the_class() {
    let mut tree = tree(&["lo"]);
    let (before, _) = tree.set(minor(1), &at(5.0)).unwrap();
    tree.kernel().done();
    let (after, told) = tree.set(minor(1), &at(1.0)).unwrap();
    let change = Op::ChangeClass(minor(1), ClassParams::capped(125_000));
    assert_eq!(tree.kernel().done(), [("lo".to_owned(), change)]);
    assert_eq!((after.counters, told), (before.counters, false));
}

#[test]
fn lifting_a_cap_keeps_the_class_open_and_gives_the_device_back_its_offload() {
    let mut tree = tree(&["lo"]);
    tree.set(minor(1), &at(5.0)).unwrap();
    let (observed, told) = tree.set(minor(1), &unlimited()).unwrap();
    assert_eq!((observed.rate, observed.in_sync, told), (None, true, true));
    assert!(observed.counters.is_some());
    assert_eq!(tree.kernel().installed("lo").unwrap().gso_segs, 65_535);
}

#[test]
fn removing_one_leaves_the_other_alone() {
    let mut tree = tree(&["lo"]);
    tree.set(minor(1), &at(5.0)).unwrap();
    let (before, _) = tree.set(minor(2), &at(1.0)).unwrap();
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
    tree.set(minor(1), &at(5.0)).unwrap();
    tree.set(minor(2), &at(1.0)).unwrap();
    tree.close().unwrap();
    for name in ["lo", "eth0"] {
        assert_eq!(tree.kernel().installed(name), Some(&Installed::untouched(65_535)), "{name}");
    }
}

#[test]
fn a_refusal_on_any_device_at_any_step_leaves_what_was() {
    for step in 0..2 {
        let mut tree = tree(&["lo", "eth0"]);
        tree.set(minor(1), &at(5.0)).unwrap();
        tree.kernel().refuse(step, EBUSY);
        let error = tree.set(minor(1), &at(1.0)).unwrap_err();
        assert!(
            matches!(&error, TreeError::Refused { restored: true, refusal, .. } if refusal.errno == EBUSY)
        );
        assert!(error.to_string().contains("what was before stays in force"), "{error}");
        assert_eq!(mbps(tree.read(minor(1)).unwrap()), Some(5.0));
        assert_eq!(mbps(tree.set(minor(1), &at(1.0)).unwrap().0), Some(1.0));
    }
}

#[test]
fn a_first_cap_that_fails_leaves_the_machine_untouched() {
    // Each device is given a root, its offload and a class.
    for step in 0..6 {
        let mut tree = tree(&["lo", "eth0"]);
        tree.kernel().refuse(step, EBUSY);
        tree.set(minor(1), &at(1.0)).unwrap_err();
        for name in ["lo", "eth0"] {
            assert_eq!(
                tree.kernel().installed(name),
                Some(&Installed::untouched(65_535)),
                "step {step}, {name}"
            );
        }
        assert_eq!(tree.read(minor(1)).unwrap().rate, None);
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
    tree.set(minor(1), &at(1.0)).unwrap();
    assert!(tree.kernel().done().iter().all(|(name, _)| name == "lo"));
}

#[test]
fn a_queue_that_came_after_the_start_is_seen_before_the_first_cap() {
    let mut tree = tree(&["lo"]);
    tree.kernel().occupy("lo", "tbf 9:");
    assert!(matches!(tree.set(minor(1), &at(1.0)), Err(TreeError::Foreign { .. })));
    assert_eq!(tree.kernel().done(), []);
}

#[test]
fn what_a_killed_run_left_is_removed_and_its_setting_restored() {
    let mut killed = tree(&["lo", "eth0"]);
    killed.set(minor(1), &at(1.0)).unwrap();
    let mut tree = Tree::new(killed.kernel, Interfaces::Named(vec!["lo".to_owned()]));
    assert_eq!(tree.clean().unwrap(), ["lo", "eth0"]);
    for name in ["lo", "eth0"] {
        assert_eq!(tree.kernel().installed(name), Some(&Installed::untouched(65_535)), "{name}");
    }
    tree.set(minor(2), &at(1.0)).unwrap();
    assert_eq!(tree.kernel().installed("lo").unwrap().own_gso_segs, 65_535);
}

#[test]
fn devices_come_and_go() {
    let mut tree = tree(&["lo", "eth0"]);
    tree.set(minor(1), &at(1.0)).unwrap();
    tree.kernel().unplug("eth0");
    tree.kernel().plug("eth1");
    let (observed, _) = tree.set(minor(2), &at(5.0)).unwrap();
    assert!(observed.in_sync);
    let classes = &tree.kernel().installed("eth1").unwrap().classes;
    assert_eq!(classes.len(), 2, "a new device carries the earlier session too");
}

#[test]
fn a_device_that_lets_everything_pass_is_reported() {
    let mut tree = tree(&["lo", "eth0"]);
    tree.set(minor(1), &at(1.0)).unwrap();
    let eth0 = tree.devices[1].interface.clone();
    tree.kernel.apply(&eth0, &Op::RemoveClass(minor(1))).unwrap();
    let observed = tree.read(minor(1)).unwrap();
    assert_eq!((observed.rate, observed.in_sync), (None, false));
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let mut tree = Tree::new(Recorder::with(&["lo"]), Interfaces::Named(vec!["wan7".to_owned()]));
    assert_eq!(tree.clean(), Err(TreeError::NoInterface("wan7".to_owned())));
}
