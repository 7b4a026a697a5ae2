//! Links of several ports: everything in force applies to all of them together, from when they join until they leave.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use rebuffer_model::{Shape, TransportAction};
use rebuffer_shape::{Kernel, Op, Rules};
use rebuffer_shaper::{Link, Mode, Netlink, Ports, Shaper, ShaperError, Strike};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use crate::conditions::{connects, shape};
use crate::netns::Net;
use crate::traffic::{Connection, listen};
use crate::{cap, classes, config, is_untouched, kernel};

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

/// A link of as many ports as there are listeners.
async fn linked<const N: usize>(shaper: &Shaper) -> (Link, [TcpListener; N]) {
    let listeners = std::array::from_fn(|_| listen("127.0.0.1:0"));
    let link = shaper.attach(port(&listeners[0])).unwrap();
    for listener in &listeners[1..] {
        link.join(port(listener)).await.unwrap();
    }
    (link, listeners)
}

/// Bytes to the player that were counted in the link's class.
async fn passed(link: &Link) -> u64 {
    link.traffic().await.unwrap().down.unwrap().bytes
}

/// What the packet filter does for us, read by somebody else.
fn rules(net: &Net) -> Option<Rules> {
    net.here(|| Netlink::open().unwrap().rules().unwrap())
}

#[test]
fn a_cap_over_two_ports_is_one_cap() {
    const BYTES: usize = 400_000;
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let (link, [one, two]) = linked(&shaper).await;
        link.set(&cap(8.0)).await.unwrap();
        let mut downloads = [Connection::through(&link, &one).await, Connection::through(&link, &two).await];
        let began = Instant::now();
        let [first, second] = &mut downloads;
        tokio::join!(first.carry(BYTES), second.carry(BYTES));
        // Only slower than the cap is possible on a busy machine; with a cap each they would take half as long.
        let least = Duration::from_secs_f64(2.0 * BYTES as f64 * 8.0 / 8e6);
        assert!(began.elapsed() >= least, "{:?} instead of {least:?}", began.elapsed());
        let wire = passed(&link).await;
        let payload = 2 * BYTES as u64;
        assert!((payload..payload * 11 / 10).contains(&wire), "{wire} bytes on the wire");
        assert_eq!(classes(&net, "lo").len(), 1);
        shaper.close().await.unwrap();
    });
    is_untouched(&net, "lo");
}

/// Every byte is counted in the class, so none went past it.
#[test]
fn no_byte_passes_uncapped_once_its_port_has_joined_whatever_else_changes() {
    const BYTES: usize = 1_000_000;
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let (link, [one]) = linked(&shaper).await;
        link.set(&cap(100.0)).await.unwrap();
        let two = listen("127.0.0.1:0");
        // This one is open before its port joins, and nobody adopts it: its packets find the class by their port.
        let client = TcpStream::connect(two.local_addr().unwrap()).await.unwrap();
        let server = two.accept().await.unwrap().0.into();
        let mut stranger = Connection { server, client };
        stranger.carry(BYTES).await;
        assert_eq!(passed(&link).await, 0, "not yet");
        link.join(port(&two)).await.unwrap();
        let mut adopted = Connection::through(&link, &one).await;
        let changes = async {
            for round in 0..50 {
                link.join(30_000).await.unwrap();
                link.set(&cap(if round % 2 == 0 { 50.0 } else { 100.0 })).await.unwrap();
                link.join(30_001).await.unwrap();
                link.leave(30_000).await.unwrap();
                link.leave(30_001).await.unwrap();
            }
        };
        tokio::join!(stranger.carry(BYTES), adopted.carry(BYTES), changes);
        let wire = passed(&link).await;
        assert!(wire >= 2 * BYTES as u64, "{wire} bytes of {} were capped", 2 * BYTES);
        shaper.close().await.unwrap();
    });
}

#[test]
fn a_strike_counts_its_packets_over_all_ports() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let (link, [one, two]) = linked(&shaper).await;
        let third = listen("127.0.0.1:0");
        for action in [TransportAction::Reject, TransportAction::Drop] {
            link.strike(Some(Strike { action, packets: Some(4) })).await.unwrap();
            let mut fates = Vec::new();
            for listener in [&one, &two] {
                fates.push(connects(listener.local_addr().unwrap()));
            }
            assert!(connects(third.local_addr().unwrap()), "not its port yet");
            link.join(port(&third)).await.unwrap();
            for listener in [&third, &two, &one, &two, &third] {
                fates.push(connects(listener.local_addr().unwrap()));
            }
            assert_eq!(fates, [false, false, false, false, true, true, true], "{action:?}");
            assert_eq!(link.struck().await.unwrap(), 4);
            assert_eq!(link.strike(None).await.unwrap(), 4);
            link.leave(port(&third)).await.unwrap();
        }
        shaper.close().await.unwrap();
    });
    assert_eq!(rules(&net), None);
}

