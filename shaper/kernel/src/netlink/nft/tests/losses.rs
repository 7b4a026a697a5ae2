//! Classes, losses and ways, as connections to each port of a session meet them: on loopback with IPv4 and IPv6, and on a
//! veth.

use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::ops::Range;

use socket2::SockRef;

use super::wire::Pair;
use super::*;

const BYTES: usize = 8_000_000;
/// The class of the session on every device, and one of another.
const CLASS: &str = "5eb0:11";
const OTHER_CLASS: &str = "5eb0:12";
const MINOR: u16 = 0x11;
/// Bytes of a few segments that come late, as a probe for a lost tail does.
const STRAY: usize = 10_000;

/// Shares of segments sent again, of some 5,500.
const SOUND: Range<f64> = 0.0..0.01;
const LOSSY: Range<f64> = 0.01..0.04;

/// Where rules stand: the device, whence the player connects, and the address.
struct Case {
    device: &'static str,
    player: Option<Net>,
    address: &'static str,
}

/// The cases of one namespace.
fn cases(place: &Place) -> Vec<Case> {
    let case = |address| Case { device: "lo", player: None, address };
    let mut cases: Vec<Case> = ["127.0.0.1", "::1"].map(case).into();
    if let Some(player) = Net::new() {
        place.net.join(Ipv4Addr::new(10, 1, 1, 1), &player, Ipv4Addr::new(10, 1, 1, 2));
        for net in [&place.net, &player] {
            net.run("ip link set veth0 gso_max_segs 1");
        }
        cases.push(Case { device: "veth0", player: Some(player), address: "10.1.1.1" });
    }
    cases
}

impl Case {
    fn open(&self, place: &Place, port: u16) -> Pair {
        Pair::open(self.player.as_ref().unwrap_or(&place.net), &place.net, at(self.address, port))
    }

    fn rules(&self, session: SessionRules) -> Rules {
        on([self.device], [(MINOR, session)])
    }
}

/// Our root with two classes.
fn shape(net: &Net, device: &str) {
    net.run(&format!("tc qdisc add dev {device} root handle 5eb0: htb"));
    for class in [CLASS, OTHER_CLASS] {
        net.run(&format!(
            "tc class add dev {device} parent 5eb0: classid {class} htb rate 10gbit quantum 60000"
        ));
    }
}

/// The bytes that have passed a class.
fn passed(net: &Net, device: &str, class: &str) -> usize {
    let said = net.run(&format!("tc -s class show dev {device} classid {class}"));
    let sent = said.split_whitespace().skip_while(|word| *word != "Sent").nth(1);
    sent.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

#[test]
fn packets_are_told_their_class_unless_their_socket_knows_it() {
    let Some(mut place) = Place::new() else { return };
    for case in cases(&place) {
        shape(&place.net, case.device);
        place.commit(None, Some(&case.rules(SessionRules::at(both())))).unwrap();
        let [pair, second] = [PORT, SECOND_PORT].map(|port| case.open(&place, port));
        pair.carry_down(100_000);
        second.carry_down(100_000);
        let classes = || [CLASS, OTHER_CLASS].map(|class| passed(&place.net, case.device, class));
        let [own, other] = classes();
        assert!(own > 200_000 && other == 0, "{own} {other} {}", case.address);
        case.open(&place, OTHER_PORT).carry_down(100_000);
        let [still, other] = classes();
        assert!(still < own + STRAY && other == 0, "{own} {still} {other} {}", case.address);
        SockRef::from(&pair.server).set_priority(0x5eb0_0012).unwrap();
        pair.carry_down(100_000);
        let [_, other] = classes();
        assert!(other > 100_000, "{other} {}", case.address);
        place.net.run(&format!("tc qdisc delete dev {} root", case.device));
    }
}

#[test]
fn losses_are_met_by_tcp_as_losses() {
    let Some(mut place) = Place::new() else { return };
    let plain = SessionRules::at(both());
    let sides = [
        (plain, SOUND, SOUND),
        (SessionRules { lost_down: share(0.02), ..plain }, LOSSY, SOUND),
        (SessionRules { lost_up: share(0.02), ..plain }, SOUND, LOSSY),
    ];
    for case in cases(&place) {
        for (session, down, up) in &sides {
            place.commit(None, Some(&case.rules(*session))).unwrap();
            for port in session.ports {
                let pair = case.open(&place, port);
                let shares = (pair.carry_down(BYTES), pair.carry_up(BYTES));
                assert!(
                    down.contains(&shares.0) && up.contains(&shares.1),
                    "{shares:?} {} {port} {session:?}",
                    case.address
                );
            }
            let neighbour = case.open(&place, OTHER_PORT);
            let shares = (neighbour.carry_down(BYTES / 4), neighbour.carry_up(BYTES / 4));
            assert!(SOUND.contains(&shares.0) && SOUND.contains(&shares.1), "{shares:?} {}", case.address);
        }
        place.commit(None, None).unwrap();
    }
}

#[test]
fn a_loss_of_everything_ends_with_its_rule() {
    let Some(mut place) = Place::new() else { return };
    for case in cases(&place) {
        let pair = case.open(&place, PORT);
        let lossy = case.rules(SessionRules { lost_down: share(1.0), ..SessionRules::at(PORT) });
        place.commit(None, Some(&lossy)).unwrap();
        let (mut server, mut client) = (&pair.server, &pair.client);
        server.write_all(b"!").unwrap();
        client.set_nonblocking(true).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock, "{}", case.address);
        place.commit(Some(&lossy), Some(&case.rules(SessionRules::at(PORT)))).unwrap();
        client.set_nonblocking(false).unwrap();
        client.read_exact(&mut [0]).unwrap();
        place.commit(None, None).unwrap();
    }
}

#[test]
fn what_comes_from_the_player_passes_the_uplinks_device_once() {
    let Some(mut place) = Place::new() else { return };
    shape(&place.net, "rebuffer-up");
    let mut before = 0;
    for case in cases(&place) {
        let through = SessionRules { through_up: true, lost_up: share(0.001), ..SessionRules::at(both()) };
        place.commit(None, Some(&case.rules(through))).unwrap();
        let [pair, second] = [PORT, SECOND_PORT].map(|port| case.open(&place, port));
        pair.carry_up(BYTES / 2);
        second.carry_up(BYTES / 2);
        let after = passed(&place.net, "rebuffer-up", CLASS);
        assert!((BYTES..BYTES * 5 / 4).contains(&(after - before)), "{} {before} {after}", case.address);
        case.open(&place, OTHER_PORT).carry_up(BYTES / 4);
        let still = passed(&place.net, "rebuffer-up", CLASS);
        assert!(still < after + STRAY, "{after} {still} {}", case.address);
        pair.carry_down(BYTES / 4);
        before = passed(&place.net, "rebuffer-up", CLASS);
        assert!(before - after < BYTES / 8, "only acknowledgements: {}", before - after);
        place.commit(None, None).unwrap();
    }
}
