//! Every record once, whatever dies: the archive, the feed, the forwarder, in the middle of anything.

use std::time::Duration;

use rebuffer_archive::Archive;
use rebuffer_model::{Position, Record, RecordBody};
use rebuffer_tables::{Origin, SessionEvent};

use crate::records::{PLAYER, START_MS, mixture, record, report};
use crate::rig::{Rig, settled, until};

const COUNTS: &str = "
    SELECT [count(), uniqExact(id), sum(id), min(id), max(id)] FROM
    (
        SELECT id FROM session_events UNION ALL
        SELECT id FROM network_requests UNION ALL
        SELECT id FROM control_events
    )";

async fn expect_each_once(rig: &Rig, first: u64, last: u64) {
    let count = last - first + 1;
    let sum = (first + last) * count / 2;
    assert_eq!(rig.numbers(COUNTS).await, [count, count, sum, first, last]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_is_there_once_whatever_is_killed() {
    let Some(rig) = Rig::start().await else { return };
    let mut forwarder = rig.forwarder();
    let (chunk, chunks) = (1_500, 18);
    for number in 0..chunks {
        let first = number * chunk + 1;
        rig.feed.append((first..first + chunk).map(mixture));
        match number % 6 {
            1 => rig.kill_archive().await,
            2 => rig.feed.cut(),
            3 => {
                // As if it was killed: nothing is drained, and an insert may be in flight.
                drop(forwarder);
                forwarder = rig.forwarder();
            }
            4 => {
                rig.kill_archive().await;
                drop(forwarder);
                forwarder = rig.forwarder();
            }
            _ => {}
        }
        // The next trouble comes while something of this chunk is still under way.
        settled(&forwarder, first.saturating_sub(1)).await;
    }
    settled(&forwarder, chunk * chunks).await;
    expect_each_once(&rig, 1, chunk * chunks).await;
    let restarts = rig.child.status().borrow().restarts;
    assert!(restarts >= 4, "the archive was killed and came back {restarts} times only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_that_comes_late_is_not_told_twice() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    until(&forwarder, "ready", |status| status.ready).await;
    // What a forwarder before this one had given up comes to be after this one has looked.
    let late: Vec<_> = (7..=9).map(row).collect();
    let archive = Archive::new(&rig.target).unwrap();
    archive.insert(late.iter(), "proxy:session_events:7:0").await.unwrap();
    rig.feed.append((7..=12).map(said));
    settled(&forwarder, 12).await;
    expect_each_once(&rig, 7, 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_whose_rows_were_lost_keeps_nobody_out() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    until(&forwarder, "ready", |status| status.ready).await;
    // The archive knows the token of the first place, and nothing of ours.
    let mut stranger = row(7);
    stranger.head.source = "stranger".into();
    let archive = Archive::new(&rig.target).unwrap();
    archive.insert([stranger].iter(), "proxy:session_events:7:0").await.unwrap();
    rig.feed.append((7..=12).map(said));
    settled(&forwarder, 12).await;
    let ours = "SELECT [count(), uniqExact(id)] FROM session_events WHERE source = 'proxy'";
    assert_eq!(rig.numbers(ours).await, [6, 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_away_is_waited_for_and_said() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    rig.feed.append((1..=10).map(mixture));
    settled(&forwarder, 10).await;
    let mut target = rig.target.clone();
    target.password = "wrong".into();
    let config = rebuffer_forwarder::Config {
        proxy_url: rig.feed.url.clone(),
        source: "another".into(),
        archive: target,
    };
    let locked_out =
        rebuffer_forwarder::Forwarder::start(config, &mut prometheus_client::registry::Registry::default());
    let locked_out = locked_out.unwrap();
    let status = until(&locked_out, "told why", |status| {
        status.reason.as_ref().is_some_and(|reason| reason.contains("AUTHENTICATION_FAILED"))
    })
    .await;
    assert!(!status.ready);
    let answer = crate::rig::get(&crate::rig::router(&locked_out), "/api/v2/plays").await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    locked_out.shutdown(Duration::from_secs(5)).await;
    assert!(until(&forwarder, "ready", |status| status.ready).await.reason.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_archives_what_the_feed_holds() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    until(&forwarder, "ready", |status| status.ready).await;
    rig.feed.append((1..=3_000).map(mixture));
    forwarder.shutdown(Duration::from_secs(30)).await;
    expect_each_once(&rig, 1, 3_000).await;
    let noted = "SELECT [max(position)] FROM feed_progress WHERE source = 'proxy'";
    assert_eq!(rig.numbers(noted).await, [3_000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_remember_across_a_restart() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    rig.feed.append([report(1, 0, PLAYER, "p", r#""last_event":"buffering_start""#)]);
    settled(&forwarder, 1).await;
    // In order, so that the next one has no other reason to look at what was before.
    forwarder.shutdown(Duration::from_secs(30)).await;
    rig.feed.append([report(2, 5_000, PLAYER, "p", r#""last_event":"buffering_end""#)]);
    let forwarder = rig.forwarder();
    settled(&forwarder, 2).await;
    let labelled =
        "SELECT [countIf(has(labels, 'critical=*buffering_severe_startup')), count()] FROM session_events";
    assert_eq!(rig.numbers(labelled).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_reads_no_more_of_the_feed_than_it_needs() {
    let Some(rig) = Rig::start().await else { return };
    let far = 50_000_000;
    rig.feed
        .append((far + 1..=far + 50).map(|position| Record { position: Position(position), ..mixture(1) }));
    let forwarder = rig.forwarder();
    settled(&forwarder, far + 50).await;
    forwarder.shutdown(Duration::from_secs(30)).await;
    let before = rig.feed.asked().len();
    let forwarder = rig.forwarder();
    until(&forwarder, "ready", |status| status.ready).await;
    assert_eq!(rig.feed.asked()[before..], [far + 50 - 10_000]);
    expect_each_once(&rig, far + 1, far + 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_or_not_understood_leaves_a_row() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    rig.feed.append([report(4, 0, PLAYER, "p", ""), gap(5, 9), report(10, 0, PLAYER, "p", "")]);
    rig.feed.append_text(11, r#"{"position":"11","ts":"2026-03-01T10:00:00Z","body":{"dream":{}}}"#);
    settled(&forwarder, 11).await;
    let gaps = "SELECT groupArray(id) FROM (SELECT id FROM control_events WHERE event = 'feed_gap' \
                AND has(labels, 'warning=*feed_gap') ORDER BY id)";
    assert_eq!(rig.numbers(gaps).await, [9, 11]);
    assert_eq!(
        rig.numbers("SELECT groupArray(id) FROM (SELECT id FROM session_events ORDER BY id)").await,
        [4, 10]
    );
}

fn gap(from: u64, to: u64) -> Record {
    let body = RecordBody::Gap { from: Position(from), to: Position(to), lost: to - from + 1 };
    Record { body, ..mixture(to) }
}

fn said(position: u64) -> Record {
    record(
        position,
        0,
        &format!(r#"{{"sample":{{"who":{{"player_id":"{PLAYER}"}},"player":{{}},"rig":{{}}}}}}"#),
    )
}

fn row(position: u64) -> SessionEvent {
    let RecordBody::Sample(sample) = said(position).body else { panic!("a sample") };
    let ts = rebuffer_model::Timestamp::from_millis(START_MS);
    SessionEvent::new(Origin { source: "proxy", position: Position(position), ts }, &sample, &[])
}
