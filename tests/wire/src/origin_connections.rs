//! Which requests share a connection to the origin.
//!
//! Invariant: a connection serves the next request when its answer was read to the end, and no other time.

use rebuffer_kit::{Ask, Asked, Feed, Origin, Rig, Said, Saying, Setup, Wire};

fn site(asked: &Asked) -> Said {
    match asked.path() {
        "/chunked" => Saying::new(200, "OK").chunked(asked, &[b"a", b"b"]),
        "/none" => Saying::new(204, "No Content").bare(),
        "/last" => Saying::new(200, "OK").with("Connection", "close").body(asked, "the last").close(),
        "/half" => Saying::new(200, "OK").with("Content-Length", "100000").bare().send("half"),
        _ => Saying::new(200, "OK").body(asked, "whole"),
    }
}

async fn reused(feed: &mut Feed, path: &str) -> bool {
    feed.exchange(path).await.origin.expect("the origin was asked").reused
}

#[tokio::test]
async fn answers_that_were_read_to_the_end_leave_their_connection_to_the_next() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut feed = rig.feed().await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    let asks = ["/first", "/chunked", "/none", "/last", "/after"];
    for path in asks {
        assert!(wire.ask(&Ask::get(path)).await.status < 300, "{path}");
    }
    assert!(wire.ask(&Ask::new("HEAD", "/head")).await.body.is_empty());
    wire.ask(&Ask::get("/end")).await;
    let mut seen = Vec::new();
    for path in asks.into_iter().chain(["/head", "/end"]) {
        seen.push((path, reused(&mut feed, path).await));
    }
    let expected = [
        ("/first", false),
        ("/chunked", true),
        ("/none", true),
        ("/last", true),
        ("/after", false),
        ("/head", true),
        ("/end", true),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_takes_its_connection_with_it() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut feed = rig.feed().await;
    let session = rig.session("tv").await;
    let mut wire = Wire::connect(session).await;
    wire.send(&Ask::get("/half")).await;
    wire.head().await;
    assert_eq!(wire.bytes(4).await, b"half");
    drop(wire);
    assert!(!reused(&mut feed, "/half").await);
    Wire::fetch(session, &Ask::get("/after")).await;
    assert!(!reused(&mut feed, "/after").await);
}
