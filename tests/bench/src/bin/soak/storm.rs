//! A thousand requests at once while rules change a hundred times a second: what players got, what counters say and what the
//! feed holds must be the same numbers.
//!
//! Invariant: a request is counted where its status was read from the socket. One rule stays and fires on every third segment
//! below `/a`; the others, of segments below `/b`, come and go before it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rebuffer_kit::{Ask, Asked, Origin, Rig, Said, Saying, Setup, Wire, json};
use rebuffer_model::RecordBody;
use tokio::task::JoinSet;

use crate::verdict;

const PLAYERS: usize = 4;
const CONNECTIONS: usize = 250;
const LASTS: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Of each player.
const CHANGE_EVERY: Duration = Duration::from_millis(40);
/// Changes that may be late, of a hundred.
const LATE: u32 = 10;

/// How many answers had each status.
type Statuses = BTreeMap<u16, u64>;

const STAYS: &str = r#"{"id":"stays","type":"404","mode":"requests","consecutive":1,"frequency":3,"filter":{"request_kind":["segment"],"url_match":{"mode":"regex","patterns":["^/a"]}}}"#;

fn site(asked: &Asked) -> Said {
    Saying::new(200, "OK").with("Content-Type", "video/mp4").body(asked, "media")
}

pub(crate) async fn run() -> bool {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let until = Instant::now() + LASTS;
    let mut players = JoinSet::new();
    for number in 0..PLAYERS {
        let name = format!("p{number}");
        rig.api.create(&name, &format!(r#""fault_rules":[{STAYS}]"#)).await;
        let session = rig.session(&name).await;
        let api = rig.api;
        players.spawn(async move {
            let requests = requests(session, until);
            let changes = changes(api, name.clone(), until);
            let (statuses, changes) = tokio::join!(requests, changes);
            (name, statuses, changes)
        });
    }
    let done = players.join_all().await;
    let mut kept = true;
    let mut feed = rig.feed().await;
    let mut rows: BTreeMap<String, Statuses> = BTreeMap::new();
    let total: u64 = done.iter().flat_map(|(_, statuses, _)| statuses).flat_map(BTreeMap::values).sum();
    for _ in 0..total {
        let (player, status) = feed.next(exchange_seen).await;
        *rows.entry(player).or_default().entry(status).or_default() += 1;
    }
    let mut changed = 0;
    for (name, [a, b], changes) in done {
        let player = rig.api.player(&name).await;
        let stays = player.rule_counters.iter().find(|(id, _)| id.as_str() == "stays").unwrap().1;
        let all: u64 = a.values().sum();
        let failed = a.get(&404).copied().unwrap_or_default();
        let same = rows.get(&player.id.to_string()) == Some(&add(a.clone(), &b));
        let exact = (stays.matched, stays.fired, failed) == (all, failed, all.div_ceil(3));
        println!(
            "{name}: below /a {a:?}, below /b {b:?}, {changes} changes; the rule that stays matched {} and fired {}; the feed says the same: {same}; {}",
            stays.matched,
            stays.fired,
            verdict(same && exact)
        );
        kept &= same && exact;
        changed += changes;
    }
    let wanted = u32::try_from(LASTS.as_millis() / CHANGE_EVERY.as_millis()).unwrap()
        * u32::try_from(PLAYERS).unwrap();
    let fast = changed * 100 >= wanted * (100 - LATE);
    println!(
        "{total} requests over {} connections, {changed} changes of {wanted} in {} s; {}",
        PLAYERS * CONNECTIONS,
        LASTS.as_secs(),
        verdict(fast)
    );
    kept &= fast;
    kept
}

fn exchange_seen(record: &rebuffer_model::Record) -> Option<(String, u16)> {
    match &record.body {
        RecordBody::Exchange(exchange) => Some((exchange.who.player_id.to_string(), exchange.answer.status)),
        RecordBody::Sample(_) | RecordBody::Action(_) | RecordBody::Gap { .. } => None,
    }
}

/// Asks over many connections at once, as fast as answers come.
async fn requests(session: SocketAddr, until: Instant) -> [Statuses; 2] {
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut wire = Wire::connect(session).await;
            let mut tick = tokio::time::interval(ASK_EVERY);
            let mut seen = [Statuses::new(), Statuses::new()];
            while Instant::now() < until {
                tick.tick().await;
                for (seen, path) in seen.iter_mut().zip(["/a.mp4", "/b.mp4"]) {
                    *seen.entry(wire.ask(&Ask::get(path)).await.status).or_default() += 1;
                }
            }
            seen
        });
    }
    clients
        .join_all()
        .await
        .into_iter()
        .reduce(|all, more| {
            let [a, b] = [0, 1].map(|at| add(all[at].clone(), &more[at]));
            [a, b]
        })
        .unwrap()
}

fn add(mut all: Statuses, more: &Statuses) -> Statuses {
    for (status, count) in more {
        *all.entry(*status).or_default() += count;
    }
    all
}

/// Puts a rule before the one that stays, and takes it away again; says how often.
async fn changes(api: rebuffer_kit::Api, name: String, until: Instant) -> u32 {
    let mut tick = tokio::time::interval(CHANGE_EVERY);
    let mut wire = Wire::connect(api.address).await;
    let path = format!("/api/v2/players/{name}");
    let mut revision = api.player(&name).await.control_revision;
    let mut changes = 0;
    while Instant::now() < until {
        tick.tick().await;
        let comes = format!(
            r#"{{"id":"r{changes}","type":"503","mode":"requests","consecutive":1,"frequency":5,"filter":{{"request_kind":["segment"],"url_match":{{"mode":"regex","patterns":["^/b"]}}}}}},"#
        );
        let before = if changes % 2 == 0 { comes.as_str() } else { "" };
        let patch = json(Ask::new("PATCH", &path), &format!(r#"{{"fault_rules":[{before}{STAYS}]}}"#));
        let answer = wire.ask(&patch.with("If-Match", &format!("\"{revision}\""))).await;
        let player: rebuffer_api::PlayerRecord = rebuffer_kit::read(&answer, 200);
        revision = player.control_revision;
        changes += 1;
    }
    changes
}
