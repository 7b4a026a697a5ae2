//! How fast a change of rate is felt, how long it takes, and whether anything passes uncapped meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rebuffer_shaper::{Mode, Shaper, ShaperConfig};

use crate::flow::{self, Windows};
use crate::netns::Net;
use crate::{cap, verdict};

const WINDOW: Duration = Duration::from_millis(10);
const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(3);
/// The receiver has the new rate after this many windows.
const SETTLED: usize = 50;
const CHANGE_WITHIN: Duration = Duration::from_millis(2);
const NEIGHBOUR_MBPS: f64 = 5.0;
/// The burst a class may make up for is 5 ms, and a packet may fall on either side of a window's edge.
const SLACK_BYTES: f64 = 2.0 * 1514.0;
const PAYLOAD: f64 = 1448.0 / 1514.0;

pub(crate) fn run() -> bool {
    println!(
        "| from | to | connections | change took | rate after 500 ms | largest 10 ms | neighbour's largest 10 ms | |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let steps = [(20.0, 1.0), (1.0, 20.0), (100.0, 5.0), (5.0, 100.0)];
    let rows = steps.into_iter().flat_map(|(from, to)| [1, 4].map(|connections| (from, to, connections)));
    rows.map(|(from, to, connections)| measure(from, to, connections)).fold(true, |all, kept| all & kept)
}

fn measure(from: f64, to: f64, connections: usize) -> bool {
    let (Some(here), Some(there)) = (Net::new(), Net::new()) else { return true };
    here.join([10, 9, 8, 1].into(), &there, [10, 9, 8, 2].into());
    let [windows, neighbours] = [(); 2].map(|()| Windows::new(WINDOW, BEFORE + AFTER));
    let (mut took, mut changed_at) = (Duration::ZERO, Duration::ZERO);
    here.block_on(|| async {
        let shaper =
            Shaper::open(ShaperConfig { mode: Mode::Kernel, ..ShaperConfig::default() }).await.unwrap();
        let address: SocketAddr = "10.9.8.1:0".parse().unwrap();
        let [one, two] = [flow::listen(address), flow::listen(address)];
        let link = flow::link(&shaper, &one, &cap(from)).await;
        let neighbour = flow::link(&shaper, &two, &cap(NEIGHBOUR_MBPS)).await;
        let start = Instant::now();
        std::thread::scope(|scope| {
            let flow = |listener, link, counted| {
                let to: SocketAddr = std::net::TcpListener::local_addr(listener).unwrap();
                scope.spawn(move || flow::send(listener, link));
                let there = &there;
                scope.spawn(move || there.here(|| flow::receive(to, start, counted)));
            };
            (0..connections).for_each(|_| flow(&one, &link, &windows));
            flow(&two, &neighbour, &neighbours);
            std::thread::sleep(BEFORE.saturating_sub(start.elapsed()));
            (changed_at, took) = flow::beside(async {
                let began = Instant::now();
                link.set(&cap(to)).await.unwrap();
                (began - start, began.elapsed())
            });
        });
        shaper.close().await.unwrap();
    });
    report((from, to, connections), took, changed_at, &windows, &neighbours)
}

fn report(
    (from, to, connections): (f64, f64, usize),
    took: Duration,
    changed_at: Duration,
    windows: &Windows,
    neighbours: &Windows,
) -> bool {
    let change = usize::try_from(changed_at.as_millis() / WINDOW.as_millis()).unwrap();
    let hundredths = windows.mbps(1);
    let settled = &hundredths[change + SETTLED..];
    let after = settled.iter().sum::<f64>() / f64::from(u32::try_from(settled.len()).unwrap()) / PAYLOAD;
    // What a capped class lets pass in a window at most: its rate, the burst it may make up for, and an edge.
    let most = |rate: f64| rate * 1.5 + SLACK_BYTES * 8.0 / 1e6 / WINDOW.as_secs_f64();
    let peak = |windows: &[f64]| windows.iter().copied().fold(0.0, f64::max);
    let around = &hundredths[100..];
    let beside = &neighbours.mbps(1)[100..];
    let kept = took < CHANGE_WITHIN
        && (after / to - 1.0).abs() <= 0.1
        && peak(around) <= most(from.max(to))
        && peak(beside) <= most(NEIGHBOUR_MBPS);
    println!(
        "| {from} | {to} | {connections} | {:.0} us | {after:.2} Mbit/s | {:.1} of {:.1} Mbit/s | {:.1} of {:.1} Mbit/s | {} |",
        took.as_secs_f64() * 1e6,
        peak(around),
        most(from.max(to)),
        peak(beside),
        most(NEIGHBOUR_MBPS),
        verdict(kept)
    );
    kept
}
