//! How exactly a cap is kept: body bytes that arrive over ten seconds, as a share of the cap.
//!
//! `cargo run -p rebuffer-shaper --example accuracy [SECONDS]`, as root. The kernel's share is what headers leave
//! (95.6 % of the wire), the pacer aims at 98 %. Each row has network namespaces of its own, so rows run at once.
//! Deliberately absent: a verdict beyond the bounds in the table; timing on a busy machine is no test.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, read by whoever started it")]

#[expect(dead_code, reason = "shared with the tests")]
#[path = "../tests/kernel/netns.rs"]
mod netns;
#[expect(dead_code, reason = "shared with the tests")]
#[path = "../tests/kernel/traffic.rs"]
mod traffic;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rebuffer_model::{Mbps, Shape};
use rebuffer_shaper::{Link, Mode, Shaper, ShaperConfig};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::netns::Net;
use crate::traffic::listen;

const RATES: [f64; 3] = [1.0, 5.0, 20.0];

struct Row {
    name: &'static str,
    mode: Mode,
    address: &'static str,
    connections: usize,
    bounds: RangeInclusive<f64>,
}

struct Measured {
    share: f64,
    least_second: f64,
    most_second: f64,
}

const ROWS: [Row; 5] = [
    Row {
        name: "kernel, veth",
        mode: Mode::Kernel,
        address: "10.9.8.1:0",
        connections: 1,
        bounds: 92.0..=97.0,
    },
    Row {
        name: "kernel, veth, 4 at once",
        mode: Mode::Kernel,
        address: "10.9.8.1:0",
        connections: 4,
        bounds: 92.0..=97.0,
    },
    Row {
        name: "kernel, loopback v6",
        mode: Mode::Kernel,
        address: "[::1]:0",
        connections: 1,
        bounds: 92.0..=97.0,
    },
    Row {
        name: "pacing, loopback",
        mode: Mode::Pacing,
        address: "127.0.0.1:0",
        connections: 1,
        bounds: 95.0..=100.0,
    },
    Row {
        name: "pacing, 4 at once",
        mode: Mode::Pacing,
        address: "127.0.0.1:0",
        connections: 4,
        bounds: 95.0..=100.0,
    },
];

fn main() {
    let seconds = std::env::args().nth(1).map_or(10, |argument| argument.parse().unwrap());
    println!("{:<26} {:>7} {:>9} {:>19}   bounds", "", "Mbit/s", "of cap", "one-second windows");
    std::thread::scope(|scope| {
        for row in &ROWS {
            scope.spawn(move || row.measure(seconds));
        }
    });
}

impl Row {
    fn measure(&self, seconds: u32) {
        let (Some(here), Some(there)) = (Net::new(), Net::new()) else { return };
        here.join([10, 9, 8, 1].into(), &there, [10, 9, 8, 2].into());
        let client = if self.address.starts_with("10.") { &there } else { &here };
        for rate in RATES {
            let (told, heard) = std::sync::mpsc::channel();
            std::thread::scope(|scope| {
                scope.spawn(|| here.block_on(|| serve(self, rate, told)));
                let address = heard.recv().unwrap();
                let Measured { share, least_second, most_second } =
                    client.block_on(|| receive(address, self.connections, seconds, rate));
                let verdict = if self.bounds.contains(&share) { "kept" } else { "MISSED" };
                println!(
                    "{:<26} {rate:>7} {share:>7.2} % {least_second:>7.2} - {most_second:>6.2} %   {:?} {verdict}",
                    self.name, self.bounds
                );
            });
        }
    }
}

/// Sends to each connection until all have gone.
async fn serve(row: &Row, rate: f64, told: std::sync::mpsc::Sender<SocketAddr>) {
    let config = ShaperConfig { mode: row.mode, interfaces: Vec::new() };
    let shaper = Shaper::open(config).await.unwrap();
    let link = shaper.attach(0).unwrap();
    link.set(&Shape::capped(Mbps::new(rate).unwrap())).await.unwrap();
    let listener = listen(row.address);
    told.send(listener.local_addr().unwrap()).unwrap();
    let mut senders = Vec::new();
    for _ in 0..row.connections {
        let (socket, _) = listener.accept().await.unwrap();
        senders.push(tokio::spawn(send(link.clone(), socket)));
    }
    for sender in senders {
        sender.await.unwrap();
    }
    shaper.close().await.unwrap();
}

async fn send(link: Link, socket: TcpStream) {
    let socket = Arc::new(socket);
    link.adopt(&socket).unwrap();
    let data = vec![7; 64 << 10];
    loop {
        let mut granted = match link.pacer() {
            Some(pacer) => pacer.take(data.len()).await,
            None => data.len(),
        };
        while granted > 0 {
            socket.writable().await.unwrap();
            match socket.try_write(&data[..granted]) {
                Ok(written) => granted -= written,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}

async fn receive(address: SocketAddr, connections: usize, seconds: u32, rate: f64) -> Measured {
    let mut sockets = Vec::new();
    for _ in 0..connections {
        sockets.push(TcpStream::connect(address).await.unwrap());
    }
    let start = Instant::now();
    let readers = sockets.into_iter().map(|socket| tokio::spawn(count(socket, start, seconds)));
    let mut windows = vec![0.0; seconds as usize];
    for reader in readers.collect::<Vec<_>>() {
        let counted = reader.await.unwrap();
        windows.iter_mut().zip(counted).for_each(|(sum, bytes)| *sum += f64::from(bytes) * 8.0 / 1e4 / rate);
    }
    Measured {
        share: windows.iter().sum::<f64>() / f64::from(seconds),
        least_second: windows.iter().copied().fold(f64::INFINITY, f64::min),
        most_second: windows.iter().copied().fold(0.0, f64::max),
    }
}

/// Bytes read in each second.
async fn count(mut socket: TcpStream, start: Instant, seconds: u32) -> Vec<u32> {
    let mut windows = Vec::new();
    let mut into = vec![0; 64 << 10];
    for second in 1..=seconds {
        let end = start + Duration::from_secs(1) * second;
        let mut bytes = 0;
        while let Ok(read) = timeout_at(end, socket.read(&mut into)).await {
            bytes += u32::try_from(read.unwrap()).unwrap();
        }
        windows.push(bytes);
    }
    windows
}
