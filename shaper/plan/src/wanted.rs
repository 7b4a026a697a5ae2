//! What is wanted of every session, what is installed on a device, and the operations between them.
//!
//! Invariant: after its operations were performed and noted, a device needs none; what is equal is not touched.
//! Deliberately absent: the removal of the root while we run: a device keeps it once it has carried a cap, since taking
//! it away would drop what waits in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::class::{ClassParams, Leaf, gso_segs};
use crate::kernel::{Aide, Op};
use crate::minor::Minor;
use crate::netem::Netem;
use crate::plan::LinkPlan;
use crate::ports::Ports;
use crate::rules::{Rules, SessionRules, StrikeRule};

/// Everything that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of each session.
    pub sessions: BTreeMap<Minor, Session>,
}

/// What is wanted of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its ports.
    pub ports: Ports,
    /// Its link.
    pub plan: LinkPlan,
    /// What happens to packets that come to its ports.
    pub strike: Option<StrikeRule>,
    /// The classes it once had: what remains of them holds nothing back, so that no packet is reordered or lost when
    /// something is lifted.
    pub open: Open,
}

/// Classes a session once had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Open {
    /// For the rate of the downlink.
    pub rate: bool,
    /// For its conditions.
    pub down: bool,
    /// For the uplink.
    pub up: bool,
}

/// What a device is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Packets leave through it: the rate of the downlink is enforced here.
    Leave,
    /// One of our own.
    Aide(Aide),
}

/// What one device has to carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// The classes.
    pub classes: BTreeMap<Minor, ClassParams>,
    /// Ports whose packets go through [`Aide::Down`].
    pub diverted: BTreeSet<u16>,
    /// How many segments it may take as one; none if that does not matter.
    pub gso_segs: Option<u32>,
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
    /// The ports it diverts; none while our fork is not there.
    pub diverted: Option<BTreeSet<u16>>,
}

impl Session {
    /// A session of which nothing is wanted.
    pub fn at(ports: impl Into<Ports>) -> Self {
        Self { ports: ports.into(), plan: LinkPlan::default(), strike: None, open: Open::default() }
    }

    /// The class it needs on a device.
    pub fn class(&self, role: Role, netem: bool) -> Option<ClassParams> {
        let LinkPlan { down, up } = &self.plan;
        let open = |once: bool, leaf: fn() -> Leaf| once.then(|| ClassParams::unlimited(leaf()));
        match role {
            Role::Leave => down.class().or_else(|| self.open.rate.then_some(ClassParams::UNLIMITED)),
            Role::Aide(Aide::Down) => {
                let netem = down.netem.map(|netem| ClassParams::unlimited(Leaf::Netem(netem)));
                netem.or_else(|| open(self.open.down, idle))
            }
            Role::Aide(Aide::Up) if netem => up.class_with_netem().or_else(|| open(self.open.up, idle)),
            Role::Aide(Aide::Up) => up.class().or_else(|| self.open.up.then_some(ClassParams::UNLIMITED)),
            Role::Aide(Aide::Sink) => None,
        }
    }

    /// Remembers which classes it has by now.
    pub fn remember(&mut self) {
        let LinkPlan { down, up } = &self.plan;
        self.open.rate |= down.rate.is_some();
        self.open.down |= down.netem.is_some();
        self.open.up |= up.rate.is_some() || up.netem.is_some();
    }

    fn rules(&self) -> Option<SessionRules> {
        let LinkPlan { down, up } = &self.plan;
        let rules = SessionRules {
            lost_down: down.lost,
            lost_up: up.lost,
            through_up: up.rate.is_some() || up.netem.is_some(),
            strike: self.strike,
            ..SessionRules::at(self.ports)
        };
        let has_class = self.open != Open::default() || !self.plan.is_neutral();
        (has_class || rules != SessionRules::at(self.ports)).then_some(rules)
    }
}

