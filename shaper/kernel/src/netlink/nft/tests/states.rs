//! From any state to any other, and read back.

use std::collections::BTreeSet;

use rebuffer_shape::{PerMillion, Ports, Rules, SessionRules};

use super::super::batch::Batch;
use super::super::layout::{Aides, Layout};
use super::super::reading::Reader;
use super::super::{TRIED, change, probe};
use super::*;

#[test]
fn what_is_committed_is_read() {
    let Some(mut place) = Place::new() else { return };
    let plain = SessionRules::at(PORT);
    let cases = [
        Rules::default(),
        on([], [(1, plain)]),
        rules([]),
        rules([(0x7fff, plain)]),
        rules([(2, SessionRules { lost_down: share(0.02), ..plain })]),
        rules([(2, SessionRules { lost_down: share(1.0), lost_up: share(1.0), ..plain })]),
        rules([(2, SessionRules { lost_up: PerMillion::new(1), ..plain })]),
        rules([(2, SessionRules { lost_up: PerMillion::new(999_999), ..plain })]),
        rules([(3, SessionRules { through_up: true, ..plain })]),
        rules([(4, SessionRules { strike: strike(false, None, 0), ..plain })]),
        rules([(4, SessionRules { strike: strike(true, None, u32::MAX), ..plain })]),
        rules([(4, SessionRules { strike: strike(false, Some(0), 1), ..plain })]),
        rules([(4, SessionRules { strike: strike(true, Some(u32::MAX), 2), ..plain })]),
        rules([(1, plain), (2, SessionRules { strike: strike(true, Some(5), 2), ..SessionRules::at(1) })]),
        rules([(5, SessionRules { ports: both(), ..plain })]),
        rules([(5, SessionRules { lost_down: share(0.5), through_up: true, ..SessionRules::at(both()) })]),
        rules([
            (5, SessionRules { strike: strike(false, Some(9), 3), ..SessionRules::at(most()) }),
            (6, plain),
        ]),
    ];
    let mut from = None;
    for case in &cases {
        for from in [from, None] {
            place.commit(from, Some(case)).unwrap();
            assert_eq!(place.read().as_ref(), Some(case));
        }
        from = Some(case);
    }
    place.commit(from, None).unwrap();
    assert_eq!(place.read(), None);
    place.commit(None, None).unwrap();
}

#[test]
fn any_state_leads_to_any_other() {
    let Some(mut place) = Place::new() else { return };
    place.net.run("ip link add 1f type veth peer name veth1");
    let mut dice = Dice(7);
    let mut from = None;
    for step in 0..150 {
        let to = (dice.below(8) > 0).then(|| dice.rules());
        place.commit(from.as_ref(), to.as_ref()).unwrap_or_else(|failure| panic!("{step}: {failure:?}"));
        assert_eq!(place.read(), to, "{step}: from {from:?}");
        from = to;
    }
}

#[test]
fn a_thousand_sessions_are_one_batch() {
    let Some(mut place) = Place::new() else { return };
    let session = |number: u16| SessionRules {
        lost_down: share(0.01),
        lost_up: share(0.02),
        through_up: true,
        strike: strike(true, Some(u32::from(number)), 1),
        ..SessionRules::at(Ports::from(10_000 + number).with(20_000 + number).unwrap())
    };
    let sessions = (1..=1000).map(|number| (minor(number), session(number))).collect();
    let all = Rules { devices: ["lo".to_owned()].into(), sessions };
    place.commit(None, Some(&all)).unwrap();
    assert_eq!(place.read().as_ref(), Some(&all));
    assert_eq!(super::super::struck(&mut place.socket).unwrap().len(), 1000);
    let mut fewer = all.clone();
    fewer.sessions.retain(|minor, _| minor.get() % 3 == 0);
    place.commit(Some(&all), Some(&fewer)).unwrap();
    assert_eq!(place.read(), Some(fewer));
}

#[test]
fn a_failing_batch_changes_nothing_and_says_what_failed() {
    let Some(mut place) = Place::new() else { return };
    let before = rules([(1, SessionRules { lost_down: share(0.5), ..SessionRules::at(PORT) })]);
    place.commit(None, Some(&before)).unwrap();
    let same_port = rules([(2, SessionRules::at(OTHER_PORT)), (3, SessionRules::at(OTHER_PORT))]);
    for from in [Some(&before), None] {
        let failure = place.commit(from, Some(&same_port)).unwrap_err();
        assert!(failure.message.starts_with("add to map class: "), "{failure:?}");
        assert_eq!((failure.errno, place.read().as_ref()), (libc::EEXIST, Some(&before)));
    }
    let failure = place.commit(Some(&same_port), Some(&before)).unwrap_err();
    assert!(failure.message.starts_with("remove from map class: "), "{failure:?}");
    assert_eq!((failure.errno, place.read().as_ref()), (libc::ENOENT, Some(&before)));
    // The socket is fit for more, whatever was complained of.
    place.commit(Some(&before), None).unwrap();
    assert_eq!(place.read(), None);
}

