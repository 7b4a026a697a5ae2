//! Two hundred sessions for ten minutes, some of whose clients never read: the rig's memory must stay where it is.
//!
//! Invariant: what is measured is the resident set of the rig's own process, which is the release binary beside this one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rebuffer_kit::{Ask, Asked, Origin, Said, Saying, Wire};
use tokio::task::JoinSet;

use crate::verdict;

const SESSIONS: usize = 200;
/// Clients that ask for something long and never read it.
const DEAD: usize = 40;
const LASTS: Duration = Duration::from_mins(10);
const WARM: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_secs(5);
const ASK_EVERY: Duration = Duration::from_millis(200);
const SEGMENT: usize = 64 << 10;
const LONG: usize = 50 << 20;
/// How far memory may go from where it was when everybody had come.
const WITHIN: f64 = 0.1;

fn site(asked: &Asked) -> Said {
    let head = Saying::new(200, "OK").with("Content-Type", "video/mp4");
    match asked.path() {
        "/long.mp4" => {
            head.with("Content-Length", &LONG.to_string()).bare().repeat(vec![7; SEGMENT], LONG / SEGMENT)
        }
        _ => head.body(asked, vec![7; SEGMENT]),
    }
}

/// The rig, ended when dropped.
struct Rig {
    process: Child,
    base: SocketAddr,
    _data: tempfile::TempDir,
}

pub(crate) async fn run() -> bool {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(origin.address).await;
    let until = Instant::now() + LASTS;
    let mut clients = JoinSet::new();
    for number in 0..SESSIONS {
        let session = rig.session(&format!("p{number}")).await;
        if number < DEAD {
            let mut wire = Wire::connect(session).await;
            wire.send(&Ask::get("/long.mp4")).await;
            clients.spawn(async move {
                tokio::time::sleep(LASTS).await;
                drop(wire);
                0
            });
        } else {
            clients.spawn(play(session, until));
        }
    }
    let mut seen = Vec::new();
    let start = Instant::now();
    while Instant::now() < until {
        tokio::time::sleep(LOOK_EVERY).await;
        seen.push((start.elapsed(), rig.resident_mb()));
    }
    let requests: u64 = clients.join_all().await.into_iter().sum();
    let settled: Vec<f64> = seen.iter().filter(|(at, _)| *at > WARM).map(|(_, mb)| *mb).collect();
    let first = settled.first().copied().unwrap_or(f64::NAN);
    let [least, most] =
        [f64::min as fn(f64, f64) -> f64, f64::max].map(|pick| settled.iter().copied().fold(first, pick));
    let kept = most <= first * (1.0 + WITHIN) && least >= first * (1.0 - WITHIN);
    println!(
        "{SESSIONS} sessions, {DEAD} of whose clients never read, for {} s: {requests} requests; {first:.1} MB after {} s, then {least:.1} to {most:.1} MB; {}",
        LASTS.as_secs(),
        WARM.as_secs(),
        verdict(kept)
    );
    for (at, mb) in seen.iter().step_by(4) {
        println!("  {:>4} s  {mb:.1} MB", at.as_secs());
    }
    kept
}

/// Asks for segments at a steady pace; says how many came.
async fn play(session: SocketAddr, until: Instant) -> u64 {
    let mut wire = Wire::connect(session).await;
    let mut tick = tokio::time::interval(ASK_EVERY);
    // A busy machine shall not be asked for more.
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut count = 0;
    while Instant::now() < until {
        tick.tick().await;
        let answer = wire.ask(&Ask::get("/a.mp4")).await;
        assert_eq!((answer.status, answer.body.len()), (200, SEGMENT));
        count += 1;
    }
    count
}

impl Rig {
    async fn start(origin: SocketAddr) -> Self {
        let binary = std::env::current_exe().unwrap().with_file_name("rebuffer");
        assert!(PathBuf::from(&binary).is_file(), "{} is not there; make soak builds it", binary.display());
        let data = tempfile::tempdir().unwrap();
        let [api, base] = [free_port(), free_port()];
        let process = Command::new(binary)
            .args(["up", "--log", "warn", "--session-ports", "0", "--shaper", "pacing", "--archive", "off"])
            .arg(format!("--origin=files=http://{origin}"))
            .arg(format!("--api={api}"))
            .arg(format!("--base={base}"))
            .arg("--data-dir")
            .arg(data.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let rig = Self { process, base, _data: data };
        while tokio::net::TcpStream::connect(base).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        rig
    }

    /// Where the player's session is.
    async fn session(&self, player: &str) -> SocketAddr {
        let answer = Wire::fetch(self.base, &Ask::get(&format!("/files/a.mp4?player_id={player}"))).await;
        let location = answer.value("location").unwrap();
        location.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap()
    }

    fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // Told, not killed, so that it ends as it does for its users.
        let _told = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ended = self.process.wait();
    }
}

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
