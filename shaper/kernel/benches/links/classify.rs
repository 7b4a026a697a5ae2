//! What finding a packet's class costs, per packet, by the number of sessions.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rebuffer_shaper::{Mode, Shaper, ShaperConfig};

use crate::flow;
use crate::netns::Net;
use crate::{cap, verdict};

const PACKETS: u32 = 300_000;
/// How much more a packet may cost among a thousand sessions than alone.
const FLAT: f64 = 1.25;

pub(crate) fn run() -> bool {
    println!("| sessions | per small packet over loopback | of that with one session | |");
    println!("|---|---|---|---|");
    let mut alone = None;
    [1, 100, 1_000]
        .map(|sessions| {
            let Some(net) = Net::new() else { return true };
            let took = (0..3).map(|_| net.block_on(|| measure(sessions))).min().unwrap();
            let ratio = took.as_secs_f64() / alone.get_or_insert(took).as_secs_f64();
            println!("| {sessions} | {took:?} | {ratio:.2} | {} |", verdict(ratio <= FLAT));
            ratio <= FLAT
        })
        .into_iter()
        .all(|kept| kept)
}

/// The time of one packet of one session among others.
async fn measure(sessions: u16) -> Duration {
    let shaper = Shaper::open(ShaperConfig { mode: Mode::Kernel, ..ShaperConfig::default() }).await.unwrap();
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listener = flow::listen(address);
    // A cap that nothing reaches: its class is looked for all the same.
    let _link = flow::link(&shaper, &listener, &cap(10_000.0)).await;
    let mut others = Vec::new();
    for at in 1..sessions {
        let link = shaper.attach(20_000 + at).unwrap();
        link.set(&cap(5.0)).await.unwrap();
        others.push(link);
    }
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    // Nobody adopts the socket, so the class is found by the port.
    let (mut server, _) = listener.accept().unwrap();
    server.set_nodelay(true).unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut client, &mut std::io::sink()).unwrap());
    let began = Instant::now();
    for _ in 0..PACKETS {
        server.write_all(&[7; 64]).unwrap();
    }
    let took = began.elapsed() / PACKETS;
    drop(server);
    reader.join().unwrap();
    shaper.close().await.unwrap();
    took
}
