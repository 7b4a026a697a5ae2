//! How many changes a second a link takes, and what reading back costs, beside `tc` doing the same by process; and how long
//! a port takes to join and to leave.

use std::time::{Duration, Instant};

use rebuffer_shaper::{Link, Mode, Shaper, ShaperConfig};

use crate::cap;
use crate::netns::Net;

const ROUNDS: usize = 2_000;
const PROCESSES: usize = 100;
const PORT_ROUNDS: usize = 200;
/// A port of no session.
const EXTRA: u16 = 19_999;

pub(crate) fn run() -> bool {
    println!(
        "| sessions | ports of each | change and read back, p50 | p99 | changes/s | `tc class change` p50 | a port joins, p50 | leaves, p50 | all counters at once | per session | `tc -s class show` |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (sessions, ports) in [(1, 1), (200, 1), (1_000, 1), (1, 16), (200, 16)] {
        let Some(net) = Net::new() else { return true };
        net.block_on(|| measure(&net, sessions, ports));
    }
    true
}

async fn measure(net: &Net, sessions: u16, ports: u16) {
    let shaper = Shaper::open(ShaperConfig { mode: Mode::Kernel, ..ShaperConfig::default() }).await.unwrap();
    let mut links: Vec<Link> = Vec::new();
    for at in 0..sessions {
        let link = shaper.attach(20_000 + at).unwrap();
        link.set(&cap(5.0)).await.unwrap();
        for more in 1..ports {
            link.join(20_000 + more * sessions + at).await.unwrap();
        }
        links.push(link);
    }
    let mut took = Vec::new();
    let began = Instant::now();
    for round in 0..ROUNDS {
        let rate = if round % 2 == 0 { 1.0 } else { 20.0 };
        let began = Instant::now();
        links[round * 7 % links.len()].set(&cap(rate)).await.unwrap();
        took.push(began.elapsed());
    }
    let per_second = f64::from(u32::try_from(ROUNDS).unwrap()) / began.elapsed().as_secs_f64();
    let mut by_process = times(PROCESSES, || {
        net.run("tc class change dev lo parent 5eb0: classid 5eb0:1 htb rate 5mbit burst 4k quantum 1514");
    });
    let (mut joins, mut leaves) = (Vec::new(), Vec::new());
    for round in 0..PORT_ROUNDS {
        let link = &links[round * 7 % links.len()];
        let last = link.ports().pop().unwrap();
        // A link of one port gets one more for a moment, one of several is without one.
        let port = if ports == 1 { EXTRA } else { last };
        for joins_now in [ports == 1, ports > 1] {
            let began = Instant::now();
            if joins_now {
                link.join(port).await.unwrap();
                joins.push(began.elapsed());
            } else {
                link.leave(port).await.unwrap();
                leaves.push(began.elapsed());
            }
        }
    }
    let mut dump = Vec::new();
    for _ in 0..100 {
        let began = Instant::now();
        shaper.traffic().await.unwrap();
        dump.push(began.elapsed());
    }
    let mut show = times(20, || drop(net.run("tc -s class show dev lo")));
    let all = percentile(&mut dump, 50);
    println!(
        "| {sessions} | {ports} | {:?} | {:?} | {per_second:.0} | {:?} | {:?} | {:?} | {all:?} | {:?} | {:?} |",
        percentile(&mut took, 50),
        percentile(&mut took, 99),
        percentile(&mut by_process, 50),
        percentile(&mut joins, 50),
        percentile(&mut leaves, 50),
        all / u32::from(sessions),
        percentile(&mut show, 50),
    );
    shaper.close().await.unwrap();
}

fn times(count: usize, run: impl Fn()) -> Vec<Duration> {
    let time = |()| {
        let began = Instant::now();
        run();
        began.elapsed()
    };
    std::iter::repeat_n((), count).map(time).collect()
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() - 1) * percent / 100]
}
