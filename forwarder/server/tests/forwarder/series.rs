//! Time series: the past in order, then the present, each row once.

use axum::body::BodyDataStream;
use axum::response::Response;
use futures_util::StreamExt;
use serde::Deserialize;

use crate::records::{OTHER, PLAYER, action, mixture, report, request};
use crate::rig::{PATIENCE, Rig, get, open, router, settled, until};

/// One frame.
#[derive(Debug, Default, Clone, PartialEq)]
struct Frame {
    name: String,
    id: Option<u64>,
    data: String,
}

/// A series as a client reads it.
struct Series {
    body: BodyDataStream,
    text: String,
}

#[derive(Deserialize)]
struct Brief {
    ts: String,
    id: String,
}

impl Frame {
    fn row(&self) -> Brief {
        serde_json::from_str(&self.data).unwrap()
    }

    fn row_id(&self) -> u64 {
        self.row().id.parse().unwrap()
    }
}

impl Series {
    fn new(response: Response) -> Series {
        assert_eq!(response.status(), 200);
        Series { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next frame; nothing when the series is over.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let frame = read(frame);
                self.text = rest.to_owned();
                return Some(frame);
            }
            let piece = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("a frame in time")?;
            self.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    /// Every frame up to and with the first of this name.
    async fn through(&mut self, name: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("no {name} after {frames:?}"));
            let done = frame.name == name;
            frames.push(frame);
            if done {
                return frames;
            }
        }
    }
}

fn read(text: &str) -> Frame {
    let mut frame = Frame::default();
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => name.clone_into(&mut frame.name),
            Some(("id", id)) => frame.id = Some(id.parse().unwrap()),
            Some(("data", data)) => data.clone_into(&mut frame.data),
            _ => {}
        }
    }
    frame
}

