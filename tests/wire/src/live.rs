//! The live frames: what is told, in which order, and how a subscriber comes back.
//!
//! Invariant: every edge and every change is one frame; a subscriber that was away gets what it missed or is told that it
//! cannot.

use rebuffer_kit::{Api, Ask, Asked, Event, Origin, Rig, Said, Saying, Setup, Sse, Wire};

const EVENTS: &str = "/api/v2/events";

fn site(asked: &Asked) -> Said {
    Saying::new(200, "OK").body(asked, "x")
}

async fn rig() -> (Origin, Rig) {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    (origin, rig)
}

/// The next frames that have a place in the order; seconds of links pass between them.
async fn names(events: &mut Sse, count: usize) -> Vec<Event> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let event = events.next().await.expect("the stream goes on");
        if event.name != "player.link" {
            seen.push(event);
        }
    }
    seen
}

fn number(event: &Event) -> (String, u64) {
    let id = event.id.as_deref().expect("an id");
    let (epoch, number) = id.split_once('-').expect("<epoch>-<number>");
    (epoch.to_owned(), number.parse().expect("a number"))
}

async fn touch(api: Api, value: &str) {
    api.patch("tv", &format!(r#"{{"labels":{{"run":"{value}"}}}}"#)).await;
}

#[tokio::test]
async fn every_edge_and_every_change_is_a_frame_in_order() {
    let (_origin, rig) = rig().await;
    let mut events = Sse::open(rig.api.address, EVENTS, None).await;
    rig.api.create("tv", r#""fault_rules":[{"id":"a","type":"404"}]"#).await;
    let session = rig.session("tv").await;
    Wire::fetch(session, &Ask::get("/x?play_id=p1&attempt_id=2")).await;
    Wire::fetch(session, &Ask::get("/x?play_id=p2")).await;
    assert_eq!(rig.api.ask(&Ask::new("DELETE", "/api/v2/players/tv")).await.status, 204);
    let expected = [
        "player.controls.updated",
        "player.created",
        "player.updated", // a session
        "play.started",
        "rule.fired",
        "play.ended",
        "play.started",
        "play.ended",
        "player.updated", // no session
        "player.deleted",
    ];
    let seen = names(&mut events, expected.len()).await;
    assert_eq!(seen.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), expected);
    let numbers: Vec<u64> = seen.iter().map(|event| number(event).1).collect();
    assert_eq!(numbers, (1..=expected.len() as u64).collect::<Vec<_>>());
    assert!(seen[3].data.starts_with(r#"{"type":"play.started","data":{"#), "{}", seen[3].data);
    assert!(seen[3].data.contains(r#""play_id":"p1","attempt_id":2"#), "{}", seen[3].data);
    assert!(seen[4].data.contains(r#""rule_id":"a","type":"404""#), "{}", seen[4].data);
}

#[tokio::test]
async fn a_subscriber_that_comes_back_gets_what_it_missed_once() {
    let (_origin, rig) = rig().await;
    let mut events = Sse::open(rig.api.address, EVENTS, None).await;
    rig.api.create("tv", "").await;
    touch(rig.api, "1").await;
    let last = names(&mut events, 3).await.pop().expect("three");
    drop(events);
    touch(rig.api, "2").await;
    touch(rig.api, "3").await;
    let mut events = Sse::open(rig.api.address, EVENTS, last.id.as_deref()).await;
    touch(rig.api, "4").await;
    for (step, value) in [(1, "2"), (2, "3"), (3, "4")] {
        let event = events.next().await.expect("the stream goes on");
        assert_eq!(number(&event).1, number(&last).1 + step);
        assert!(event.data.contains(&format!(r#""run":"{value}""#)), "{}", event.data);
    }
}

#[tokio::test]
async fn a_subscriber_of_the_last_run_is_told_of_the_gap() {
    let (_origin, rig) = rig().await;
    let mut events = Sse::open(rig.api.address, EVENTS, None).await;
    rig.api.create("tv", "").await;
    let last = names(&mut events, 1).await.pop().expect("one");
    let rig = rig.restarted().await;
    assert_eq!(events.named("player.created").await.name, "player.created");
    assert_eq!(events.next().await, None, "a rig that stops ends its streams");
    touch(rig.api, "1").await;
    let mut events = Sse::open(rig.api.address, EVENTS, last.id.as_deref()).await;
    let gap = events.next().await.expect("the stream goes on");
    assert_eq!((gap.name.as_str(), gap.id.as_deref()), ("replay.gap", None));
    assert_eq!(gap.data, r#"{"type":"replay.gap","data":{"reason":"restart","resumes_at":"1"}}"#);
    let next = events.next().await.expect("the stream goes on");
    assert_eq!(next.name, "player.controls.updated");
    assert_ne!(number(&next).0, number(&last).0, "another run has another epoch");
}

#[tokio::test]
async fn a_filter_lets_one_player_through() {
    let (_origin, rig) = rig().await;
    let mut events = Sse::open(rig.api.address, &format!("{EVENTS}?player_id=tv"), None).await;
    rig.api.create("other", "").await;
    rig.api.create("tv", "").await;
    let tv = rig.api.player("tv").await.id.to_string();
    for event in names(&mut events, 2).await {
        assert!(event.data.contains(&tv), "{}", event.data);
    }
}