#[test]
fn a_way_to_a_missing_device_is_refused() {
    let Some(mut place) = Place::new() else { return };
    let lossy = rules([(1, SessionRules { lost_down: share(0.5), ..SessionRules::at(PORT) })]);
    let through = rules([(1, SessionRules { through_up: true, ..SessionRules::at(PORT) })]);
    for (rules, device) in [(&lossy, "rebuffer-sink"), (&through, "rebuffer-up")] {
        let failure = super::super::commit(&mut place.socket, None, Some(rules), None, None).unwrap_err();
        assert_eq!(failure.message, format!("the device {device} is missing"));
        assert_eq!(place.read(), None);
    }
    place.commit(None, Some(&through)).unwrap();
    assert_eq!(place.read(), Some(through));
    for other in [None, place.sink] {
        assert_eq!(super::super::read(&mut place.socket, place.sink, other).unwrap(), None, "{other:?}");
    }
}

#[test]
fn a_device_may_vanish_and_return() {
    let Some(mut place) = Place::new() else { return };
    let session = (1, SessionRules { lost_up: share(0.5), through_up: true, ..SessionRules::at(PORT) });
    let (both, one) = (on(["lo", "veth7"], [session]), rules([session]));
    place.net.run("ip link add veth7 type veth peer name veth8");
    place.commit(None, Some(&both)).unwrap();
    for knows in [false, true] {
        place.net.run("ip link delete veth7");
        let from = if knows { place.read() } else { Some(both.clone()) };
        place.commit(from.as_ref(), Some(&one)).unwrap();
        assert_eq!(place.read().as_ref(), Some(&one));
        place.net.run("ip link add veth7 type veth peer name veth8");
        place.commit(Some(&one), Some(&both)).unwrap();
        assert_eq!(place.read().as_ref(), Some(&both));
    }
}

#[test]
fn a_probe_leaves_nothing_and_needs_the_right() {
    let Some(mut place) = Place::new() else { return };
    let before = rules([(1, SessionRules { strike: strike(true, None, 1), ..SessionRules::at(PORT) })]);
    place.commit(None, Some(&before)).unwrap();
    for _ in 0..2 {
        assert_eq!(probe(&mut place.socket), Ok(()));
    }
    assert_eq!(place.read(), Some(before));
    assert!(!Reader { socket: &mut place.socket, table: TRIED }.anything().unwrap());
    let denied = place.net.block_on_as_nobody(|| async { probe(&mut Socket::open_filter().unwrap()) });
    assert_eq!(denied, Err("CAP_NET_ADMIN is missing in this network namespace".to_owned()));
}

#[test]
fn tables_of_others_stay_as_they_are() {
    let Some(mut place) = Place::new() else { return };
    let theirs = rules([(9, SessionRules { strike: strike(false, Some(4), 4), ..SessionRules::at(1) })]);
    let layout = Layout::of(&theirs, &theirs.sessions, Aides::default());
    let mut batch = Batch::new(&mut place.socket, "somebody");
    batch.begin_anew();
    change(&mut batch, &Layout::default(), &layout);
    batch.commit().unwrap();
    let ours = rules([(1, SessionRules::at(PORT))]);
    for (from, to) in [(None, Some(&ours)), (Some(&ours), None), (None, None)] {
        place.commit(from, to).unwrap();
        let found = Reader { socket: &mut place.socket, table: "somebody" }.layout().unwrap();
        assert_eq!(found.as_ref(), Some(&layout));
    }
}

/// As many ports as a session may have, and not [`PORT`].
fn most() -> Ports {
    (1..16).fold(Ports::from(20_100), |ports, more| ports.with(20_100 + more).unwrap())
}

/// Numbers that look random and are the same every time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn small(&mut self, limit: u64) -> u32 {
        u32::try_from(self.below(limit)).unwrap()
    }

    /// Few sessions, ports and values, so that they meet again; a session has up to three ports.
    pub(super) fn rules(&mut self) -> Rules {
        let devices: BTreeSet<String> =
            ["lo", "1f", "veth1"].into_iter().filter(|_| self.below(2) > 0).map(str::to_owned).collect();
        let mut ports: Vec<u16> = (20_000..20_024).collect();
        let mut draw = |dice: &mut Self| {
            let at = usize::try_from(dice.below(ports.len() as u64)).unwrap();
            ports.swap_remove(at)
        };
        let mut rules = Rules { devices, ..Rules::default() };
        for number in 1..=8 {
            if self.below(3) > 0 {
                let first = Ports::from(draw(self));
                let more = self.below(3);
                let ports = (0..more).fold(first, |ports, _| ports.with(draw(self)).unwrap());
                rules.sessions.insert(minor(number), self.session(ports));
            }
        }
        rules
    }

    fn session(&mut self, ports: Ports) -> SessionRules {
        let strike = StrikeRule {
            reject: self.below(2) > 0,
            packets: (self.below(2) > 0).then(|| self.small(3)),
            number: self.small(3),
        };
        SessionRules {
            ports,
            lost_down: PerMillion::new(self.small(3) * 500_000),
            lost_up: PerMillion::new(self.small(3) * 500_000),
            through_up: self.below(3) == 0,
            strike: (self.below(2) > 0).then_some(strike),
        }
    }
}