fn rows(frames: &[Frame]) -> Vec<(String, u64)> {
    let rows = frames.iter().filter(|frame| matches!(frame.name.as_str(), "event" | "network" | "control"));
    rows.map(|frame| (frame.name.clone(), frame.row_id())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_comes_in_order_and_the_present_follows() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    let router = router(&forwarder);
    rig.feed.append([
        action(1, 0, PLAYER, "a", "session_start", r#"{"manifest_url":"/m.m3u8"}"#),
        request(2, 1_000, PLAYER, "a", 404),
        report(3, 1_000, OTHER, "b", ""),
        report(4, 900, PLAYER, "a", r#""buffer_depth_s":7.5"#),
    ]);
    settled(&forwarder, 4).await;
    let path = format!("/api/v2/timeseries?player_id={PLAYER}&bundles=charts_minimal,network,control");
    let mut series = Series::new(open(&router, &path, &[]).await);
    let past = series.through("backfill_complete").await;
    assert_eq!(past[0].name, "meta");
    assert!(past[0].data.contains(r#""live":true"#) && past[0].data.contains("buffer_depth_s"));
    assert_eq!(rows(&past), [("control".into(), 1), ("event".into(), 4), ("network".into(), 2)]);
    assert!(past[2].data.contains(r#""buffer_depth_s":7.5"#), "{}", past[2].data);
    let last = past.last().unwrap();
    assert_eq!(last.id, Some(4));
    assert!(last.data.contains(r#""rows":"3""#));

    rig.feed.append([report(5, 2_000, OTHER, "b", ""), request(6, 2_000, PLAYER, "a", 200)]);
    let live = series.next().await.unwrap();
    assert_eq!((live.name.as_str(), live.id, live.row_id()), ("network", Some(6), 6));

    // The same row reads the same from the archive afterwards.
    settled(&forwarder, 6).await;
    let again = Series::new(open(&router, &path, &[]).await).through("backfill_complete").await;
    let archived = again.iter().find(|frame| frame.name == "network" && frame.row_id() == 6).unwrap();
    let parsed = |text: &str| serde_json::from_str::<serde_json::Map<_, _>>(text).unwrap();
    assert_eq!(parsed(&archived.data), parsed(&live.data));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missing_and_nothing_repeated_while_rows_pour_in() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    let router = router(&forwarder);
    let last = 6_000;
    rig.feed.append((1..=500).map(mixture));
    settled(&forwarder, 100).await;
    let pour = tokio::spawn({
        let feed = rig.feed.clone();
        async move {
            for first in (501..=last).step_by(50) {
                feed.append((first..(first + 50).min(last + 1)).map(mixture));
                tokio::task::yield_now().await;
            }
        }
    });
    let expected: Vec<u64> = (1..=last).filter(|id| id % 10 <= 4).collect();
    let path = format!("/api/v2/timeseries?player_id={PLAYER}&fields=ts");
    let listen = |router: axum::Router, path: String, expected: Vec<u64>| async move {
        let mut series = Series::new(open(&router, &path, &[]).await);
        let mut seen: Vec<u64> =
            rows(&series.through("backfill_complete").await).iter().map(|row| row.1).collect();
        while seen.len() < expected.len() {
            let frame = series.next().await.unwrap();
            assert_ne!(frame.name, "lag");
            if !frame.data.is_empty() && frame.name != "heartbeat" {
                assert_eq!(frame.id, Some(frame.row_id()));
                seen.push(frame.row_id());
            }
        }
        seen.sort_unstable();
        assert!(seen == expected, "{} rows, {} expected", seen.len(), expected.len());
    };
    let listeners: Vec<_> =
        (0..4).map(|_| tokio::spawn(listen(router.clone(), path.clone(), expected.clone()))).collect();
    pour.await.unwrap();
    for listener in listeners {
        listener.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_waiting_when_a_series_began_comes_once_even_if_it_is_archived_meanwhile() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    let router = router(&forwarder);
    let at = |id: u64| report(id, i64::try_from(id).unwrap(), PLAYER, "a", "");
    // More than is fetched at once, so that the archive is asked again when everything is in it.
    rig.feed.append((1..=5_000).map(at));
    settled(&forwarder, 5_000).await;
    rig.signal_archive("STOP").await;
    rig.feed.append((5_001..=5_500).map(at));
    until(&forwarder, "waiting", |status| status.lag_rows >= 500).await;
    let path = format!("/api/v2/timeseries?player_id={PLAYER}&fields=ts");
    let mut series = Series::new(open(&router, &path, &[]).await);
    rig.feed.append((5_501..=5_600).map(at));
    rig.signal_archive("CONT").await;
    settled(&forwarder, 5_600).await;
    let past: Vec<_> = rows(&series.through("backfill_complete").await).iter().map(|row| row.1).collect();
    assert!(past == (1..=5_500).collect::<Vec<_>>(), "{} rows of the past", past.len());
    for id in 5_501..=5_600 {
        assert_eq!(series.next().await.unwrap().row_id(), id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_back_takes_up_where_it_was() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    let router = router(&forwarder);
    rig.feed.append((1..=4).map(|id| report(id, 1_000, PLAYER, "a", "")));
    settled(&forwarder, 4).await;
    let path = format!("/api/v2/timeseries?player_id={PLAYER}&streams=events");
    let back = [("last-event-id", "2")];
    let mut series = Series::new(open(&router, &path, &back).await);
    assert_eq!(rows(&series.through("backfill_complete").await), [("event".into(), 3), ("event".into(), 4)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_ends_with_its_window_and_with_its_play() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    let router = router(&forwarder);
    rig.feed.append([report(1, 0, PLAYER, "a", ""), report(2, 2_000, PLAYER, "a", "")]);
    settled(&forwarder, 2).await;
    let window = format!("/api/v2/timeseries?player_id={PLAYER}&streams=events&to=2026-03-01T10:00:02Z");
    let answer = get(&router, &window).await;
    assert!(answer.text.contains("event: complete\ndata: {\"reason\":\"window_over\"}"), "{}", answer.text);
    assert!(answer.text.contains(r#""id":"1""#) && !answer.text.contains(r#""id":"2""#));

    let play = "/api/v2/timeseries?play_id=a&streams=events";
    let mut series = Series::new(open(&router, play, &[]).await);
    series.through("backfill_complete").await;
    rig.feed.append([action(3, 3_000, PLAYER, "a", "session_end", r#"{"reason":"inactive_timeout"}"#)]);
    let end = series.next().await.unwrap();
    assert_eq!((end.name.as_str(), end.data.as_str()), ("complete", r#"{"reason":"play_over"}"#));
    assert_eq!(series.next().await, None);

    settled(&forwarder, 3).await;
    assert!(get(&router, play).await.text.contains("play_over"), "and it stays over");
    rig.feed.append([report(4, 4_000, PLAYER, "a", "")]);
    settled(&forwarder, 4).await;
    let mut series = Series::new(open(&router, play, &[]).await);
    series.through("backfill_complete").await;
    drop(forwarder);
    assert_eq!(series.next().await.unwrap().data, r#"{"reason":"shutdown"}"#, "it had come back to life");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stride_thins_the_past_and_the_present_alike() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    let router = router(&forwarder);
    let at = |id: u64| {
        report(
            id,
            i64::try_from(id * 100).unwrap(),
            PLAYER,
            "a",
            if id == 7 { r#""last_event":"error""# } else { "" },
        )
    };
    rig.feed.append((1..=14).map(at));
    settled(&forwarder, 14).await;
    let path = format!("/api/v2/timeseries?player_id={PLAYER}&streams=events&max_hz=1");
    let mut series = Series::new(open(&router, &path, &[]).await);
    let past: Vec<u64> = rows(&series.through("backfill_complete").await).iter().map(|row| row.1).collect();
    assert_eq!(past, [1, 7, 10]);
    rig.feed.append((15..=31).map(at));
    let first = series.next().await.unwrap();
    let second = series.next().await.unwrap();
    assert_eq!((first.row_id(), second.row_id()), (20, 30));
    assert!(first.row().ts < second.row().ts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_is_shown_before_it_is_archived() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    let router = router(&forwarder);
    until(&forwarder, "ready", |status| status.ready).await;
    let path = format!("/api/v2/timeseries?player_id={PLAYER}&streams=events");
    let mut series = Series::new(open(&router, &path, &[]).await);
    series.through("backfill_complete").await;
    rig.signal_archive("STOP").await;
    rig.feed.append([report(1, 0, PLAYER, "a", "")]);
    assert_eq!(series.next().await.unwrap().row_id(), 1);
    assert_eq!(forwarder.status().settled, 0, "the archive stands still");
    rig.signal_archive("CONT").await;
    settled(&forwarder, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_is_told_how_much_it_missed() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    let router = router(&forwarder);
    until(&forwarder, "ready", |status| status.ready).await;
    let path = format!("/api/v2/timeseries?player_id={PLAYER}&streams=events&fields=ts");
    let mut series = Series::new(open(&router, &path, &[]).await);
    series.through("backfill_complete").await;
    let count = 8_000;
    rig.feed.append((1..=count).map(|id| report(id, 0, PLAYER, "a", "")));
    settled(&forwarder, count).await;
    let (mut seen, mut lost) = (0, 0);
    while seen + lost < count {
        let frame = series.next().await.unwrap();
        match frame.name.as_str() {
            "event" => seen += 1,
            "lag" => lost += serde_json::from_str::<Lost>(&frame.data).unwrap().lost.parse::<u64>().unwrap(),
            other => panic!("{other}"),
        }
    }
    assert_eq!(seen + lost, count);
    assert!(lost > 0 && seen >= 4_096, "{seen} seen, {lost} lost");
}

#[derive(Deserialize)]
struct Lost {
    lost: String,
}
