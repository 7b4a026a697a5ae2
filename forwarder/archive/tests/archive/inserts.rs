//! What goes in: every value as it was, and nothing twice.

use rebuffer_archive::json;
use rebuffer_archive::{Archive, Error, Filter, Order, RowQuery, Target};
use rebuffer_model::{Action, Position};
use rebuffer_tables::{ControlEvent, Event, NetworkRequest, Row, SessionEvent, Table};

use crate::rig::Rig;
use crate::samples::{PLAYER, SOURCE, full_report, origin, request, sparse_report};

fn everything(table: &'static Table) -> RowQuery {
    RowQuery {
        table,
        columns: (0..table.columns().count()).collect(),
        filter: Filter::default(),
        order: Order::Ascending,
        limit: 1_000,
        after: None,
        stride: None,
        not_beyond: None,
    }
}

/// Inserts rows and checks that the archive's JSON of them says what the live JSON said.
async fn same_both_ways<R: Row + Event>(rig: &Rig, rows: &[R]) {
    rig.archive.insert(rows.iter(), "token").await.unwrap();
    let wanted = everything(R::TABLE);
    let archived = rig.archive.rows(&wanted).unwrap().collect().await.unwrap();
    assert_eq!(archived.len(), rows.len());
    for (row, archived) in rows.iter().zip(archived) {
        let live = json::object(row, &wanted.columns);
        let live: serde_json::Map<_, _> = serde_json::from_str(&live).unwrap();
        let archived: serde_json::Map<_, _> = serde_json::from_slice(&archived).unwrap();
        let names: Vec<_> = R::TABLE.columns().map(|column| column.name).collect();
        assert_eq!(live.keys().collect::<Vec<_>>(), archived.keys().collect::<Vec<_>>());
        for name in names {
            assert_eq!(live[name], archived[name], "{}.{name}", R::TABLE.name);
        }
    }
}

#[tokio::test]
async fn a_row_says_the_same_before_and_after_it_is_archived() {
    let Some(rig) = Rig::start().await else { return };
    same_both_ways(&rig, &[full_report(1, 1_000), sparse_report(2, 2_000)]).await;
    same_both_ways::<NetworkRequest>(&rig, &[request(3, 3_000, "p1", 404, &["warning=http_4xx"])]).await;
    let action = format!(
        r#"{{"who":{{"player_id":"{PLAYER}"}},"source":"harness","kind":{{"event":"session_end","info":{{"reason":"deleted"}}}}}}"#
    );
    let action = serde_json::from_str::<Action>(&action).unwrap();
    let gap = ControlEvent::gap(origin(5, 5_000), (Position(1), Position(4)), 4, &[]);
    same_both_ways(&rig, &[ControlEvent::new(origin(4, 4_000), &action, &[]), gap]).await;
    assert_eq!(rig.text("SELECT info FROM control_events WHERE id = 4").await, r#"{"reason":"deleted"}"#);
}

#[tokio::test]
async fn the_same_token_takes_effect_once_whatever_comes_with_it() {
    let Some(rig) = Rig::start().await else { return };
    let rows: Vec<SessionEvent> = (1..=5).map(|id| sparse_report(id, 1_000)).collect();
    rig.archive.insert(rows[..3].iter(), "proxy:1").await.unwrap();
    rig.archive.insert(rows[..3].iter(), "proxy:1").await.unwrap();
    rig.archive.insert(rows.iter(), "proxy:1").await.unwrap();
    assert_eq!(rig.number("SELECT count() FROM session_events").await, 3);
    rig.archive.insert(rows[3..].iter(), "proxy:4").await.unwrap();
    assert_eq!(rig.number("SELECT count() FROM session_events").await, 5);
}

#[tokio::test]
async fn a_large_batch_is_one_part() {
    let Some(rig) = Rig::start().await else { return };
    let rows: Vec<_> = (1..=10_000).map(|id| full_report(id, 1_000)).collect();
    rig.archive.insert(rows.iter(), "proxy:1").await.unwrap();
    let parts = "SELECT count() FROM system.parts WHERE database = 'rebuffer' AND table = 'session_events' AND active";
    assert_eq!(rig.number(parts).await, 1);
    assert_eq!(rig.number("SELECT count() FROM session_events").await, 10_000);
}

#[tokio::test]
async fn how_far_a_source_has_come_is_known_per_table() {
    let Some(rig) = Rig::start().await else { return };
    let newest = |since| rig.archive.newest(SessionEvent::TABLE, SOURCE, Position(since));
    assert_eq!(newest(0).await.unwrap(), None);
    rig.archive.insert([sparse_report(u64::MAX - 1, 1_000)].iter(), "a").await.unwrap();
    rig.archive.insert([sparse_report(7, 90_000_000)].iter(), "b").await.unwrap();
    assert_eq!(newest(0).await.unwrap(), Some(Position(u64::MAX - 1)));
    assert_eq!(newest(u64::MAX).await.unwrap(), None);
    assert_eq!(rig.archive.newest(SessionEvent::TABLE, "other", Position(0)).await.unwrap(), None);
    assert_eq!(rig.archive.newest(NetworkRequest::TABLE, SOURCE, Position(0)).await.unwrap(), None);

    assert_eq!(rig.archive.progress(SOURCE).await.unwrap(), None);
    let now = rebuffer_model::Timestamp::from_millis(1_000);
    for position in [5, 9, 7] {
        rig.archive.note_progress(SOURCE, Position(position), now).await.unwrap();
    }
    assert_eq!(rig.archive.progress(SOURCE).await.unwrap(), Some(Position(9)));
}

#[tokio::test]
async fn errors_say_whether_to_try_again() {
    let Some(rig) = Rig::start().await else { return };
    let nobody = Target { url: "http://127.0.0.1:1".replace(":1", ":0"), ..rig.target.clone() };
    let error = Archive::new(&nobody).unwrap().ping().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    let wrong = Target { password: "wrong".into(), ..rig.target.clone() };
    let error = Archive::new(&wrong).unwrap().ping().await.unwrap_err();
    assert!(
        matches!(error, Error::Refused(_)) && error.in_full().contains("AUTHENTICATION"),
        "{}",
        error.in_full()
    );
    assert!(!format!("{:?}", rig.target).contains(&rig.target.password));
    rig.archive.ping().await.unwrap();
    assert_eq!(rig.child.status().borrow().restarts, 0);
}
