//! How fast a change of rate is felt, how long it takes, and whether anything passes uncapped meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rebuffer_shaper::{Mode, Shaper, ShaperConfig};

use crate::flow::{self, Windows};
use crate::netns::Net;
use crate::wire::Capture;
use crate::{cap, verdict};

const WINDOW: Duration = Duration::from_millis(10);
const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(3);
/// Both sides have found each other after this many windows.
const BEGUN: usize = 100;
/// The receiver has the new rate after this many windows.
const SETTLED: usize = 50;
const CHANGE_WITHIN: Duration = Duration::from_millis(2);
const NEIGHBOUR_MBPS: f64 = 5.0;
/// The burst a class may make up for is 5 ms, a packet may fall on either side of a window's edge, and one more is stamped late.
const SLACK_BYTES: f64 = 3.0 * 1514.0;

/// What was seen of one change.
struct Seen {
    took: Duration,
    /// The window it fell into.
    change: usize,
    /// Mbit/s on the wire in each window, of the session and of its neighbour.
    session: Vec<f64>,
    neighbour: Vec<f64>,
}

/// One change: the backend that makes it, the rate before and after, and the connections it concerns.
type Step = (Mode, f64, f64, usize);

pub(crate) fn run() -> bool {
    println!(
        "| backend | from | to | connections | change took | rate after 500 ms | largest 10 ms | neighbour's largest 10 ms | |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let steps = [(20.0, 1.0), (1.0, 20.0), (100.0, 5.0), (5.0, 100.0)];
    let rows = [Mode::Kernel, Mode::Pacing].into_iter().flat_map(|mode| {
        steps.into_iter().flat_map(move |(from, to)| [1, 4].map(|connections| (mode, from, to, connections)))
    });
    let kept = rows.map(|row| measure(row).is_none_or(|seen| report(row, &seen)));
    kept.fold(true, |all, kept| all & kept)
}

fn measure((mode, from, to, connections): Step) -> Option<Seen> {
    let (here, there) = (Net::new()?, Net::new()?);
    here.join([10, 9, 8, 1].into(), &there, [10, 9, 8, 2].into());
    let capture = Capture::start(&there, "10.9.8.1");
    let unread = Windows::new(WINDOW, BEFORE + AFTER);
    let clock = SystemTime::now();
    let start = Instant::now();
    let (ports, changed_at, took) = here.block_on(|| async {
        let shaper = Shaper::open(ShaperConfig { mode, ..ShaperConfig::default() }).await.unwrap();
        let address: SocketAddr = "10.9.8.1:0".parse().unwrap();
        let [one, two] = [flow::listen(address), flow::listen(address)];
        let link = flow::link(&shaper, &one, &cap(from)).await;
        let neighbour = flow::link(&shaper, &two, &cap(NEIGHBOUR_MBPS)).await;
        let changed = std::thread::scope(|scope| {
            let flow = |listener, link| {
                let to: SocketAddr = std::net::TcpListener::local_addr(listener).unwrap();
                scope.spawn(move || flow::send(listener, link));
                let (there, unread) = (&there, &unread);
                scope.spawn(move || there.here(|| flow::receive(to, start, unread)));
            };
            (0..connections).for_each(|_| flow(&one, &link));
            flow(&two, &neighbour);
            std::thread::sleep(BEFORE.saturating_sub(start.elapsed()));
            flow::beside(async {
                let began = Instant::now();
                link.set(&cap(to)).await.unwrap();
                (began - start, began.elapsed())
            })
        });
        shaper.close().await.unwrap();
        let ports = [one, two].map(|listener| listener.local_addr().unwrap().port());
        (ports, changed.0, changed.1)
    });
    let windows = capture.windows(clock, WINDOW, BEFORE + AFTER);
    let mbps =
        |port: u16| windows[&port].iter().map(|bytes| *bytes as f64 * 8.0 / 1e6 / WINDOW.as_secs_f64());
    let change = usize::try_from(changed_at.as_millis() / WINDOW.as_millis()).unwrap();
    let [session, neighbour] = ports.map(|port| mbps(port).collect());
    Some(Seen { took, change, session, neighbour })
}

fn report((mode, from, to, connections): Step, seen: &Seen) -> bool {
    let settled = &seen.session[seen.change + SETTLED..];
    let after = settled.iter().sum::<f64>() / f64::from(u32::try_from(settled.len()).unwrap());
    // What a class lets pass in a window at most is its rate and the burst it may make up for; a pacer gives in pieces of nearly
    // a window, of which two may fall into one.
    let share = if mode == Mode::Kernel { 1.5 } else { 2.1 };
    let most = |rate: f64| rate * share + SLACK_BYTES * 8.0 / 1e6 / WINDOW.as_secs_f64();
    let peak = |windows: &[f64]| windows.iter().copied().fold(0.0, f64::max);
    // What was sent before the change came late at most by a window.
    let before = peak(&seen.session[BEGUN..=seen.change + 1]);
    let later = peak(&seen.session[seen.change + 2..]);
    let beside = peak(&seen.neighbour[BEGUN..]);
    let kept = seen.took < CHANGE_WITHIN
        && (after / to - 1.0).abs() <= 0.1
        && before <= most(from.max(to))
        && later <= most(to)
        && beside <= most(NEIGHBOUR_MBPS);
    let backend = if mode == Mode::Kernel { "kernel" } else { "pacing" };
    println!(
        "| {backend} | {from} | {to} | {connections} | {:.0} us | {after:.2} Mbit/s | {before:.1} of {:.1}, then {later:.1} of {:.1} Mbit/s | {beside:.1} of {:.1} Mbit/s | {} |",
        seen.took.as_secs_f64() * 1e6,
        most(from.max(to)),
        most(to),
        most(NEIGHBOUR_MBPS),
        verdict(kept)
    );
    kept
}
