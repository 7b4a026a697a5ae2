//! How exactly a cap is kept: goodput in one-second windows beside what a cap leaves for the body, and the largest 100 ms.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rebuffer_shaper::{Mode, Shaper, ShaperConfig};

use crate::flow::{self, Windows};
use crate::netns::Net;
use crate::{cap, verdict};

const WINDOW: Duration = Duration::from_millis(100);
const MEASURED: Duration = Duration::from_secs(10);
/// The first second fills queues.
const SETTLE: usize = 10;
const NEIGHBOUR_MBPS: f64 = 0.3;

struct Row {
    mode: Mode,
    address: &'static str,
    connections: usize,
    /// Ports of the link, each with so many connections.
    ports: usize,
    /// Other sessions that send all the time, each under a cap of its own.
    neighbours: usize,
    rates: &'static [f64],
    /// Allowed distance of the mean from the payload's share, percent.
    within: f64,
    /// No 100 ms above this many times the cap.
    peak: f64,
}

const VETH: &str = "10.9.8.1:0";
const ALL: &[f64] = &[0.3, 1.0, 5.0, 25.0, 100.0];
const KERNEL: Row = Row {
    mode: Mode::Kernel,
    address: VETH,
    connections: 1,
    ports: 1,
    neighbours: 0,
    rates: ALL,
    within: 2.0,
    peak: 1.3,
};
const PACING: Row = Row { mode: Mode::Pacing, within: 5.0, ..KERNEL };
const ROWS: &[Row] = &[
    KERNEL,
    Row { connections: 4, ..KERNEL },
    Row { ports: 2, ..KERNEL },
    Row { ports: 16, neighbours: 199, ..KERNEL },
    Row { address: "[::1]:0", ..KERNEL },
    Row { neighbours: 199, ..KERNEL },
    Row { neighbours: 199, connections: 4, ..KERNEL },
    PACING,
    Row { connections: 4, ..PACING },
    Row { ports: 2, ..PACING },
    Row { neighbours: 199, ..PACING },
];

pub(crate) fn run() -> bool {
    println!(
        "| backend | over | connections | ports | sessions | Mbit/s | mean of 1 s windows | least - most | largest 100 ms | |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    ROWS.iter()
        .flat_map(|row| row.rates.iter().map(move |rate| row.measure(*rate)))
        .fold(true, |all, kept| all & kept)
}

impl Row {
    fn measure(&self, rate: f64) -> bool {
        let (Some(here), Some(there)) = (Net::new(), Net::new()) else { return true };
        here.join([10, 9, 8, 1].into(), &there, [10, 9, 8, 2].into());
        let address: SocketAddr = self.address.parse().unwrap();
        let client = if address.ip().is_loopback() { &here } else { &there };
        let windows = Windows::new(WINDOW, MEASURED + WINDOW * u32::try_from(SETTLE).unwrap());
        let others = Windows::new(WINDOW, windows.total());
        here.block_on(|| async {
            let shaper =
                Shaper::open(ShaperConfig { mode: self.mode, ..ShaperConfig::default() }).await.unwrap();
            let mut flows = Vec::new();
            for at in 0..=self.neighbours {
                let listener = flow::listen(address);
                let mbps = if at == 0 { rate } else { NEIGHBOUR_MBPS };
                let link = flow::link(&shaper, &listener, &cap(mbps)).await;
                for _ in 1..if at == 0 { self.ports } else { 1 } {
                    let more = flow::listen(address);
                    link.join(more.local_addr().unwrap().port()).await.unwrap();
                    flows.push((more, link.clone(), self.connections, &windows));
                }
                let (connections, counted) =
                    if at == 0 { (self.connections, &windows) } else { (1, &others) };
                flows.push((listener, link, connections, counted));
            }
            let start = Instant::now();
            std::thread::scope(|scope| {
                for (listener, link, connections, counted) in &flows {
                    let port = listener.local_addr().unwrap().port();
                    let to = SocketAddr::new(address.ip(), port);
                    for _ in 0..*connections {
                        scope.spawn(|| flow::send(listener, link));
                        scope.spawn(move || client.here(|| flow::receive(to, start, counted)));
                    }
                }
            });
            shaper.close().await.unwrap();
        });
        self.report(rate, address, &windows)
    }

    fn report(&self, rate: f64, address: SocketAddr, windows: &Windows) -> bool {
        let share =
            |mbps: f64| mbps / (rate * flow::payload_share(address, self.mode == Mode::Pacing)) * 100.0;
        let tenths = windows.mbps(1)[SETTLE..].to_vec();
        let seconds: Vec<f64> =
            tenths.chunks_exact(10).map(|ten| share(ten.iter().sum::<f64>() / 10.0)).collect();
        let mean = seconds.iter().sum::<f64>() / f64::from(u32::try_from(seconds.len()).unwrap());
        let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = seconds.iter().copied().fold(0.0, f64::max);
        let peak = tenths.iter().copied().fold(0.0, f64::max) / rate;
        let kept = (mean - 100.0).abs() <= self.within && peak <= self.peak;
        println!(
            "| {} | {} | {} | {} | {} | {rate} | {mean:.2} % | {least:.2} - {most:.2} % | {peak:.2} x cap | {} |",
            self.mode,
            if address.ip().is_loopback() { "loopback, IPv6" } else { "veth, IPv4" },
            self.connections,
            self.ports,
            self.neighbours + 1,
            verdict(kept)
        );
        kept
    }
}
