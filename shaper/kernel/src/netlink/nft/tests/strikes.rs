//! Strikes meet exactly the packets they are meant for.

use std::io::{ErrorKind, Read, Write};

use super::wire::{Pair, begin, listen, outcome};
use super::*;

const BOTH: [&str; 2] = ["127.0.0.1", "::1"];

fn struck(port: u16, strike: Option<StrikeRule>) -> SessionRules {
    SessionRules { strike, ..SessionRules::at(port) }
}

impl Place {
    /// How the next connections stand right after they were begun; those that do not are given up.
    fn connect<const N: usize>(&self, address: &str, port: u16) -> [Option<Result<(), ErrorKind>>; N] {
        [(); N].map(|()| outcome(&begin(&self.net, at(address, port))))
    }
}

#[test]
fn so_many_packets_are_dropped_and_no_more() {
    let Some(mut place) = Place::new() else { return };
    for address in BOTH {
        let _listener = listen(&place.net, at(address, PORT));
        let rules = rules([(1, struck(PORT, strike(false, Some(3), 1)))]);
        place.commit(None, Some(&rules)).unwrap();
        assert_eq!(place.connect(address, PORT), [None, None, None, Some(Ok(())), Some(Ok(()))], "{address}");
        assert_eq!(place.struck(minor(1)), Some(3));
    }
}

#[test]
fn so_many_packets_are_refused_and_no_more() {
    let Some(mut place) = Place::new() else { return };
    for address in BOTH {
        let _listener = listen(&place.net, at(address, PORT));
        let rules = rules([(1, struck(PORT, strike(true, Some(2), 1)))]);
        place.commit(None, Some(&rules)).unwrap();
        let refused = Some(Err(ErrorKind::ConnectionRefused));
        assert_eq!(place.connect(address, PORT), [refused, refused, Some(Ok(())), Some(Ok(()))], "{address}");
        assert_eq!(place.struck(minor(1)), Some(2));
    }
}

#[test]
fn a_strike_without_a_number_of_packets_goes_on() {
    let Some(mut place) = Place::new() else { return };
    let _listener = listen(&place.net, at("127.0.0.1", PORT));
    let rules = rules([(1, struck(PORT, strike(false, None, 1)))]);
    place.commit(None, Some(&rules)).unwrap();
    assert_eq!(place.connect("127.0.0.1", PORT), [None; 20]);
    assert_eq!(place.struck(minor(1)), Some(20));
    place.commit(Some(&rules), Some(&super::rules([(1, SessionRules::at(PORT))]))).unwrap();
    assert_eq!(place.connect("127.0.0.1", PORT), [Some(Ok(()))]);
    assert_eq!(place.struck(minor(1)), None);
}

#[test]
fn a_new_number_begins_anew_and_others_go_on() {
    let Some(mut place) = Place::new() else { return };
    let _listeners = [PORT, OTHER_PORT].map(|port| listen(&place.net, at("127.0.0.1", port)));
    let with = |number| {
        let other = struck(OTHER_PORT, strike(false, Some(5), 1));
        rules([(1, struck(PORT, strike(false, Some(2), number))), (2, other)])
    };
    place.commit(None, Some(&with(0))).unwrap();
    for number in 1..=4 {
        assert_eq!(place.connect("127.0.0.1", PORT), [None, None, Some(Ok(()))], "{number}");
        assert_eq!(place.connect("127.0.0.1", OTHER_PORT), [None], "{number}");
        place.commit(Some(&with(number - 1)), Some(&with(number))).unwrap();
        assert_eq!((place.struck(minor(1)), place.struck(minor(2))), (Some(0), Some(number.into())));
    }
    assert_eq!(place.connect("127.0.0.1", OTHER_PORT), [None, Some(Ok(()))], "four of five came before");
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
