//! A thousand sessions that come, change, get and lose a second port and go in random order for a minute, beside somebody
//! else's objects and a few that send all the time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rebuffer_shaper::{Mode, Shaper, ShaperConfig};

use crate::flow::{self, Windows};
use crate::netns::Net;
use crate::{cap, verdict};

const SESSIONS: u16 = 1_000;
const LASTS: Duration = Duration::from_secs(60);
const WATCHED: usize = 5;
const WATCHED_MBPS: f64 = 2.0;
const SEED: u64 = 0x5eb0_5eb0;

pub(crate) fn run() -> bool {
    let (Some(here), Some(there)) = (Net::new(), Net::new()) else { return true };
    here.join([10, 9, 8, 1].into(), &there, [10, 9, 8, 2].into());
    here.run("ip link add other type ifb");
    here.run("tc qdisc add dev other root handle 9: tbf rate 1mbit burst 4k limit 20k");
    let foreign = here.run("tc qdisc show dev other");
    let watched: Vec<_> = (0..WATCHED).map(|_| Windows::new(Duration::from_millis(100), LASTS)).collect();
    let mut changes = 0_u64;
    here.block_on(|| async {
        let shaper = Shaper::open(ShaperConfig { mode: Mode::Kernel, ..ShaperConfig::default() }).await.unwrap();
        let address: SocketAddr = "10.9.8.1:0".parse().unwrap();
        let mut flows = Vec::new();
        for _ in 0..WATCHED {
            let listener = flow::listen(address);
            let link = flow::link(&shaper, &listener, &cap(WATCHED_MBPS)).await;
            flows.push((listener, link));
        }
        let start = Instant::now();
        std::thread::scope(|scope| {
            for ((listener, link), windows) in flows.iter().zip(&watched) {
                let to = listener.local_addr().unwrap();
                let there = &there;
                scope.spawn(move || flow::send(listener, link));
                scope.spawn(move || there.here(|| flow::receive(to, start, windows)));
            }
            changes = flow::beside(churn(&shaper, start));
        });
        let classes = here.run("tc class show dev lo").lines().count();
        println!("{changes} changes in {LASTS:?}; {classes} classes on loopback after the last of the {SESSIONS} had gone, {WATCHED} sessions being left");
        shaper.close().await.unwrap();
    });
    let left = here.run("tc qdisc show");
    let clean = !left.contains("5eb0") && !here.run("ip link show").contains("rebuffer");
    let untouched = here.run("tc qdisc show dev other") == foreign;
    let peak =
        watched.iter().flat_map(|windows| windows.mbps(1).split_off(10)).fold(0.0, f64::max) / WATCHED_MBPS;
    println!("largest 100 ms of {WATCHED} sessions that sent all the time: {peak:.2} x cap");
    println!("nothing left: {clean}; somebody else's queue untouched: {untouched}");
    let kept = clean && untouched && peak <= 1.3;
    println!("{}", verdict(kept));
    kept
}

/// Returns how many changes were made.
async fn churn(shaper: &Shaper, start: Instant) -> u64 {
    let mut links = Vec::from_iter((0..SESSIONS).map(|_| None));
    let (mut random, mut changes) = (SEED, 0);
    while start.elapsed() < LASTS {
        // xorshift64
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let at = usize::try_from(random % u64::from(SESSIONS)).unwrap();
        let port = 30_000 + u16::try_from(at).unwrap();
        let rate = f64::from(u32::try_from(random >> 32).unwrap() % 50 + 1);
        match (&mut links[at], random % 7) {
            (slot @ Some(_), 0) => slot.take().map(rebuffer_shaper::Link::detach).unwrap().await.unwrap(),
            (Some(link), 1) => drop(link.set(&rebuffer_model::Shape::default()).await.unwrap()),
            (Some(link), 2) if link.ports().len() == 1 => link.join(port + SESSIONS).await.unwrap(),
            (Some(link), 2) => link.leave(port + SESSIONS).await.unwrap(),
            (Some(link), _) => drop(link.set(&cap(rate)).await.unwrap()),
            (slot @ None, _) => {
                let link = shaper.attach(port);
                // A number rests for a while after its session; without one there is no session this time.
                if let Ok(link) = link {
                    link.set(&cap(rate)).await.unwrap();
                    *slot = Some(link);
                }
            }
        }
        changes += 1;
    }
    for link in links.into_iter().flatten() {
        link.detach().await.unwrap();
    }
    changes
}
