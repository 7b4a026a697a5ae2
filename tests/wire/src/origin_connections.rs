//! Which requests share a connection to the origin.
//!
//! Invariant: a connection serves the next request when its answer was read to the end, and no other time. One that the origin
//! closes at that very moment is no answer.

use std::sync::atomic::{AtomicBool, Ordering};

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

/// Closes or resets the connection of the first request below `/lost`, and answers everything else.
fn forgetful(lost: AtomicBool, end: fn(Said) -> Said) -> impl Fn(&Asked) -> Said {
    move |asked| {
        if asked.path().starts_with("/lost") && !lost.swap(true, Ordering::Relaxed) {
            end(Said::noise(""))
        } else {
            Saying::new(200, "OK").body(asked, "whole")
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_as_it_is_used_again_is_no_answer() {
    for end in [Said::close, Said::reset] {
        let origin = Origin::serve(forgetful(AtomicBool::new(false), end)).await;
        let rig = Rig::start(Setup::at(origin.address)).await;
        let mut feed = rig.feed().await;
        let mut wire = Wire::connect(rig.session("tv").await).await;
        wire.ask(&Ask::get("/first")).await;
        let answer = wire.ask(&Ask::get("/lost")).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"whole".as_slice()));
        let paths: Vec<_> = origin.take_asked().iter().map(|asked| asked.path().to_owned()).collect();
        assert_eq!(paths, ["/first", "/lost", "/lost"]);
        let row = feed.exchange("/lost").await;
        assert_eq!((row.cause, row.origin.map(|origin| origin.reused)), (None, Some(false)));
    }
}

#[tokio::test]
async fn what_changes_something_and_what_a_new_connection_brought_is_asked_once() {
    for (warm, method) in [(true, "POST"), (false, "GET")] {
        let origin = Origin::serve(forgetful(AtomicBool::new(false), Said::close)).await;
        let rig = Rig::start(Setup::at(origin.address)).await;
        let mut wire = Wire::connect(rig.session("tv").await).await;
        if warm {
            wire.ask(&Ask::get("/first")).await;
            origin.take_asked();
        }
        let answer = wire.ask(&Ask::new(method, "/lost").with("Content-Length", "0")).await;
        assert_eq!((answer.status, origin.take_asked().len()), (502, 1), "{method}");
    }
}
