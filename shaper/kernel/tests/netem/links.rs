//! What a link makes of netem: the way of a session's packets, both ways, with everything else beside it untouched.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rebuffer_model::Shape;
use rebuffer_shape::Kernel;
use rebuffer_shaper::{Link, Mode, Netlink, Shaper, ShaperConfig, tcp_info};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::kernel;
use crate::netns::Net;
use crate::path::median;
use crate::traffic::{Connection, listen};

const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// Delays in ms, and how many round trips are measured.
const DELAYS: &[(u64, usize)] = &[(20, 21), (100, 9), (500, 5)];

/// A rig's namespace and a player's, where the kernel has netem.
fn nets() -> Option<(Net, Net)> {
    let (here, there) = (Net::new()?, Net::new()?);
    kernel(&here)?;
    here.join(HERE, &there, THERE);
    Some((here, there))
}

/// Whether the kernel can turn knobs of the uplink.
fn has_uplink(net: &Net) -> bool {
    let filter = net.here(|| Netlink::open().unwrap().features()).filter;
    filter.inspect_err(|missing| println!("skipped: {missing}")).is_ok()
}

fn shape(json: &str) -> Shape {
    serde_json::from_str(json).unwrap()
}

async fn shaper() -> Shaper {
    Shaper::open(ShaperConfig { mode: Mode::Kernel, ..ShaperConfig::default() }).await.unwrap()
}

/// A second port of a session: a player's connection there, and the port.
async fn joined(link: &Link, there: &Net) -> (u16, Connection) {
    let listener = listen(&SocketAddr::from((HERE, 0)).to_string());
    let port = listener.local_addr().unwrap().port();
    link.join(port).await.unwrap();
    (port, connect(&listener, link, there).await)
}

/// A session: a listener, its link, and a player's connection.
async fn session(shaper: &Shaper, there: &Net) -> (Link, Connection) {
    let listener = listen(&SocketAddr::from((HERE, 0)).to_string());
    let address = listener.local_addr().unwrap();
    let link = shaper.attach(address.port()).unwrap();
    let connection = connect(&listener, &link, there).await;
    (link, connection)
}

async fn connect(listener: &TcpListener, link: &Link, there: &Net) -> Connection {
    let address = listener.local_addr().unwrap();
    let client = there.here(|| std::net::TcpStream::connect(address)).unwrap();
    client.set_nonblocking(true).unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let server = Arc::new(server);
    link.adopt(&server).unwrap();
    Connection { server, client: TcpStream::from_std(client).unwrap() }
}

/// The median of so many round trips of a byte that is asked for and answered.
async fn round_trip(connection: &mut Connection, count: usize) -> Duration {
    connection.client.set_nodelay(true).unwrap();
    connection.server.set_nodelay(true).unwrap();
    let mut times = Vec::new();
    for _ in 0..count {
        let asked = Instant::now();
        connection.client.write_all(b"?").await.unwrap();
        while connection.server.try_read(&mut [0]).is_err() {
            connection.server.readable().await.unwrap();
        }
        assert_eq!(connection.server.try_write(b"!").unwrap(), 1);
        connection.client.read_exact(&mut [0]).await.unwrap();
        times.push(asked.elapsed());
    }
    median(times)
}

async fn set(link: &Link, json: &str) {
    let in_force = link.set(&shape(json)).await.unwrap();
    assert_eq!((in_force.observed, in_force.in_sync), (shape(json), true), "{json}");
}

/// Delays of one direction, as JSON with the number left out, are added to what there is without.
async fn delays_are_added(shaper: &Shaper, there: &Net, json: fn(u64) -> String) {
    let (link, mut connection) = session(shaper, there).await;
    let (_beside, mut other) = session(shaper, there).await;
    let without = round_trip(&mut connection, 101).await;
    for (ms, count) in DELAYS {
        set(&link, &json(*ms)).await;
        // The first may be answered by what was on its way.
        round_trip(&mut connection, 1).await;
        let asked = Duration::from_millis(*ms);
        let added = round_trip(&mut connection, *count).await.saturating_sub(without);
        println!("{}: {added:?} added to {without:?}", json(*ms));
        assert!(
            added.abs_diff(asked) <= Duration::from_millis(2).max(asked / 50),
            "{added:?}, not {asked:?}"
        );
        assert!(round_trip(&mut other, 5).await < without + Duration::from_millis(5), "a neighbour waits");
    }
    set(&link, "{}").await;
    assert!(round_trip(&mut connection, 5).await < without + Duration::from_millis(5), "after it");
}

