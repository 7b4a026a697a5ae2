//! What comes out: the rows that were asked for, in order, page by page; plays with their numbers.

use rebuffer_archive::{
    Bound, Filter, Order, PlayCursor, PlayKey, PlaysQuery, RowCursor, RowQuery, Test, stride_bucket,
};
use rebuffer_model::{Millis, Position, Timestamp};
use rebuffer_tables::{ControlEvent, NetworkRequest, Row, SessionEvent, Table};
use serde::Deserialize;

use crate::rig::Rig;
use crate::samples::{PLAYER, SOURCE, origin, report, request};

#[derive(Debug, Deserialize, PartialEq)]
struct Brief {
    ts: Timestamp,
    id: Position,
}

fn wanted(table: &'static Table, conditions: &[(&str, Test, Bound)]) -> RowQuery {
    let mut filter = Filter::default();
    for (column, test, value) in conditions {
        filter.and(table, column, *test, value.clone()).unwrap();
    }
    RowQuery {
        table,
        columns: ["ts", "id"].iter().map(|name| table.column(name).unwrap().0).collect(),
        filter,
        order: Order::Ascending,
        limit: 1_000,
        after: None,
        stride: None,
        not_beyond: None,
    }
}

async fn briefs(rig: &Rig, query: &RowQuery) -> Vec<Brief> {
    let lines = rig.archive.rows(query).unwrap().collect().await.unwrap();
    lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

async fn ids(rig: &Rig, query: &RowQuery) -> Vec<u64> {
    briefs(rig, query).await.into_iter().map(|brief| brief.id.0).collect()
}

fn text(value: &str) -> Bound {
    Bound::Text(value.to_owned())
}

#[tokio::test]
async fn conditions_choose_rows() {
    let Some(rig) = Rig::start().await else { return };
    let rows = [
        request(1, 1_000, "a", 200, &[]),
        request(2, 2_000, "a", 404, &["warning=http_4xx", "info=*request_retry"]),
        request(3, 3_000, "b", 503, &["error=http_5xx"]),
    ];
    rig.archive.insert(rows.iter(), "t").await.unwrap();
    let at = |ms| Bound::Instant(Timestamp::from_millis(ms));
    for (conditions, expected) in [
        (vec![], vec![1, 2, 3]),
        (vec![("play_id", Test::Is, text("a"))], vec![1, 2]),
        (vec![("player_id", Test::Is, text(PLAYER)), ("play_id", Test::Is, text("b"))], vec![3]),
        (vec![("player_id", Test::Is, text("x' OR '1'='1"))], vec![]),
        (vec![("ts", Test::AtLeast, at(2_000)), ("ts", Test::Below, at(3_000))], vec![2]),
        (vec![("status", Test::AtLeast, Bound::Number(404))], vec![2, 3]),
        (vec![("faulted", Test::Is, Bound::Flag(true))], vec![2]),
        (vec![("cause", Test::Is, text("injected")), ("rule_id", Test::Is, text("r1"))], vec![2]),
        (vec![("labels", Test::Has, text("warning=http_4xx"))], vec![2]),
        (vec![("labels", Test::Lacks, text("warning=http_4xx"))], vec![1, 3]),
        (vec![("remarks", Test::Has, text("playlist_unread"))], vec![1, 2, 3]),
        (vec![("remarks", Test::Has, text("origin_left"))], vec![]),
    ] {
        assert_eq!(ids(&rig, &wanted(NetworkRequest::TABLE, &conditions)).await, expected, "{conditions:?}");
    }
}

/// An edit of labels; `name` is the label of that name, and empty takes it away.
fn labelled(position: u64, player: &str, name: &str) -> ControlEvent {
    let labels = if name.is_empty() { String::new() } else { format!(r#""name":"{name}""#) };
    let action = format!(
        r#"{{"who":{{"player_id":"{player}"}},"source":"harness",
        "kind":{{"event":"label_changed","info":{{"labels":{{{labels}}}}}}}}}"#
    );
    ControlEvent::new(origin(position, 1_000), &serde_json::from_str(&action).unwrap(), &[])
}

#[tokio::test]
async fn a_player_is_found_by_its_own_name_and_by_the_label_it_had_last() {
    let Some(rig) = Rig::start().await else { return };
    rig.archive.insert([request(1, 2_000, "a", 200, &[])].iter(), "n").await.unwrap();
    let called = async |name: &str| {
        ids(&rig, &wanted(NetworkRequest::TABLE, &[("player_name", Test::Calls, text(name))])).await
    };
    let shown = async || {
        let key = PlayKey { play_id: "a".into(), player_id: PLAYER.into() };
        let lines = rig.archive.summaries(&[key]).unwrap().collect().await.unwrap();
        serde_json::from_slice::<Summary>(&lines[0]).unwrap().player_name
    };
    assert_eq!((called("big tv").await, called("big").await), (vec![1], vec![]), "exactly");
    assert_eq!(shown().await, "big tv");
    let labels = [
        labelled(2, PLAYER, "kitchen"),
        labelled(3, PLAYER, "hall"),
        labelled(4, "6ba7b811-9dad-11d1-80b4-00c04fd430c8", "cellar"),
    ];
    rig.archive.insert(labels.iter(), "l").await.unwrap();
    for (name, expected) in [("big tv", vec![1]), ("hall", vec![1]), ("kitchen", vec![]), ("cellar", vec![])]
    {
        assert_eq!(called(name).await, expected, "{name}");
    }
    assert_eq!(shown().await, "hall", "the label wins");
    rig.archive.insert([labelled(5, PLAYER, "")].iter(), "m").await.unwrap();
    assert_eq!((called("hall").await, shown().await), (vec![], "big tv".to_owned()));
}

#[tokio::test]
async fn pages_meet_without_a_gap_or_a_repeat() {
    let Some(rig) = Rig::start().await else { return };
    // Several rows of one instant, and ids that do not follow time.
    let rows: Vec<_> =
        (1..=50u64).map(|id| report(id, 1_000 + i64::try_from(id * 7 % 11).unwrap(), "a", &[], "")).collect();
    rig.archive.insert(rows.iter(), "t").await.unwrap();
    for order in [Order::Ascending, Order::Descending] {
        let whole = RowQuery { order, ..wanted(SessionEvent::TABLE, &[]) };
        let expected = ids(&rig, &whole).await;
        assert_eq!(expected.len(), 50);
        let mut paged = Vec::new();
        let mut page = RowQuery { limit: 7, ..whole };
        loop {
            let rows = briefs(&rig, &page).await;
            let Some(last) = rows.last() else { break };
            page.after = Some(RowCursor { ts: last.ts, id: last.id });
            paged.extend(rows.into_iter().map(|row| row.id.0));
        }
        assert_eq!(paged, expected);
    }
}

#[tokio::test]
async fn a_stride_thins_rows_but_keeps_labelled_ones() {
    let Some(rig) = Rig::start().await else { return };
    let told: &[&str] = &["critical=stall_frozen"];
    let rows: Vec<_> = (1..=40u64)
        .map(|id| report(id, i64::try_from(id * 100).unwrap(), "a", if id == 17 { told } else { &[] }, ""))
        .collect();
    rig.archive.insert(rows.iter(), "t").await.unwrap();
    let stride = Millis(1_000);
    let thinned = RowQuery { stride: Some(stride), ..wanted(SessionEvent::TABLE, &[]) };
    assert_eq!(ids(&rig, &thinned).await, [1, 10, 17, 20, 30, 40]);
    assert_eq!(stride_bucket(Timestamp::from_millis(1_999), stride), 1);
}

#[tokio::test]
async fn what_comes_by_another_path_is_left_out() {
    let Some(rig) = Rig::start().await else { return };
    let rows: Vec<_> = (1..=5u64).map(|id| report(id, 1_000, "a", &[], "")).collect();
    rig.archive.insert(rows.iter(), "t").await.unwrap();
    let query = |source: &str| RowQuery {
        not_beyond: Some((source.to_owned(), Position(3))),
        ..wanted(SessionEvent::TABLE, &[])
    };
    assert_eq!(ids(&rig, &query(SOURCE)).await, [1, 2, 3]);
    assert_eq!(ids(&rig, &query("other")).await, [1, 2, 3, 4, 5]);
}

#[derive(Debug, Deserialize, PartialEq)]
struct Summary {
    play_id: String,
    player_name: String,
    started_at: Timestamp,
    last_seen_at: Timestamp,
    metric_events: String,
    net_events: String,
    net_errors: String,
    net_faults: String,
    net_injected: String,
    stalls: Option<u32>,
    first_frame_s: Option<f64>,
    downshifts: String,
    last_state: String,
    user_agent: String,
    labels: std::collections::BTreeMap<String, String>,
}

async fn two_plays(rig: &Rig) {
    let reports = [
        report(
            1,
            1_000,
            "a",
            &["info=first_frame"],
            r#""last_event":"video_first_frame","first_frame_time_s":0.5"#,
        ),
        report(
            2,
            5_000,
            "a",
            &["info=shift_down"],
            r#""last_event":"rate_shift_down","stall_count":2,"state":"playing""#,
        ),
        report(3, 9_000, "b", &[], r#""state":"buffering""#),
    ];
    rig.archive.insert(reports.iter(), "r").await.unwrap();
    let requests = [
        request(4, 2_000, "a", 200, &[]),
        request(5, 3_000, "a", 404, &["warning=http_4xx"]),
        request(6, 4_000, "a", 404, &["warning=http_4xx"]),
    ];
    rig.archive.insert(requests.iter(), "n").await.unwrap();
}

async fn chosen(rig: &Rig, query: &PlaysQuery) -> Vec<PlayCursor> {
    rig.archive.choose_plays(query).await.unwrap()
}

#[tokio::test]
async fn a_play_is_summed_up_over_all_of_its_rows() {
    let Some(rig) = Rig::start().await else { return };
    two_plays(&rig).await;
    let key = |play: &str| PlayKey { play_id: play.into(), player_id: PLAYER.into() };
    let lines = rig.archive.summaries(&[key("a"), key("b")]).unwrap().collect().await.unwrap();
    let mut plays: Vec<Summary> = lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    plays.sort_by(|one, other| one.play_id.cmp(&other.play_id));
    let labels = [("info=first_frame", "1"), ("info=shift_down", "1"), ("warning=http_4xx", "2")];
    let expected = Summary {
        play_id: "a".into(),
        player_name: "big tv".into(),
        started_at: Timestamp::from_millis(1_000),
        last_seen_at: Timestamp::from_millis(5_000),
        metric_events: "2".into(),
        net_events: "3".into(),
        net_errors: "2".into(),
        net_faults: "2".into(),
        net_injected: "2".into(),
        stalls: Some(2),
        first_frame_s: Some(0.5),
        downshifts: "1".into(),
        last_state: "playing".into(),
        user_agent: "agent \"7\"".into(),
        labels: labels.map(|(label, count)| (label.to_owned(), count.to_owned())).into(),
    };
    assert_eq!(plays[0], expected);
    assert_eq!((plays[1].net_events.as_str(), plays[1].user_agent.as_str()), ("0", ""));
    assert_eq!(plays.len(), 2);
}

#[tokio::test]
async fn plays_are_chosen_by_window_and_labels_and_come_page_by_page() {
    let Some(rig) = Rig::start().await else { return };
    two_plays(&rig).await;
    let all = PlaysQuery { limit: 10, ..PlaysQuery::default() };
    let names = |plays: &[PlayCursor]| plays.iter().map(|play| play.key.play_id.clone()).collect::<Vec<_>>();
    let both = chosen(&rig, &all).await;
    assert_eq!(names(&both), ["b", "a"]);
    assert_eq!(both[1].began, Timestamp::from_millis(1_000));

    let second = PlaysQuery { after: Some(both[0].clone()), ..all.clone() };
    assert_eq!(names(&chosen(&rig, &second).await), ["a"]);
    let third = PlaysQuery { after: Some(both[1].clone()), ..all.clone() };
    assert_eq!(names(&chosen(&rig, &third).await), Vec::<String>::new());

    let has = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>();
    let labelled = PlaysQuery { label_has: has(&["warning=http_4xx", "info=shift_down"]), ..all.clone() };
    assert_eq!(names(&chosen(&rig, &labelled).await), ["a"], "labels of different rows of one play");
    let clean = PlaysQuery { label_not: has(&["warning=http_4xx"]), ..all.clone() };
    assert_eq!(names(&chosen(&rig, &clean).await), ["b"]);

    let mut filter = Filter::default();
    let table = SessionEvent::TABLE;
    filter.and(table, "ts", Test::AtLeast, Bound::Instant(Timestamp::from_millis(6_000))).unwrap();
    assert_eq!(names(&chosen(&rig, &PlaysQuery { filter, ..all }).await), ["b"]);
}
