//! What is remembered: per player, bounded, and the same whenever the same records are told again.

use crate::story::{PLAYER, Story, exchange, exchange_of, report, who};
use rebuffer_labels::{MAX_PLAYS, Memory};
use rebuffer_model::{Position, Record, Timestamp};

const OTHER: &str = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";

fn record(position: u64, ms: i64, body: &str) -> Record {
    Record {
        position: Position(position),
        ts: Timestamp::from_millis(ms),
        body: serde_json::from_str(body).expect("a record"),
    }
}

fn labels(memory: &mut Memory, record: &Record) -> Vec<String> {
    memory.label(record).iter().map(ToString::to_string).collect()
}

#[test]
fn a_neighbour_asking_for_the_same_is_no_retry() {
    let mut memory = Memory::default();
    let get = |player: &str, ms: i64, status: u16| {
        record(1, ms, &exchange_of(&who(player, "p1"), ms, "segment", status, (1, 1), ""))
    };
    labels(&mut memory, &get(PLAYER, 0, 404));
    assert!(labels(&mut memory, &get(OTHER, 100, 200)).is_empty());
    assert_eq!(labels(&mut memory, &get(PLAYER, 200, 200)), ["info=*request_retry"]);
    assert!(labels(&mut memory, &get(PLAYER, 300, 200)).is_empty(), "it succeeded meanwhile");
}

#[test]
fn a_request_that_began_before_the_failure_is_no_retry() {
    let mut memory = Memory::default();
    labels(&mut memory, &record(1, 1_000, &exchange(1_000, "segment", 404, "").1));
    assert!(labels(&mut memory, &record(2, 1_500, &exchange(900, "segment", 200, "").1)).is_empty());
}

#[test]
fn a_play_met_in_its_middle_is_not_starting() {
    let mut memory = Memory::default();
    let end = r#""last_event":"stall_end","last_stall_time_s":2.0,"first_frame_time_s":0.4"#;
    assert_eq!(labels(&mut memory, &record(1, 0, &report(0, end).1)), ["warning=*stall_long_midplay"]);
}

#[test]
fn a_restart_begins_a_new_start() {
    let story = Story::new(vec![
        report(0, r#""last_event":"video_first_frame","first_frame_time_s":0.4"#),
        report(60_000, r#""last_event":"restart","restart_reason":"reload","first_frame_time_s":0.4"#),
        report(61_000, r#""last_event":"buffering_end","last_buffering_time_s":2.0"#),
    ]);
    let mut memory = Memory::default();
    let told: Vec<_> = story.records().map(|record| labels(&mut memory, &record)).collect();
    assert_eq!(told.last().unwrap(), &["warning=*buffering_long_startup"]);
}

#[test]
fn the_values_of_labels_become_names_of_the_grammar() {
    let mut memory = Memory::default();
    let (_, body) = crate::story::action(
        0,
        "label_changed",
        r#"{"labels":{"cycle_id":"startup:app_cold:cap0.8:rep0","note":"a b, c=d","empty":""}}"#,
    );
    assert_eq!(
        labels(&mut memory, &record(1, 0, &body)),
        ["info=*label_changed", "info=cycle_id_startup:app_cold:cap0.8:rep0", "info=note_abcd"]
    );
}

#[test]
fn a_flood_of_plays_and_failures_stays_bounded() {
    let mut memory = Memory::default();
    for index in 0..3 * MAX_PLAYS {
        let ms = i64::try_from(index).unwrap();
        let who = who(PLAYER, &format!("play{index}"));
        memory.label(&record(1, ms, &exchange_of(&who, ms, "segment", 404, (1, 1), "")));
        assert!(memory.len() <= MAX_PLAYS);
    }
    let newest = who(PLAYER, &format!("play{}", 3 * MAX_PLAYS - 1));
    let ms = i64::try_from(3 * MAX_PLAYS).unwrap();
    let again = record(1, ms, &exchange_of(&newest, ms, "segment", 200, (1, 1), ""));
    assert_eq!(labels(&mut memory, &again), ["info=*request_retry"], "the newest are kept");
}

#[test]
fn the_same_records_get_the_same_labels() {
    let story = Story::new(vec![
        report(0, r#""last_event":"buffering_start""#),
        exchange(10, "segment", 404, ""),
        exchange(20, "segment", 200, ""),
        report(1_500, r#""last_event":"buffering_end""#),
    ]);
    let tell = || {
        let mut memory = Memory::default();
        story.records().map(|record| labels(&mut memory, &record)).collect::<Vec<_>>()
    };
    assert_eq!(tell(), tell());
}
