//! Knobs beyond the downlink's rate, and what others do to them.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rebuffer_model::{Shape, TransportAction};
use rebuffer_shaper::{Drift, Link, Shaper, ShaperError, Strike};
use tokio::net::TcpListener;

use crate::netns::Net;
use crate::traffic::{Connection, listen};
use crate::{after, cap, classes, is_untouched, kernel};

pub(crate) fn shape(json: &str) -> Shape {
    serde_json::from_str(json).unwrap()
}

/// A listener, and the link of its port.
async fn linked(shaper: &Shaper, json: &str) -> (TcpListener, Link) {
    let listener = listen("127.0.0.1:0");
    let link = shaper.attach(listener.local_addr().unwrap().port()).unwrap();
    let in_force = link.set(&shape(json)).await.unwrap();
    assert_eq!((in_force.observed, in_force.in_sync), (shape(json), true));
    (listener, link)
}

/// Whether somebody can connect; a SYN or its answer that is lost is sent again only later than this.
pub(crate) fn connects(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(400)).is_ok()
}

#[test]
fn an_uplink_goes_through_a_device_of_ours_and_is_counted_there() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let (listener, link) = linked(&shaper, r#"{"uplink":{"rate_mbps":5}}"#).await;
        let (beside, other) = linked(&shaper, r#"{"rate_mbps":50}"#).await;
        let mut connection = Connection::through(&link, &listener).await;
        connection.carry(20_000).await;
        Connection::through(&other, &beside).await.carry(20_000).await;
        let up = link.traffic().await.unwrap().up.unwrap();
        assert!(up.packets > 3, "handshake, request and acknowledgements: {up:?}");
        assert_eq!(other.traffic().await.unwrap().up, None);
        assert!(classes(&net, "rebuffer-up")[0].contains("rate 5Mbit"), "{:?}", classes(&net, "rebuffer-up"));
        link.set(&Shape::default()).await.unwrap();
        connection.carry(20_000).await;
        let later = link.traffic().await.unwrap().up.unwrap();
        assert_eq!(later.packets, up.packets, "what is lifted takes the direct way");
        shaper.close().await.unwrap();
    });
    is_untouched(&net, "lo");
    assert!(!net.run("ip link show").contains("rebuffer"));
}

#[test]
fn a_stall_of_either_direction_lets_nobody_in_and_ends() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        for json in [r#"{"stall":true}"#, r#"{"uplink":{"stall":true}}"#] {
            let (listener, link) = linked(&shaper, json).await;
            let (beside, _other) = linked(&shaper, r#"{"rate_mbps":50}"#).await;
            let address = listener.local_addr().unwrap();
            assert!(!connects(address), "{json}");
            assert!(connects(beside.local_addr().unwrap()), "{json}: a neighbour");
            link.set(&Shape::default()).await.unwrap();
            assert!(connects(address), "{json}: after it");
        }
        shaper.close().await.unwrap();
    });
}

#[test]
fn what_no_kernel_here_can_do_is_refused_by_name_and_changes_nothing() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let (_listener, link) = linked(&shaper, r#"{"rate_mbps":5}"#).await;
        let asked = shape(r#"{"corrupt_pct":1}"#);
        match link.set(&asked).await {
            Ok(in_force) => assert_eq!(in_force.observed, asked, "a kernel that has netem"),
            Err(ShaperError::NotHere { knob, reason }) => {
                assert_eq!(knob, "corrupt_pct");
                assert!(reason.contains("netem"), "{reason}");
                assert_eq!(link.in_force().observed, shape(r#"{"rate_mbps":5}"#));
            }
            Err(other) => panic!("{other}"),
        }
        shaper.close().await.unwrap();
    });
}

#[test]
fn so_many_packets_are_struck_and_no_more() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let listener = listen("127.0.0.1:0");
        let address = listener.local_addr().unwrap();
        let link = shaper.attach(address.port()).unwrap();
        for again in 1..=2 {
            link.strike(Some(Strike { action: TransportAction::Reject, packets: Some(2) })).await.unwrap();
            let refused: Vec<bool> = (0..4).map(|_| connects(address)).collect();
            assert_eq!(refused, [false, false, true, true], "round {again}");
            assert_eq!(link.struck().await.unwrap(), 2, "round {again}");
        }
        assert_eq!(link.strike(None).await.unwrap(), 2);
        assert!(connects(address));
        shaper.close().await.unwrap();
    });
    is_untouched(&net, "lo");
}