/// A queue that does nothing.
fn idle() -> Leaf {
    Leaf::Netem(Netem::waiting_room(2 << 20))
}

impl Wanted {
    /// What a device of this role has to carry.
    pub fn load(&self, role: Role, netem: bool) -> Load {
        let classes =
            self.sessions.iter().filter_map(|(minor, session)| Some((*minor, session.class(role, netem)?)));
        let mut load = Load { classes: classes.collect(), ..Load::default() };
        if role == Role::Leave {
            let plans = || self.sessions.values().map(|session| session.plan.down);
            let diverted = self.sessions.values().filter(|session| session.plan.down.netem.is_some());
            load.diverted = diverted.flat_map(|session| session.ports).collect();
            let lone = plans().any(|down| down.netem.is_some() || down.lost.is_some());
            load.gso_segs = gso_segs(plans().filter_map(|down| down.rate).min(), lone);
        }
        load
    }

    /// What the packet filter has to do on these devices; none if it has nothing to do.
    pub fn rules(&self, devices: impl IntoIterator<Item = String>) -> Option<Rules> {
        let sessions: BTreeMap<_, _> = self.session_rules().collect();
        let devices = choose_devices(devices, sessions.values());
        (!sessions.is_empty()).then_some(Rules { devices, sessions })
    }

    /// Whether [`Wanted::rules`] are these. Most changes concern no rule, and to compare all takes less than to make all.
    pub fn has_rules(&self, rules: Option<&Rules>, devices: impl IntoIterator<Item = String>) -> bool {
        let Some(rules) = rules else { return self.session_rules().next().is_none() };
        self.session_rules().eq(rules.sessions.iter().map(|(minor, session)| (*minor, *session)))
            && choose_devices(devices, rules.sessions.values()) == rules.devices
    }

    fn session_rules(&self) -> impl Iterator<Item = (Minor, SessionRules)> {
        self.sessions.iter().filter_map(|(minor, session)| Some((*minor, session.rules()?)))
    }

    /// Whether a device of ours is needed.
    pub fn needs(&self, aide: Aide) -> bool {
        let mut plans = self.sessions.values().map(|session| &session.plan);
        match aide {
            Aide::Down => plans.any(|plan| plan.down.netem.is_some()),
            Aide::Up => plans.any(|plan| plan.up.rate.is_some() || plan.up.netem.is_some()),
            Aide::Sink => plans.any(|plan| plan.down.lost.is_some()),
        }
    }
}

/// The devices on which rules stand: all of them, or none if nothing happens there.
fn choose_devices<'r>(
    devices: impl IntoIterator<Item = String>,
    mut sessions: impl Iterator<Item = &'r SessionRules>,
) -> BTreeSet<String> {
    let on_devices =
        |rules: &SessionRules| rules.lost_down.is_some() || rules.lost_up.is_some() || rules.through_up;
    if sessions.any(on_devices) { devices.into_iter().collect() } else { BTreeSet::new() }
}

impl Installed {
    /// A device that we have not touched.
    pub fn untouched(gso_segs: u32) -> Self {
        Self { root: false, own_gso_segs: gso_segs, gso_segs, classes: BTreeMap::new(), diverted: None }
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
            Op::InstallFork => self.diverted = Some(BTreeSet::new()),
            Op::RemoveFork => self.diverted = None,
            Op::Divert(port) => {
                self.diverted.get_or_insert_default().insert(port);
            }
            Op::Undivert(port) => {
                self.diverted.get_or_insert_default().remove(&port);
            }
        }
    }

    /// What undoes an operation that is about to be performed; none if it cannot be undone.
    pub fn inverse(&self, op: &Op) -> Option<Op> {
        match *op {
            Op::InstallRoot { .. } => Some(Op::RemoveRoot),
            Op::RemoveRoot | Op::RemoveFork => None,
            Op::GsoSegs(_) => Some(Op::GsoSegs(self.gso_segs)),
            Op::CreateClass(minor, _) => Some(Op::RemoveClass(minor)),
            Op::ChangeClass(minor, _) => self.classes.get(&minor).map(|old| Op::ChangeClass(minor, *old)),
            Op::RemoveClass(minor) => self.classes.get(&minor).map(|old| Op::CreateClass(minor, *old)),
            Op::InstallFork => Some(Op::RemoveFork),
            Op::Divert(port) => Some(Op::Undivert(port)),
            Op::Undivert(port) => Some(Op::Divert(port)),
        }
    }
}