#[test]
fn a_downlink_delay_is_added_to_its_session_alone() {
    let Some((here, there)) = nets() else { return };
    here.block_on(|| async {
        let shaper = shaper().await;
        delays_are_added(&shaper, &there, |ms| format!(r#"{{"delay_ms":{ms}}}"#)).await;
        shaper.close().await.unwrap();
    });
    assert!(!here.run("ip link show").contains("rebuffer"));
    assert!(!here.run("tc qdisc show").contains("clsact"));
}

#[test]
fn an_uplink_delay_is_added_to_its_session_alone() {
    let Some((here, there)) = nets() else { return };
    if !has_uplink(&here) {
        return;
    }
    here.block_on(|| async {
        let shaper = shaper().await;
        delays_are_added(&shaper, &there, |ms| format!(r#"{{"uplink":{{"delay_ms":{ms}}}}}"#)).await;
        shaper.close().await.unwrap();
    });
    assert!(!here.run("ip link show").contains("rebuffer"));
}

/// What netem drops is gone for TCP as well: it is sent again.
#[test]
fn what_is_lost_is_a_loss_to_tcp() {
    let Some((here, there)) = nets() else { return };
    here.block_on(|| async {
        let shaper = shaper().await;
        let (link, mut connection) = session(&shaper, &there).await;
        set(&link, r#"{"loss_pct":2,"delay_ms":2,"seed":7}"#).await;
        connection.carry(6_000_000).await;
        let down = link.traffic().await.unwrap().down.unwrap();
        let again = tcp_info(connection.server.as_fd()).unwrap().retransmits;
        let (sent, lost) = (down.packets + down.drops, down.drops);
        println!("{sent} sent, {lost} lost, {again} sent again");
        let share = lost as f64 / sent as f64;
        let spread = 2.576 * (0.02 * 0.98 / sent as f64).sqrt();
        assert!(sent > 4_000 && (share - 0.02).abs() <= spread, "{share} +- {spread}");
        let again = u64::from(again);
        assert!(again >= lost * 9 / 10 && again <= lost * 12 / 10, "{again} for {lost}");
        shaper.close().await.unwrap();
    });
}

#[test]
fn a_delay_of_either_direction_is_that_of_all_ports_while_they_belong_to_the_link() {
    let Some((here, there)) = nets() else { return };
    if !has_uplink(&here) {
        return;
    }
    here.block_on(|| async {
        let shaper = shaper().await;
        let (link, mut first) = session(&shaper, &there).await;
        let without = round_trip(&mut first, 101).await;
        let added = |trip: Duration| trip.saturating_sub(without).as_millis();
        for (json, asked) in [
            (r#"{"delay_ms":100}"#, 98..=102),
            (r#"{"uplink":{"delay_ms":100}}"#, 98..=102),
            (r#"{"delay_ms":60,"uplink":{"delay_ms":40,"rate_mbps":50},"rate_mbps":50}"#, 98..=102),
        ] {
            set(&link, json).await;
            let in_force = link.in_force();
            let (port, mut second) = joined(&link, &there).await;
            assert_eq!(link.in_force(), in_force, "{json}");
            for connection in [&mut first, &mut second] {
                round_trip(connection, 1).await;
                let trip = added(round_trip(connection, 5).await);
                assert!(asked.contains(&trip), "{json}: {trip} ms");
            }
            link.leave(port).await.unwrap();
            round_trip(&mut second, 1).await;
            let trip = added(round_trip(&mut second, 5).await);
            assert!(trip < 5, "{json}: {trip} ms after it left");
            let trip = added(round_trip(&mut first, 5).await);
            assert!(asked.contains(&trip), "{json}: {trip} ms for the one that stayed");
        }
        shaper.close().await.unwrap();
    });
    assert!(!here.run("ip link show").contains("rebuffer"));
    assert!(!here.run("tc qdisc show").contains("clsact"));
}

#[test]
fn all_ports_lose_in_one_queue() {
    let Some((here, there)) = nets() else { return };
    here.block_on(|| async {
        let shaper = shaper().await;
        let (link, mut first) = session(&shaper, &there).await;
        let (_port, mut second) = joined(&link, &there).await;
        set(&link, r#"{"loss_pct":2,"delay_ms":2,"seed":7}"#).await;
        tokio::join!(first.carry(2_000_000), second.carry(2_000_000));
        let lost = link.traffic().await.unwrap().down.unwrap().drops;
        let again = [&first, &second]
            .map(|connection| u64::from(tcp_info(connection.server.as_fd()).unwrap().retransmits));
        println!("{lost} lost, {again:?} sent again");
        assert!(again.iter().all(|again| *again >= lost / 4), "{again:?} for {lost}");
        let all: u64 = again.iter().sum();
        assert!(all >= lost * 9 / 10 && all <= lost * 12 / 10, "{again:?} for {lost}");
        shaper.close().await.unwrap();
    });
}

#[test]
fn every_knob_lets_bytes_through_and_is_lifted() {
    let Some((here, there)) = nets() else { return };
    let knobs = [
        r#"{"delay_ms":20,"rate_mbps":10,"queue_bytes":30000}"#,
        r#"{"delay_ms":20,"jitter_ms":10}"#,
        r#"{"delay_ms":20,"jitter_ms":10,"jitter_reorders":true}"#,
        r#"{"loss_pct":5,"loss_burst_packets":3}"#,
        r#"{"duplicate_pct":5}"#,
        r#"{"delay_ms":10,"reorder_pct":20}"#,
        r#"{"corrupt_pct":2}"#,
        r#"{"delay_ms":10,"jitter_ms":5,"loss_pct":1,"duplicate_pct":1,"reorder_pct":1,"corrupt_pct":1,"rate_mbps":20}"#,
    ];
    here.block_on(|| async {
        let shaper = shaper().await;
        let (link, mut connection) = session(&shaper, &there).await;
        for knob in knobs {
            let mut asked = shape(knob);
            asked.seed = Some(7);
            let in_force = link.set(&asked).await.unwrap();
            assert_eq!((in_force.observed, in_force.in_sync), (asked, true), "{knob}");
            let before = link.traffic().await.unwrap().down.unwrap_or_default().bytes;
            connection.carry(100_000).await;
            let after = link.traffic().await.unwrap().down.unwrap().bytes;
            assert!(after - before > 100_000, "{knob}: {} bytes", after - before);
        }
        set(&link, "{}").await;
        connection.carry(100_000).await;
        shaper.close().await.unwrap();
    });
    assert!(!here.run("ip link show").contains("rebuffer"));
}