#[test]
fn what_somebody_else_changed_is_told_and_set_right() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let (_listener, link) = linked(&shaper, r#"{"rate_mbps":5,"uplink":{"rate_mbps":1}}"#).await;
        let (_beside, neighbour) = linked(&shaper, r#"{"rate_mbps":7}"#).await;
        assert_eq!(shaper.audit().await.unwrap(), []);
        let (before, asked) = (classes(&net, "lo"), link.in_force());
        for tamper in [
            "tc class change dev lo parent 5eb0: classid 5eb0:1 htb rate 9mbit burst 4k quantum 1514",
            "tc qdisc del dev lo root",
            "tc qdisc del dev rebuffer-up root",
            "ip link del rebuffer-up",
            "ip link set dev lo gso_max_segs 100",
        ] {
            net.run(tamper);
            let drifts = shaper.audit().await.unwrap();
            assert!(!drifts.is_empty(), "{tamper}");
            for (Drift { repaired, found, .. }, ports) in drifts {
                assert_eq!(repaired, Ok(()), "{tamper}: {found}");
                assert!(ports.contains(&link.port()), "{tamper}: {ports:?}");
            }
            assert_eq!(classes(&net, "lo"), before, "{tamper}");
            assert_eq!(link.in_force(), asked, "{tamper}");
            assert_eq!(shaper.audit().await.unwrap(), [], "{tamper}");
        }
        assert_eq!(neighbour.in_force().observed, shape(r#"{"rate_mbps":7}"#));
        shaper.close().await.unwrap();
    });
    is_untouched(&net, "lo");
}

#[test]
fn hundreds_of_sessions_in_any_order_leave_nothing() {
    let Some(net) = Net::new() else { return };
    net.run("ip link add other type ifb");
    net.run("tc qdisc add dev other root handle 9: tbf rate 1mbit burst 4k limit 20k");
    let foreign = net.run("tc qdisc show dev other");
    net.block_on(|| async {
        let shaper = kernel().await;
        let mut links: Vec<Option<Link>> = Vec::from_iter((0..300).map(|_| None));
        // Ports that go from link to link, and which of them has each.
        let mut wandering: [Option<usize>; 200] = [None; 200];
        let mut random = 0x5eb0_u64;
        // An emulated processor takes a minute for what a real one does in seconds.
        let rounds = if std::env::var_os("REBUFFER_VM").is_some() { 300 } else { 3_000 };
        for _ in 0..rounds {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = usize::try_from(random % 300).unwrap();
            let asked = match random % 11 {
                0..4 => shape(r#"{"rate_mbps":3,"loss_pct":1}"#),
                4..7 => shape(r#"{"uplink":{"rate_mbps":2}}"#),
                7 => Shape::default(),
                _ => cap(9.0),
            };
            let roaming = usize::try_from(random >> 32).unwrap() % wandering.len();
            let extra = 31_000 + u16::try_from(roaming).unwrap();
            match &mut links[at] {
                slot @ Some(_) if random.is_multiple_of(5) => {
                    slot.take().map(Link::detach).unwrap().await.unwrap();
                    wandering.iter_mut().filter(|has| **has == Some(at)).for_each(|has| *has = None);
                }
                Some(link) if random.is_multiple_of(2) => match wandering[roaming].replace(at) {
                    Some(has) if has != at => {
                        let has = links[has].as_ref().unwrap();
                        has.leave(extra).await.unwrap();
                        links[at].as_ref().unwrap().join(extra).await.unwrap();
                    }
                    Some(_) => {
                        link.leave(extra).await.unwrap();
                        wandering[roaming] = None;
                    }
                    None => link.join(extra).await.unwrap(),
                },
                Some(link) => assert_eq!(link.set(&asked).await.unwrap().observed, asked),
                slot @ None => {
                    let link = slot.insert(shaper.attach(30_000 + u16::try_from(at).unwrap()).unwrap());
                    assert_eq!(link.set(&asked).await.unwrap().observed, asked);
                }
            }
        }
        assert_eq!(shaper.audit().await.unwrap(), []);
        let held = links.iter().flatten().map(|link| link.ports().len() - 1).sum::<usize>();
        assert!(held > 20 && held == wandering.iter().flatten().count(), "{held} ports wander");
        for link in links.into_iter().flatten() {
            link.detach().await.unwrap();
        }
        assert_eq!(classes(&net, "lo"), Vec::<String>::new());
        shaper.close().await.unwrap();
    });
    is_untouched(&net, "lo");
    assert_eq!(net.run("tc qdisc show dev other"), foreign);
    assert_eq!(after(&net.run("ip -d link show dev other"), "gso_max_segs"), 65_535);
    assert!(!net.run("ip link show").contains("rebuffer"));
}
