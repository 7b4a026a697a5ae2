//! The invariants of the ledger, on paused time.

use super::*;
use rebuffer_model::{Record, RecordBody};

const PLAYER: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
const OTHER: &str = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";
const DAY_MS: i64 = 86_400_000;

fn row_of(player: &str, position: u64, ms: i64) -> Row {
    let body = format!(
        r#"{{"sample":{{"who":{{"player_id":"{player}","play_id":"p"}},"player":{{}},"rig":{{}}}}}}"#
    );
    let body = serde_json::from_str::<RecordBody>(&body).unwrap();
    Row::new("proxy", &Record { position: Position(position), ts: Timestamp::from_millis(ms), body }, &[])
}

fn row(position: u64) -> Row {
    row_of(PLAYER, position, 1_000)
}

fn gap(position: u64) -> Row {
    let (from, to) = (Position(position), Position(position));
    let body = RecordBody::Gap { from, to, lost: 1 };
    Row::new("proxy", &Record { position: to, ts: Timestamp::from_millis(1_000), body }, &[])
}

fn ledger(settled: u64) -> Ledger {
    let ledger = Ledger::default();
    ledger.resume([Position(settled); 3]);
    ledger
}

fn ids(rows: &[Arc<Row>]) -> Vec<u64> {
    rows.iter().map(|row| row.id().0).collect()
}

fn interest() -> Interest {
    Interest { streams: Stream::ALL.to_vec(), ..Interest::default() }
}

#[tokio::test(start_paused = true)]
async fn rows_wait_for_company_and_not_for_long() {
    let ledger = ledger(0);
    ledger.push(row(1), 10);
    let began = Instant::now();
    assert_eq!(ids(&ledger.batch(Stream::Events, MAX_BATCH).await), [1]);
    assert_eq!(began.elapsed(), EAGER_AGE);
    for id in 2..=500 {
        ledger.push(row(id), 10);
    }
    let began = Instant::now();
    assert_eq!(ledger.batch(Stream::Events, MAX_BATCH).await.len(), 500);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_awaited_begins_with_the_row_that_comes() {
    let ledger = Arc::new(ledger(0));
    let waiting = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move { ids(&ledger.batch(Stream::Events, MAX_BATCH).await) }
    });
    tokio::task::yield_now().await;
    ledger.push(row(1), 10);
    assert_eq!(waiting.await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_with_the_day_and_keeps_the_order() {
    let ledger = ledger(0);
    for (id, ms) in [(1, DAY_MS - 1), (2, DAY_MS), (3, DAY_MS - 1), (4, DAY_MS), (5, DAY_MS)] {
        ledger.push(row_of(PLAYER, id, ms), 10);
    }
    let mut batches = Vec::new();
    for _ in 0..4 {
        let batch = ids(&ledger.batch(Stream::Events, MAX_BATCH).await);
        ledger.settle(Stream::Events, Position(*batch.last().unwrap()));
        batches.push(batch);
    }
    assert_eq!(batches, [vec![1], vec![2], vec![3], vec![4, 5]]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_bounded_in_rows_and_bytes_and_never_empty() {
    let ledger = ledger(0);
    for id in 1..=4 {
        ledger.push(row(id), MAX_BATCH_BYTES / 2 + 1);
    }
    assert_eq!(ids(&ledger.batch(Stream::Events, MAX_BATCH).await), [1]);
    ledger.settle(Stream::Events, Position(4));
    for id in 5..=9 {
        ledger.push(row(id), 1);
    }
    assert_eq!(ids(&ledger.batch(Stream::Events, 3).await), [5, 6, 7]);
}

#[tokio::test(start_paused = true)]
async fn a_full_ledger_makes_the_reader_wait() {
    let ledger = Arc::new(ledger(0));
    for id in 1..=u64::try_from(MAX_ROWS).unwrap() {
        ledger.push(row(id), 1);
    }
    let room = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move { ledger.room().await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!room.is_finished());
    ledger.settle(Stream::Events, Position(1));
    room.await.unwrap();
    ledger.push(row(1_000_000), MAX_BYTES);
    assert!(tokio::time::timeout(Duration::from_secs(1), ledger.room()).await.is_err());
}

#[test]
fn what_is_settled_is_what_no_lane_waits_for() {
    let ledger = ledger(10);
    assert_eq!(ledger.standing().settled, Position(10));
    ledger.push(row(11), 1);
    ledger.push(gap(12), 1);
    ledger.push(row(13), 1);
    let standing = ledger.standing();
    assert_eq!((standing.settled, standing.read, standing.waiting), (Position(10), Position(13), 3));
    ledger.settle(Stream::Events, Position(13));
    assert_eq!(ledger.standing().settled, Position(11));
    ledger.settle(Stream::Control, Position(12));
    assert_eq!(ledger.standing().settled, Position(13));
}

#[tokio::test]
async fn what_the_archive_has_is_neither_kept_nor_shown() {
    let ledger = Ledger::default();
    assert_eq!(ledger.resume([Position(20), Position(15), Position(10)]), Position(10));
    let mut subscription = ledger.subscribe(interest());
    ledger.push(row(20), 1);
    ledger.push(gap(21), 1);
    ledger.push(row(22), 1);
    assert_eq!(ledger.standing().waiting, 2);
    assert_eq!(subscription.rows.recv().await.unwrap().id(), Position(21));
    assert_eq!(subscription.rows.recv().await.unwrap().id(), Position(22));
}

#[tokio::test]
async fn a_subscriber_has_every_row_once_from_archive_lanes_or_subscription() {
    let ledger = ledger(0);
    for id in 1..=9 {
        ledger.push(if id % 3 == 0 { gap(id) } else { row(id) }, 1);
    }
    ledger.settle(Stream::Events, Position(5));
    let mut subscription = ledger.subscribe(interest());
    // Whatever happens to the lanes afterwards changes nothing for the subscriber.
    ledger.settle(Stream::Events, Position(8));
    for id in 10..=12 {
        ledger.push(row(id), 1);
    }
    drop(ledger);
    let from_archive = |stream: Stream, id: u64| Position(id) <= subscription.settled[stream.index()];
    let mut seen: Vec<u64> = (1..=9)
        .filter(|id| from_archive(if id % 3 == 0 { Stream::Control } else { Stream::Events }, *id))
        .collect();
    seen.extend(subscription.waiting.iter().flat_map(|rows| ids(rows)));
    while let Some(row) = subscription.rows.recv().await {
        assert!(row.id() > subscription.read);
        seen.push(row.id().0);
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_subscriber_loses_rows_and_knows_how_many_and_nobody_else_does() {
    let ledger = ledger(0);
    let slow = ledger.subscribe(interest());
    let mut other = ledger.subscribe(Interest { player_id: Some(OTHER.into()), ..interest() });
    let mut missed = 0;
    for id in 1..=5_000 {
        missed += ledger.push(row(id), 1);
    }
    ledger.push(row_of(OTHER, 5_001, 1_000), 1);
    assert_eq!(missed, 5_000 - 4_096);
    assert_eq!(slow.lost.load(std::sync::atomic::Ordering::Relaxed), missed + 1);
    assert_eq!(other.rows.recv().await.unwrap().id(), Position(5_001));
    assert_eq!(other.lost.load(std::sync::atomic::Ordering::Relaxed), 0);
    drop((slow, other));
    assert_eq!(ledger.subscribers(), 0);
}
