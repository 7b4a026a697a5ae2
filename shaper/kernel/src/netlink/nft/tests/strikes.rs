//! Strikes meet exactly the packets they are meant for.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use rebuffer_shape::Ports;

use super::wire::{Pair, begin, listen, outcome, wait};
use super::*;

const BOTH: [&str; 2] = ["127.0.0.1", "::1"];

fn struck(ports: impl Into<Ports>, strike: Option<StrikeRule>) -> SessionRules {
    SessionRules { strike, ..SessionRules::at(ports) }
}

/// What becomes of an attempt to connect: open or refused, or none of it, as its packet is dropped.
type Fate = Option<Result<(), ErrorKind>>;

const DROPPED: Fate = None;
const OPEN: Fate = Some(Ok(()));
const REFUSED: Fate = Some(Err(ErrorKind::ConnectionRefused));

/// Both ends of what has been opened.
type Opened = (socket2::Socket, TcpStream);

impl Place {
    /// Connects again and again, each time until what becomes of it is seen by both ends; returns what has been opened,
    /// as closing it would be one more packet.
    fn connect<const N: usize>(&mut self, session: u16, to: &TcpListener, fates: [Fate; N]) -> Vec<Opened> {
        let address = to.local_addr().unwrap();
        let dropped = |place: &mut Self| place.struck(minor(session)).unwrap_or(0);
        let attempts = fates.into_iter().enumerate().filter_map(|(attempt, fate)| {
            let before = dropped(self);
            let (socket, mut found) = (begin(&self.net, address), None);
            wait(|| {
                found = outcome(&socket);
                found.is_some() || fate == DROPPED && dropped(self) > before
            });
            assert_eq!(found, fate, "{address} {attempt}");
            (fate == OPEN).then(|| (socket, to.accept().unwrap().0))
        });
        attempts.collect()
    }
}

#[test]
fn so_many_packets_are_dropped_and_no_more() {
    let Some(mut place) = Place::new() else { return };
    for address in BOTH {
        let listener = listen(&place.net, at(address, PORT));
        let rules = rules([(1, struck(PORT, strike(false, Some(3), 1)))]);
        place.commit(None, Some(&rules)).unwrap();
        let _open = place.connect(1, &listener, [DROPPED, DROPPED, DROPPED, OPEN, OPEN]);
        assert_eq!(place.struck(minor(1)), Some(3));
    }
}

#[test]
fn so_many_packets_are_refused_and_no_more() {
    let Some(mut place) = Place::new() else { return };
    for address in BOTH {
        let listener = listen(&place.net, at(address, PORT));
        let rules = rules([(1, struck(PORT, strike(true, Some(2), 1)))]);
        place.commit(None, Some(&rules)).unwrap();
        let _open = place.connect(1, &listener, [REFUSED, REFUSED, OPEN, OPEN]);
        assert_eq!(place.struck(minor(1)), Some(2));
    }
}

#[test]
fn so_many_packets_are_counted_over_all_ports_also_when_one_joins() {
    let Some(mut place) = Place::new() else { return };
    for (reject, struck_fate) in [(false, DROPPED), (true, REFUSED)] {
        for address in BOTH {
            let [one, two] = [PORT, SECOND_PORT].map(|port| listen(&place.net, at(address, port)));
            let budget = strike(reject, Some(4), 1);
            let with = |ports| rules([(1, struck(ports, budget))]);
            let (alone, both) = (with(PORT.into()), with(both()));
            place.commit(None, Some(&alone)).unwrap();
            let mut open = place.connect(1, &one, [struck_fate]);
            open.extend(place.connect(1, &two, [OPEN]));
            place.commit(Some(&alone), Some(&both)).unwrap();
            assert_eq!(place.struck(minor(1)), Some(1), "the count goes on");
            open.extend(place.connect(1, &two, [struck_fate, struck_fate]));
            open.extend(place.connect(1, &one, [struck_fate, OPEN]));
            open.extend(place.connect(1, &two, [OPEN]));
            assert_eq!(place.struck(minor(1)), Some(4), "{address}");
        }
    }
}

#[test]
fn a_strike_without_a_number_of_packets_goes_on() {
    let Some(mut place) = Place::new() else { return };
    let listener = listen(&place.net, at("127.0.0.1", PORT));
    let rules = rules([(1, struck(PORT, strike(false, None, 1)))]);
    place.commit(None, Some(&rules)).unwrap();
    let _open = place.connect(1, &listener, [DROPPED; 20]);
    assert_eq!(place.struck(minor(1)), Some(20));
    place.commit(Some(&rules), Some(&super::rules([(1, SessionRules::at(PORT))]))).unwrap();
    let _open = place.connect(1, &listener, [OPEN]);
    assert_eq!(place.struck(minor(1)), None);
}

#[test]
fn a_new_number_begins_anew_and_others_go_on() {
    let Some(mut place) = Place::new() else { return };
    let [one, other] = [PORT, OTHER_PORT].map(|port| listen(&place.net, at("127.0.0.1", port)));
    let with = |number| {
        let other = struck(OTHER_PORT, strike(false, Some(5), 1));
        rules([(1, struck(PORT, strike(false, Some(2), number))), (2, other)])
    };
    place.commit(None, Some(&with(0))).unwrap();
    let mut open = Vec::new();
    for number in 1..=4 {
        open.push(place.connect(1, &one, [DROPPED, DROPPED, OPEN]));
        place.connect(2, &other, [DROPPED]);
        place.commit(Some(&with(number - 1)), Some(&with(number))).unwrap();
        assert_eq!((place.struck(minor(1)), place.struck(minor(2))), (Some(0), Some(number.into())));
    }
    // Four of five came before.
    place.connect(2, &other, [DROPPED, OPEN]);
}

#[test]
fn an_open_connection_is_reset() {
    let Some(mut place) = Place::new() else { return };
    for address in BOTH {
        let pair = Pair::open(&place.net, &place.net, at(address, PORT));
        let rules = rules([(1, struck(PORT, strike(true, Some(1), 1)))]);
        place.commit(None, Some(&rules)).unwrap();
        let mut client = &pair.client;
        client.write_all(b"?").unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset, "{address}");
        assert_eq!(place.struck(minor(1)), Some(1));
        place.commit(None, None).unwrap();
    }
}
