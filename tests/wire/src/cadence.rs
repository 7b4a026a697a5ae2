//! Cadences on the wire: requests at once, players at once, changes under way.
//!
//! Invariant: counts are exact. Which of several requests at once is the first nobody can say; how many fail, everybody can.

use rebuffer_kit::{Ask, Asked, Gate, Origin, Rig, Said, Saying, Setup, Wire};
use tokio::task::JoinSet;

const CONNECTIONS: usize = 4;
const EACH: usize = 15;
/// Player `p<n>` has a 404 on the first of every n + 2.
const PLAYERS: usize = 4;

fn site(asked: &Asked) -> Said {
    let (content_type, body) = match asked.path() {
        "/a.m3u8" => ("application/vnd.apple.mpegurl", "#EXTM3U\n"),
        _ => ("video/mp4", "media"),
    };
    Saying::new(200, "OK").with("Content-Type", content_type).body(asked, body)
}

fn rule(frequency: usize) -> String {
    format!(
        r#""fault_rules":[
            {{"id":"media","type":"404","mode":"requests","consecutive":1,"frequency":{frequency},
              "filter":{{"request_kind":["segment"]}}}},
            {{"id":"lists","type":"503","mode":"requests","consecutive":2,"frequency":5,
              "filter":{{"request_kind":["manifest"]}}}}]"#
    )
}

/// How many of the answers had each of the statuses.
async fn statuses(session: std::net::SocketAddr, target: &'static str) -> (usize, usize, usize) {
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(async move {
            let mut wire = Wire::connect(session).await;
            let mut seen = Vec::new();
            for _ in 0..EACH {
                seen.push(wire.ask(&Ask::get(target)).await.status);
            }
            seen
        });
    }
    let seen = clients.join_all().await.concat();
    let count = |status: u16| seen.iter().filter(|seen| **seen == status).count();
    (count(200), count(404), count(503))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn players_and_kinds_at_once_are_each_counted_alone() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let all = CONNECTIONS * EACH;
    let mut players = JoinSet::new();
    for number in 0..PLAYERS {
        let name = format!("p{number}");
        rig.api.create(&name, &rule(number + 2)).await;
        let session = rig.session(&name).await;
        players.spawn(async move {
            let (segments, lists) = tokio::join!(statuses(session, "/a.mp4"), statuses(session, "/a.m3u8"));
            (number, segments, lists)
        });
    }
    let free = rig.session("free").await;
    assert_eq!(statuses(free, "/a.mp4").await, (all, 0, 0), "a player without rules");
    while let Some(done) = players.join_next().await {
        let (number, segments, lists) = done.expect("a player");
        let failed = all.div_ceil(number + 2);
        assert_eq!(segments, (all - failed, failed, 0), "segments of p{number}");
        assert_eq!(lists, (all - all / 5 * 2, 0, all / 5 * 2), "playlists of p{number}");
        let counters = rig.api.player(&format!("p{number}")).await.rule_counters;
        let counters = counters.iter().map(|(id, c)| (id.as_str(), c.matched, c.fired)).collect::<Vec<_>>();
        let (all, failed) = (all as u64, failed as u64);
        assert_eq!(counters, [("lists", all, all / 5 * 2), ("media", all, failed)], "p{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_under_way_undo_nothing_and_are_not_undone() {
    let gate = Gate::shut();
    let held = gate.clone();
    let origin = Origin::serve(move |asked: &Asked| match asked.path() {
        "/long.mp4" => {
            let head = Saying::new(200, "OK").with("Content-Length", "10").bare();
            head.send("begin").wait(&held).send("-ends")
        }
        _ => site(asked),
    })
    .await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    rig.api.create("tv", &rule(3)).await;
    let session = rig.session("tv").await;
    let mut long = Wire::connect(session).await;
    // The first segment of three fails; the second is long.
    assert_eq!(long.ask(&Ask::get("/a.mp4")).await.status, 404);
    long.send(&Ask::get("/long.mp4")).await;
    long.head().await;
    assert_eq!(long.bytes(5).await, b"begin");
    let asking = tokio::spawn(statuses(session, "/a.mp4"));
    for number in 0..30 {
        rig.api.patch("tv", &format!(r#"{{"labels":{{"run":"{number}"}}}}"#)).await;
    }
    let all = CONNECTIONS * EACH;
    // Two of the cycle were asked before: of the next 60, every third fails.
    assert_eq!(asking.await.expect("statuses"), (all - all / 3, all / 3, 0));
    gate.open();
    assert_eq!(long.bytes(5).await, b"-ends");
    let player = rig.api.player("tv").await;
    assert_eq!(
        player.labels.values().next().map(|value| value.as_str()),
        Some("29"),
        "the last change stands"
    );
    let media = player.rule_counters.iter().find(|(id, _)| id.as_str() == "media").expect("a rule").1;
    assert_eq!((media.matched, media.fired), (all as u64 + 2, 1 + all as u64 / 3));
}
