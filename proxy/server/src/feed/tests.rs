//! The feed, held to its invariants: order, numbers, bounds, and what a crash may cost.

use std::io::Write;

use rebuffer_model::{Action, ActionKind, ActionSource, AttemptId, EndReason, PlayerId, Record, Who};

use super::*;

fn body(player: &str) -> RecordBody {
    let who = Who {
        player_name: None,
        player_id: PlayerId::canonical(player).unwrap(),
        session_id: None,
        play_id: None,
        attempt_id: AttemptId(0),
    };
    let kind = ActionKind::SessionEnd { reason: EndReason::Deleted };
    RecordBody::Action(Box::new(Action { who, source: ActionSource::Proxy, kind }))
}

fn config(dir: &tempfile::TempDir) -> FeedConfig {
    FeedConfig {
        segment_bytes: 1_000,
        total_bytes: 1 << 20,
        pending_records: 1_000,
        ..FeedConfig::at(dir.path())
    }
}

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

async fn read_all(feed: &Feed, after: Position) -> Vec<Record> {
    let next = feed.extent().next;
    let (mut reader, mut all) = (feed.read_after(after), Vec::<Record>::new());
    while all.last().map_or(after, |record| record.position).next() < next {
        let (again, batch) = reader.batch().await;
        reader = again;
        all.extend(batch.unwrap().iter().map(|entry| serde_json::from_str::<Record>(&entry.json).unwrap()));
    }
    all
}

#[tokio::test]
async fn records_come_in_order_once_across_segments_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    for run in 0..3 {
        let feed = Feed::open(config(&dir), NOW).unwrap();
        for _ in 0..20 {
            feed.append(NOW, &body(&format!("run-{run}")));
        }
        feed.close().await;
    }
    let feed = Feed::open(config(&dir), NOW).unwrap();
    let records = read_all(&feed, Position(0)).await;
    // A follower that never read before is told that earlier numbers are not there.
    assert!(matches!(records[0].body, RecordBody::Gap { .. }));
    let positions: Vec<u64> = records[1..].iter().map(|record| record.position.0).collect();
    assert_eq!(positions, (1_000_000..1_000_060).collect::<Vec<_>>());
    assert_eq!(read_all(&feed, Position(1_000_057)).await.len(), 2);
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_its_number_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Feed::open(config(&dir), NOW).unwrap();
    feed.append(NOW, &body("a"));
    feed.close().await;
    let (_, path) = segment::list(dir.path()).unwrap().pop().unwrap();
    let mut file = segment::open_for_append(&path).unwrap();
    file.write_all(b"1000001 deadbeef {\"torn\":").unwrap();
    let feed = Feed::open(config(&dir), NOW).unwrap();
    feed.append(NOW, &body("b"));
    feed.settled().await;
    let records = read_all(&feed, Position(999_999)).await;
    assert_eq!(records.iter().map(|r| r.position.0).collect::<Vec<_>>(), [1_000_000, 1_000_001]);
}

#[tokio::test]
async fn the_oldest_segment_goes_at_the_bound_and_followers_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Feed::open(FeedConfig { total_bytes: 3_000, ..config(&dir) }, NOW).unwrap();
    for _ in 0..100 {
        feed.append(NOW, &body("x"));
        feed.settled().await;
    }
    let oldest = feed.extent().oldest;
    assert!(oldest > Position(1_000_000));
    let records = read_all(&feed, Position(999_999)).await;
    let RecordBody::Gap { from, to, lost } = records[0].body else { panic!("{:?}", records[0]) };
    assert_eq!((from, to, lost), (Position(1_000_000), Position(oldest.0 - 1), oldest.0 - 1_000_000));
    assert_eq!(records[1].position, oldest);
}

#[tokio::test]
async fn a_follower_waits_for_what_comes() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Feed::open(config(&dir), NOW).unwrap();
    let waiting = tokio::spawn(feed.read_after(Position(999_999)).batch());
    feed.append(NOW, &body("late"));
    let (_, batch) = waiting.await.unwrap();
    assert_eq!(batch.unwrap()[0].position, Position(1_000_000));
}

#[tokio::test]
async fn what_memory_cannot_hold_is_counted_in_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Feed::open(FeedConfig { pending_records: 0, ..config(&dir) }, NOW).unwrap();
    feed.append(NOW, &body("x"));
    feed.settled().await;
    let records = read_all(&feed, Position(999_999)).await;
    assert!(matches!(records[0].body, RecordBody::Gap { lost: 1, .. }));
    assert_eq!(feed.dropped(), 1);
}

#[tokio::test]
async fn after_a_crash_no_number_is_used_again_even_if_the_end_of_the_log_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Feed::open(config(&dir), NOW).unwrap();
    for _ in 0..3 {
        feed.append(NOW, &body("a"));
    }
    feed.settled().await;
    // No `close`: the process was killed; and a power cut took the last two records.
    let (_, path) = segment::list(dir.path()).unwrap().pop().unwrap();
    let first_line =
        std::fs::read(&path).unwrap().split_inclusive(|byte| *byte == b'\n').next().unwrap().to_vec();
    std::fs::write(&path, first_line).unwrap();
    let again = Feed::open(config(&dir), NOW).unwrap();
    again.append(NOW, &body("b"));
    again.settled().await;
    let records = read_all(&again, Position(999_999)).await;
    let positions: Vec<u64> = records.iter().map(|record| record.position.0).collect();
    assert_eq!(positions.len(), 2);
    assert_eq!(positions[0], 1_000_000);
    assert!(positions[1] > 1_000_002, "{positions:?}");
}

#[tokio::test]
async fn a_damaged_record_costs_itself_and_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Feed::open(config(&dir), NOW).unwrap();
    for _ in 0..12 {
        feed.append(NOW, &body("x"));
        feed.settled().await;
    }
    let segments = segment::list(dir.path()).unwrap();
    assert!(segments.len() > 2, "the damage is in a closed segment");
    let damage = |path: &std::path::Path, line: usize| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[line] = lines[line].replace("deleted", "DELETED");
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    };
    damage(&segments[0].1, 1);
    let last = std::fs::read_to_string(&segments[1].1).unwrap().lines().count() - 1;
    damage(&segments[1].1, last);
    let records = read_all(&feed, Position(999_999)).await;
    let gaps: Vec<_> = records
        .iter()
        .filter_map(|record| match record.body {
            RecordBody::Gap { from, to, lost } => Some((from, to, lost)),
            RecordBody::Exchange(_) | RecordBody::Sample(_) | RecordBody::Action(_) => None,
        })
        .collect();
    let lost = segments[2].0.0 - 1;
    let (one, other) = (Position(1_000_001), Position(lost));
    assert_eq!(gaps, [(one, one, 1), (other, other, 1)]);
    assert_eq!(records.len(), 12);
}
