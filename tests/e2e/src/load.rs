//! Players without a screen: each plays through a session of its own and reports, and everything it does has a number.
//!
//! Invariant: a number is used once in a [`Load`], and counts as done only when its answer arrived whole. A player whose
//! connection breaks has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::Request;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::rig::Rig;
use crate::web::{Answer, Broken, Web};

const PLAYERS: u64 = 3;
/// About three hundred requests per second together.
const PACE: Duration = Duration::from_millis(10);
const REPORT_EVERY: u64 = 10;
/// A test that forgets to stop its load ends all the same.
const MOST: u64 = 20_000;
/// What a player asks for, in turn: playlists and small media.
const PATHS: [&str; 6] = [
    "/vod/master.m3u8",
    "/vod/v0/index.m3u8",
    "/vod/v0/init.mp4",
    "/vod/v0/7.m4s",
    "/vod/a1/8.m4s",
    "/live/v0/index.m3u8",
];

/// Players at work.
#[derive(Debug)]
pub struct Load {
    players: JoinSet<Tally>,
    stop: CancellationToken,
    done: watch::Receiver<u64>,
}

/// Something that was done: its number, and when the player had the whole answer.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    pub number: u64,
    pub at: Instant,
}

/// What the players did.
#[derive(Debug, Default)]
pub struct Tally {
    pub exchanges: Vec<Done>,
    pub reports: Vec<Done>,
    /// Players whose connection broke.
    pub broken: usize,
}

struct Player {
    web: Web,
    name: String,
    api: String,
    session: String,
    next: Arc<AtomicU64>,
    done: Arc<watch::Sender<u64>>,
}

impl Load {
    /// Starts the players; the numbers begin with `first`.
    pub async fn start(rig: &Rig, first: u64) -> Self {
        let next = Arc::new(AtomicU64::new(first));
        let (sender, done) = watch::channel(0);
        let (sender, stop) = (Arc::new(sender), CancellationToken::new());
        let mut players = JoinSet::new();
        for index in 0..PLAYERS {
            let (web, name) = (Web::default(), format!("load-{index}"));
            let session = rig.session(&web, &name).await;
            let api = rig.api().to_owned();
            let player =
                Player { web, name, api, session, next: Arc::clone(&next), done: Arc::clone(&sender) };
            players.spawn(player.play(stop.clone()));
        }
        Self { players, stop, done }
    }

    /// Returns when so many more requests were answered.
    pub async fn goes_on(&mut self, requests: u64) {
        let target = *self.done.borrow() + requests;
        let reached =
            tokio::time::timeout(Duration::from_secs(30), self.done.wait_for(|done| *done >= target));
        reached.await.expect("the load goes on").expect("a player is left");
    }

    /// Lets the players end after what they are doing.
    pub async fn stop(mut self) -> Tally {
        self.stop.cancel();
        let mut all = Tally::default();
        while let Some(tally) = self.players.join_next().await {
            let Tally { exchanges, reports, broken } = tally.expect("a player does not panic");
            all.exchanges.extend(exchanges);
            all.reports.extend(reports);
            all.broken += broken;
        }
        all
    }
}

impl Tally {
    /// The numbers of what was done before `deadline`.
    pub fn before(done: &[Done], deadline: Instant) -> Vec<u64> {
        done.iter().filter(|done| done.at < deadline).map(|done| done.number).collect()
    }
}

impl Player {
    async fn play(self, stop: CancellationToken) -> Tally {
        let mut tally = Tally::default();
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            pace.tick().await;
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let report = number.is_multiple_of(REPORT_EVERY);
            let answer = if report { self.report(number).await } else { self.ask(number).await };
            let done = Done { number, at: Instant::now() };
            match answer {
                Ok(answer) => assert!(answer.status.is_success(), "{number}: {answer:?}"),
                Err(_) => {
                    tally.broken += 1;
                    break;
                }
            }
            if report {
                tally.reports.push(done)
            } else {
                tally.exchanges.push(done)
            }
            self.done.send_modify(|done| *done += 1);
            assert!(number < MOST, "a load was left running");
        }
        tally
    }

    async fn ask(&self, number: u64) -> Result<Answer, Broken> {
        let place = usize::try_from(number).expect("small") % PATHS.len();
        self.web.get(&format!("{}{}?n={number}", self.session, PATHS[place])).await
    }

    async fn report(&self, number: u64) -> Result<Answer, Broken> {
        let request = Request::post(format!("{}/api/v2/players/{}/metrics", self.api, self.name));
        let request = request.header("content-type", "application/json");
        self.web.send(request, format!("{{\"state\":\"playing\",\"n\":{number}}}")).await
    }
}
