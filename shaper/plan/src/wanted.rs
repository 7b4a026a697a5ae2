//! What is wanted, what is installed on a device, and the operations between them.
//!
//! Invariant: after its operations were performed and noted, a device needs none; what is equal is not touched.
//! Deliberately absent: the removal of the root while we run: a device keeps it once it has carried a cap, since taking
//! it away would drop what waits in it.

use std::collections::BTreeMap;

use crate::class::{ClassParams, gso_segs};
use crate::kernel::Op;
use crate::minor::Minor;

/// What every shaped device has to carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The classes.
    pub classes: BTreeMap<Minor, ClassParams>,
}

/// What one device carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Whether our root is there.
    pub root: bool,
    /// How many segments the device takes as one without us.
    pub own_gso_segs: u32,
    /// How many it takes now.
    pub gso_segs: u32,
    /// Our classes.
    pub classes: BTreeMap<Minor, ClassParams>,
}

impl Installed {
    /// A device that we have not touched.
    pub fn untouched(gso_segs: u32) -> Self {
        Self { root: false, own_gso_segs: gso_segs, gso_segs, classes: BTreeMap::new() }
    }

    /// Remembers an operation that was performed.
    pub fn note(&mut self, op: &Op) {
        match *op {
            Op::InstallRoot { own_gso_segs } => (self.root, self.own_gso_segs) = (true, own_gso_segs),
            Op::RemoveRoot => {
                self.root = false;
                self.classes.clear();
            }
            Op::GsoSegs(segs) => self.gso_segs = segs,
            Op::CreateClass(minor, params) | Op::ChangeClass(minor, params) => {
                self.classes.insert(minor, params);
            }
            Op::RemoveClass(minor) => {
                self.classes.remove(&minor);
            }
        }
    }

    /// What undoes an operation that is about to be performed; none if it cannot be undone.
    pub fn inverse(&self, op: &Op) -> Option<Op> {
        match *op {
            Op::InstallRoot { .. } => Some(Op::RemoveRoot),
            Op::RemoveRoot => None,
            Op::GsoSegs(_) => Some(Op::GsoSegs(self.gso_segs)),
            Op::CreateClass(minor, _) => Some(Op::RemoveClass(minor)),
            Op::ChangeClass(minor, _) => self.classes.get(&minor).map(|old| Op::ChangeClass(minor, *old)),
            Op::RemoveClass(minor) => self.classes.get(&minor).map(|old| Op::CreateClass(minor, *old)),
        }
    }
}

/// The operations that make a device carry what is wanted. It takes fewer segments as one before a cap comes, and more
/// only after the last cap has gone.
pub fn operations(installed: &Installed, wanted: &Wanted) -> Vec<Op> {
    let mut ops = Vec::new();
    if !installed.root && !wanted.classes.is_empty() {
        ops.push(Op::InstallRoot { own_gso_segs: installed.own_gso_segs });
    }
    let own = installed.own_gso_segs;
    let segs = gso_segs(wanted.classes.values()).map_or(own, |segs| segs.min(own));
    if segs < installed.gso_segs {
        ops.push(Op::GsoSegs(segs));
    }
    for (minor, params) in &wanted.classes {
        match installed.classes.get(minor) {
            None => ops.push(Op::CreateClass(*minor, *params)),
            Some(now) if now != params => ops.push(Op::ChangeClass(*minor, *params)),
            Some(_) => {}
        }
    }
    let gone = installed.classes.keys().filter(|minor| !wanted.classes.contains_key(minor));
    ops.extend(gone.map(|minor| Op::RemoveClass(*minor)));
    if segs > installed.gso_segs {
        ops.push(Op::GsoSegs(segs));
    }
    ops
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: ClassParams = ClassParams { rate: 125_000, buffer: 1, leaf_limit: 1 };
    const FAST: ClassParams = ClassParams { rate: 250_000, ..SLOW };

    fn wanted(classes: &[(u16, ClassParams)]) -> Wanted {
        let classes = classes.iter().map(|(minor, params)| (Minor::new(*minor).unwrap(), *params));
        Wanted { classes: classes.collect() }
    }

    fn perform(installed: &mut Installed, wanted: &Wanted) -> Vec<Op> {
        let ops = operations(installed, wanted);
        ops.iter().for_each(|op| installed.note(op));
        assert_eq!(operations(installed, wanted), [], "not settled by {ops:?}");
        ops
    }

    #[test]
    fn a_life_of_two_classes() {
        let [one, two] = [1, 2].map(|number| Minor::new(number).unwrap());
        let mut device = Installed::untouched(65_535);
        assert_eq!(perform(&mut device, &wanted(&[])), []);
        assert_eq!(
            perform(&mut device, &wanted(&[(1, SLOW)])),
            [Op::InstallRoot { own_gso_segs: 65_535 }, Op::GsoSegs(1), Op::CreateClass(one, SLOW)]
        );
        assert_eq!(perform(&mut device, &wanted(&[(1, SLOW), (2, SLOW)])), [Op::CreateClass(two, SLOW)]);
        assert_eq!(perform(&mut device, &wanted(&[(1, FAST), (2, SLOW)])), [Op::ChangeClass(one, FAST)]);
        assert_eq!(perform(&mut device, &wanted(&[(1, FAST)])), [Op::RemoveClass(two)]);
        assert_eq!(
            perform(&mut device, &wanted(&[(1, ClassParams::UNLIMITED)])),
            [Op::ChangeClass(one, ClassParams::UNLIMITED), Op::GsoSegs(65_535)]
        );
        assert_eq!(perform(&mut device, &wanted(&[])), [Op::RemoveClass(one)]);
    }

    #[test]
    fn a_device_that_takes_single_packets_already_is_left_alone() {
        let mut device = Installed::untouched(1);
        let ops = perform(&mut device, &wanted(&[(1, SLOW)]));
        assert!(!ops.iter().any(|op| matches!(op, Op::GsoSegs(_))), "{ops:?}");
    }

    #[test]
    fn undoing_leads_back() {
        let mut device = Installed::untouched(65_535);
        perform(&mut device, &wanted(&[(1, SLOW), (2, SLOW)]));
        let before = device.clone();
        let mut undo = Vec::new();
        for op in operations(&device, &wanted(&[(1, FAST), (3, SLOW)])) {
            undo.extend(device.inverse(&op));
            device.note(&op);
        }
        assert_ne!(device, before);
        undo.iter().rev().for_each(|op| device.note(op));
        assert_eq!(device, before);
    }
}