#[test]
fn losses_of_either_direction_concern_all_ports_until_they_leave() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        for json in [
            r#"{"stall":true}"#,
            r#"{"uplink":{"stall":true}}"#,
            r#"{"loss_pct":100}"#,
            r#"{"uplink":{"loss_pct":100}}"#,
        ] {
            let (link, [one, two, three]) = linked(&shaper).await;
            let in_force = link.set(&shape(json)).await.unwrap();
            assert_eq!((in_force.observed, in_force.in_sync), (shape(json), true));
            link.leave(port(&one)).await.unwrap();
            assert_eq!(link.in_force(), in_force);
            let fates = [&one, &two, &three].map(|listener| connects(listener.local_addr().unwrap()));
            assert_eq!(fates, [true, false, false], "{json}");
            link.detach().await.unwrap();
            assert!([&two, &three].iter().all(|listener| connects(listener.local_addr().unwrap())), "{json}");
        }
        shaper.close().await.unwrap();
    });
    assert_eq!(rules(&net), None);
}

#[test]
fn an_uplink_is_one_for_all_ports() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let (link, listeners) = linked::<2>(&shaper).await;
        link.set(&shape(r#"{"uplink":{"rate_mbps":20}}"#)).await.unwrap();
        let mut before = 0;
        for listener in &listeners {
            Connection::through(&link, listener).await.carry(20_000).await;
            let packets = link.traffic().await.unwrap().up.unwrap().packets;
            assert!(packets > before + 3, "handshake, request and acknowledgements: {before} {packets}");
            before = packets;
        }
        assert_eq!(classes(&net, "rebuffer-up").len(), 1);
        shaper.close().await.unwrap();
    });
}

#[test]
fn a_port_that_left_is_unshaped_and_another_link_may_have_it_at_once() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let (link, [one, two]) = linked(&shaper).await;
        link.set(&cap(50.0)).await.unwrap();
        let mut connection = Connection::through(&link, &two).await;
        connection.carry(10_000).await;
        let before = passed(&link).await;
        link.leave(port(&two)).await.unwrap();
        assert_eq!(link.ports(), [port(&one)]);
        assert_eq!(SockRef::from(&*connection.server).priority().unwrap(), 0);
        assert!(link.adopt(&connection.server).is_err());
        connection.carry(100_000).await;
        assert_eq!(passed(&link).await, before);

        let other = shaper.attach(port(&two)).unwrap();
        other.set(&cap(80.0)).await.unwrap();
        other.adopt(&connection.server).unwrap();
        connection.carry(100_000).await;
        assert_eq!(passed(&link).await, before);
        assert!(passed(&other).await > 100_000);
        // And back, while the other one lives on with another port.
        other.join(30_000).await.unwrap();
        other.leave(port(&two)).await.unwrap();
        assert_eq!((other.port(), other.ports()), (30_000, vec![30_000]));
        link.join(port(&two)).await.unwrap();
        connection.carry(100_000).await;
        assert!(passed(&link).await > before + 100_000);
        shaper.close().await.unwrap();
    });
}

#[test]
fn what_joins_and_leaves_in_the_end_leaves_nothing() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let json = r#"{"rate_mbps":5,"loss_pct":1,"uplink":{"rate_mbps":2,"loss_pct":1}}"#;
        for _ in 0..2 {
            let (link, _listeners) = linked::<3>(&shaper).await;
            link.set(&shape(json)).await.unwrap();
            let strike = Strike { action: TransportAction::Drop, packets: Some(9) };
            link.strike(Some(strike)).await.unwrap();
            for extra in 30_000..30_013 {
                link.join(extra).await.unwrap();
            }
            let held = rules(&net).unwrap().sessions.values().next().unwrap().ports;
            assert_eq!((held.as_slice(), held.as_slice().len()), (&link.ports()[..], Ports::MAX));
            for extra in 30_000..30_010 {
                link.leave(extra).await.unwrap();
            }
            let held = rules(&net).unwrap().sessions.values().next().unwrap().ports;
            assert_eq!((held.as_slice(), held.as_slice().len()), (&link.ports()[..], 6));
            assert_eq!(shaper.audit().await.unwrap(), []);
            let again = link.clone();
            link.detach().await.unwrap();
            assert_eq!((again.ports(), rules(&net)), (Vec::new(), None));
            assert_eq!(again.join(30_000).await, Err(ShaperError::Detached));
            assert!(classes(&net, "lo").is_empty());
            let diverted = net.run("tc filter show dev lo egress");
            assert!(!diverted.contains("mirred"), "{diverted}");
        }
        let (link, _listeners) = linked::<3>(&shaper).await;
        link.set(&cap(1.0)).await.unwrap();
        drop(link);
        shaper.close().await.unwrap();
    });
    is_untouched(&net, "lo");
    assert_eq!(rules(&net), None);
    assert!(!net.run("tc qdisc show dev lo").contains("clsact"));
    assert!(!net.run("ip link show").contains("rebuffer"));
}