/// The operations that make a device carry what is wanted. It takes fewer segments as one before a cap comes, and more
/// only after the last cap has gone.
pub fn operations(installed: &Installed, load: &Load) -> Vec<Op> {
    let mut ops = Vec::new();
    if !installed.root && !load.classes.is_empty() {
        ops.push(Op::InstallRoot { own_gso_segs: installed.own_gso_segs });
    }
    let own = installed.own_gso_segs;
    let segs = load.gso_segs.map_or(own, |segs| segs.min(own));
    if segs < installed.gso_segs {
        ops.push(Op::GsoSegs(segs));
    }
    for (minor, params) in &load.classes {
        match installed.classes.get(minor) {
            None => ops.push(Op::CreateClass(*minor, *params)),
            Some(now) if now != params => ops.push(Op::ChangeClass(*minor, *params)),
            Some(_) => {}
        }
    }
    ops.extend(ways(installed.diverted.as_ref(), &load.diverted));
    let gone = installed.classes.keys().filter(|minor| !load.classes.contains_key(minor));
    ops.extend(gone.map(|minor| Op::RemoveClass(*minor)));
    if segs > installed.gso_segs {
        ops.push(Op::GsoSegs(segs));
    }
    ops
}

fn ways(installed: Option<&BTreeSet<u16>>, wanted: &BTreeSet<u16>) -> Vec<Op> {
    let none = BTreeSet::new();
    let there = installed.unwrap_or(&none);
    let fork = (installed.is_none() && !wanted.is_empty()).then_some(Op::InstallFork);
    let more = wanted.difference(there).map(|port| Op::Divert(*port));
    let less = there.difference(wanted).map(|port| Op::Undivert(*port));
    fork.into_iter().chain(more).chain(less).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: ClassParams = ClassParams { rate: 125_000, buffer: 1, leaf: Leaf::Fifo(1) };
    const FAST: ClassParams = ClassParams { rate: 250_000, ..SLOW };

    fn load(classes: &[(u16, ClassParams)]) -> Load {
        let slowest =
            classes.iter().filter(|(_, class)| class.cap().is_some()).map(|(_, class)| class.rate).min();
        let classes = classes.iter().map(|(minor, params)| (Minor::new(*minor).unwrap(), *params));
        Load { classes: classes.collect(), gso_segs: gso_segs(slowest, false), ..Load::default() }
    }

    fn perform(installed: &mut Installed, load: &Load) -> Vec<Op> {
        let ops = operations(installed, load);
        ops.iter().for_each(|op| installed.note(op));
        assert_eq!(operations(installed, load), [], "not settled by {ops:?}");
        ops
    }

    #[test]
    fn a_life_of_two_classes() {
        let [one, two] = [1, 2].map(|number| Minor::new(number).unwrap());
        let mut device = Installed::untouched(65_535);
        assert_eq!(perform(&mut device, &load(&[])), []);
        assert_eq!(
            perform(&mut device, &load(&[(1, SLOW)])),
            [Op::InstallRoot { own_gso_segs: 65_535 }, Op::GsoSegs(1), Op::CreateClass(one, SLOW)]
        );
        assert_eq!(perform(&mut device, &load(&[(1, SLOW), (2, SLOW)])), [Op::CreateClass(two, SLOW)]);
        assert_eq!(perform(&mut device, &load(&[(1, FAST), (2, SLOW)])), [Op::ChangeClass(one, FAST)]);
        assert_eq!(perform(&mut device, &load(&[(1, FAST)])), [Op::RemoveClass(two)]);
        assert_eq!(
            perform(&mut device, &load(&[(1, ClassParams::UNLIMITED)])),
            [Op::ChangeClass(one, ClassParams::UNLIMITED), Op::GsoSegs(65_535)]
        );
        assert_eq!(perform(&mut device, &load(&[])), [Op::RemoveClass(one)]);
    }

    #[test]
    fn a_device_that_takes_single_packets_already_is_left_alone() {
        let mut device = Installed::untouched(1);
        let ops = perform(&mut device, &load(&[(1, SLOW)]));
        assert!(!ops.iter().any(|op| matches!(op, Op::GsoSegs(_))), "{ops:?}");
    }

    #[test]
    fn ways_are_made_one_by_one_and_the_fork_once() {
        let mut device = Installed::untouched(1);
        let diverted = |ports: &[u16]| Load { diverted: ports.iter().copied().collect(), ..Load::default() };
        assert_eq!(perform(&mut device, &diverted(&[7])), [Op::InstallFork, Op::Divert(7)]);
        assert_eq!(perform(&mut device, &diverted(&[8])), [Op::Divert(8), Op::Undivert(7)]);
        assert_eq!(perform(&mut device, &diverted(&[])), [Op::Undivert(8)]);
    }

    #[test]
    fn undoing_leads_back() {
        let mut device = Installed::untouched(65_535);
        let ways = |load: Load, ports: &[u16]| Load { diverted: ports.iter().copied().collect(), ..load };
        perform(&mut device, &ways(load(&[(1, SLOW), (2, SLOW)]), &[1]));
        let before = device.clone();
        let mut undo = Vec::new();
        for op in operations(&device, &ways(load(&[(1, FAST), (3, SLOW)]), &[3])) {
            undo.extend(device.inverse(&op));
            device.note(&op);
        }
        assert_ne!(device, before);
        undo.iter().rev().for_each(|op| device.note(op));
        assert_eq!(device, before);
    }

    #[test]
    fn rules_are_compared_with_sessions_and_devices() {
        let on = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut wanted = Wanted::default();
        assert!(wanted.has_rules(None, on(&["lo"])));
        let minor = Minor::new(1).unwrap();
        let mut session = Session { open: Open { rate: true, ..Open::default() }, ..Session::at(30_100) };
        wanted.sessions.insert(minor, session);
        let plain = wanted.rules(on(&["lo"]));
        assert!(wanted.has_rules(plain.as_ref(), on(&["lo", "eth0"])), "a class is found on every device");
        session.plan.up.rate = Some(125_000);
        wanted.sessions.insert(minor, session);
        let through = wanted.rules(on(&["lo"]));
        let has = |rules: Option<&Rules>, names| wanted.has_rules(rules, on(names));
        assert!(has(through.as_ref(), &["lo"]) && !has(through.as_ref(), &["lo", "eth0"]));
        assert!(!has(plain.as_ref(), &["lo"]) && !has(None, &["lo"]));
        wanted
            .sessions
            .insert(minor, Session { ports: Ports::from(30_100).with(30_101).unwrap(), ..session });
        assert!(!wanted.has_rules(through.as_ref(), on(&["lo"])));
    }

    #[test]
    fn a_session_without_anything_needs_no_rule_and_one_that_had_something_keeps_its_class() {
        let mut session = Session::at(30_100);
        assert_eq!(session.rules(), None);
        session.plan.up.rate = Some(125_000);
        session.remember();
        assert!(session.rules().unwrap().through_up);
        session.plan = LinkPlan::default();
        assert_eq!(session.rules(), Some(SessionRules::at(30_100)));
        assert_eq!(session.class(Role::Aide(Aide::Up), false), Some(ClassParams::UNLIMITED));
        assert_eq!(session.class(Role::Leave, false), None);
    }
}