#[test]
fn a_port_that_somebody_took_away_is_told_and_brought_back() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let (link, [one, two]) = linked(&shaper).await;
        // The delay is the proxy's where there is no netem, and stays so whatever is read back.
        link.set(&shape(r#"{"rate_mbps":50,"loss_pct":1,"delay_ms":5}"#)).await.unwrap();
        let (_neighbour, _listeners) = linked::<2>(&shaper).await;
        let (before, asked) = (rules(&net), link.in_force());
        let mut other = net.here(|| Netlink::open().unwrap());
        let lo = other.interfaces().unwrap().into_iter().find(|interface| interface.name == "lo").unwrap();
        let told = other.diverted(&lo).unwrap();
        for gone in [&one, &two] {
            let mut fewer = before.clone().unwrap();
            for session in fewer.sessions.values_mut() {
                session.ports = session.ports.without(port(gone)).unwrap();
            }
            other.commit(before.as_ref(), Some(&fewer)).unwrap();
            // Where there is netem, the losses are its own and the port goes through a device of ours.
            if told.is_some() {
                other.apply(&lo, &Op::Undivert(port(gone))).unwrap();
            }
            let drifts = shaper.audit().await.unwrap();
            assert_eq!(drifts.len(), 1 + usize::from(told.is_some()), "{drifts:?}");
            for (drift, ports) in drifts {
                assert_eq!((drift.repaired, ports), (Ok(()), link.ports()), "{}", drift.found);
            }
            assert_eq!((rules(&net), other.diverted(&lo).unwrap()), (before.clone(), told.clone()));
            assert_eq!((shaper.audit().await.unwrap(), link.in_force()), (Vec::new(), asked));
        }
        shaper.close().await.unwrap();
    });
}

#[test]
fn what_cannot_join_or_leave_is_refused_by_name_and_changes_nothing() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let [link, other] = [30_000, 30_100].map(|port| shaper.attach(port).unwrap());
        link.set(&cap(5.0)).await.unwrap();
        for extra in 30_001..30_016 {
            link.join(extra).await.unwrap();
        }
        let before = (link.ports(), rules(&net));
        let full = link.join(30_016).await.unwrap_err();
        assert_eq!(full, ShaperError::TooManyPorts { port: 30_016 });
        assert!(full.to_string().contains("30016") && full.to_string().contains("16 ports"), "{full}");
        assert_eq!(other.join(30_003).await, Err(ShaperError::PortTaken { port: 30_003 }));
        assert_eq!(shaper.attach(30_003).unwrap_err(), ShaperError::PortTaken { port: 30_003 });
        assert_eq!(other.leave(30_100).await, Err(ShaperError::LastPort { port: 30_100 }));
        link.join(30_003).await.unwrap();
        link.leave(30_100).await.unwrap();
        assert_eq!((link.ports(), rules(&net), other.ports()), (before.0, before.1, vec![30_100]));
        link.detach().await.unwrap();
        other.join(30_003).await.unwrap();
        other.set(&cap(2.0)).await.unwrap();
        drop(other);
        shaper.attach(30_003).unwrap().set(&cap(1.0)).await.unwrap();
        shaper.close().await.unwrap();
    });
}

#[test]
fn a_caller_that_stops_waiting_for_a_port_leaves_no_difference_to_the_kernel() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let link = shaper.attach(30_000).unwrap();
        link.set(&cap(1.0)).await.unwrap();
        let mut join = Box::pin(link.join(30_001));
        poll_fn(|context| Poll::Ready(join.as_mut().poll(context).is_ready())).await;
        drop(join);
        // Commands are carried out in order, so this one waits for that one.
        link.traffic().await.unwrap();
        let held = rules(&net).unwrap().sessions.values().next().unwrap().ports;
        assert_eq!((link.ports(), held.as_slice()), (vec![30_000, 30_001], &[30_000, 30_001][..]));
        shaper.close().await.unwrap();
    });
}

#[test]
fn where_no_kernel_shapes_ports_share_one_pacer_or_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for mode in [Mode::Pacing, Mode::Off] {
            let shaper = Shaper::open(config(mode)).await.unwrap();
            let (link, listeners) = linked::<2>(&shaper).await;
            let asked = if mode == Mode::Pacing { cap(20.0) } else { Shape::default() };
            let in_force = link.set(&asked).await.unwrap();
            for listener in &listeners {
                Connection::through(&link, listener).await.carry(1_000).await;
            }
            let mut ports: Vec<u16> = listeners.iter().map(port).collect();
            ports.sort_unstable();
            assert_eq!((link.ports(), link.class(), link.in_force()), (ports, None, in_force), "{mode}");
            link.leave(port(&listeners[0])).await.unwrap();
            let last = port(&listeners[1]);
            assert_eq!(link.leave(last).await, Err(ShaperError::LastPort { port: last }));
            assert_eq!((link.port(), link.pacer().is_some()), (last, mode == Mode::Pacing));
        }
    });
}
