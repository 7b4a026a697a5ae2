//! The edges of HTTP/1.1 between a player and its origin: what is mended on the way, what is refused, and who is blamed.
//!
//! Invariant: what RFC 9112 lets a proxy mend reaches the other side as it is meant; nothing else changes.

use std::net::{Ipv4Addr, SocketAddr};

use rebuffer_kit::{Ask, Asked, Ending, Origin, Rig, Said, Saying, Setup, Wire, refused};
use rebuffer_model::{ActionKind, Cause};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

async fn rig_at(origin: SocketAddr) -> (Rig, SocketAddr) {
    let rig = Rig::start(Setup::at(origin)).await;
    let session = rig.session("tv").await;
    (rig, session)
}

/// The answer to these bytes, on a connection of its own.
async fn told(peer: SocketAddr, bytes: &str) -> rebuffer_kit::Answer {
    let mut wire = Wire::connect(peer).await;
    wire.send_raw(bytes.as_bytes()).await;
    wire.answer("GET").await
}

#[tokio::test]
async fn two_hundred_headers_pass_in_both_directions() {
    let origin = Origin::serve(|asked: &Asked| {
        let many = (0..200).fold(Saying::new(200, "OK"), |head, n| head.with(&format!("X-{n}"), "v"));
        many.body(asked, "ok")
    })
    .await;
    let (_rig, session) = rig_at(origin.address).await;
    let ask = (0..200).fold(Ask::get("/a"), |ask, n| ask.with(&format!("Y-{n}"), "w"));
    let answer = Wire::fetch(session, &ask).await;
    assert_eq!((answer.status, answer.value("x-199")), (200, Some("v")));
    assert_eq!(origin.take_asked()[0].value("y-199"), Some("w"));
    let ask = (0..300).fold(Ask::get("/a"), |ask, n| ask.with(&format!("Y-{n}"), "w"));
    assert_eq!(Wire::fetch(session, &ask).await.status, 431, "beyond the bound");
}

#[tokio::test]
async fn what_origins_write_badly_is_understood() {
    let noise = |fields: &str, body: &str| Said::noise(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}"));
    let origin = Origin::serve(move |asked: &Asked| match asked.path() {
        "/list" => noise("Content-Length: 2, 2", "ok"),
        "/twice" => noise("Content-Length: 2\r\nContent-Length: 2", "ok"),
        "/blank" => noise("X-Mine : yes\r\nContent-Length: 2", "ok"),
        "/folded" => noise("X-Mine: one\r\n two\r\nContent-Length: 2", "ok"),
        "/both" => noise("Content-Length: 99\r\nTransfer-Encoding: chunked", "2\r\nok\r\n0\r\n\r\n"),
        _ => noise("Content-Length: 2, 3", "ok").close(),
    })
    .await;
    let (_rig, session) = rig_at(origin.address).await;
    let mut wire = Wire::connect(session).await;
    for (path, length, mine) in [
        ("/list", Some("2"), None),
        ("/twice", Some("2"), None),
        ("/blank", Some("2"), Some("yes")),
        ("/folded", Some("2"), Some("one two")),
        ("/both", None, None),
    ] {
        let answer = wire.ask(&Ask::get(path)).await;
        assert_eq!((answer.status, answer.text(), answer.whole), (200, "ok", true), "{path}");
        assert_eq!((answer.value("content-length"), answer.value("x-mine")), (length, mine), "{path}");
    }
    refused(&wire.ask(&Ask::get("/unequal")).await, 502);
}

#[tokio::test]
async fn a_length_beside_chunks_is_not_sent_upstream() {
    let origin = Origin::serve(|asked: &Asked| Saying::new(200, "OK").body(asked, asked.body.clone())).await;
    let (rig, session) = rig_at(origin.address).await;
    let answer = told(
        session,
        "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    )
    .await;
    assert_eq!((answer.status, answer.text()), (200, "body"));
    let asked = origin.take_asked();
    assert_eq!(
        ["content-length", "transfer-encoding"].map(|name| asked[0].value(name)),
        [None, Some("chunked")]
    );
    assert_eq!(rig.feed().await.exchange("/up").await.request.body_bytes, 4, "chunks are counted");
}

#[tokio::test]
async fn a_bad_chunk_is_the_clients_fault() {
    let origin = Origin::serve(|asked: &Asked| Saying::new(200, "OK").body(asked, "taken")).await;
    let (rig, session) = rig_at(origin.address).await;
    let head = "POST /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n";
    let answer = told(session, &format!("{head}nonsense\r\n")).await;
    refused(&answer, 400);
    let row = rig.feed().await.exchange("/up").await;
    assert_eq!((row.cause, row.fault, row.request.body_bytes), (Some(Cause::Client), None, 4));
}

#[tokio::test]
async fn what_is_no_request_for_a_proxy_is_refused() {
    let origin = Origin::serve(|asked: &Asked| Saying::new(200, "OK").body(asked, "ok")).await;
    let (rig, session) = rig_at(origin.address).await;
    for peer in [session, rig.base] {
        let status = async |bytes: &str| told(peer, bytes).await.status;
        assert_eq!(status("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n").await, 400);
        assert_eq!(status("GET /a HTTP/1.1\r\n\r\n").await, 400, "without Host");
        assert_eq!(status("GET /a HTTP/1.1\r\nHost: x\r\nX-Mine : no\r\n\r\n").await, 400, "RFC 9112 §5.1");
    }
    assert_eq!(told(session, "GET /a HTTP/1.0\r\n\r\n").await.status, 200, "HTTP/1.0 has no Host");
    assert_eq!(origin.take_asked().len(), 1);
}

#[tokio::test]
async fn the_base_port_keeps_every_byte_and_the_method() {
    let origin = Origin::serve(|asked: &Asked| Saying::new(200, "OK").body(asked, "ok")).await;
    let (rig, session) = rig_at(origin.address).await;
    for target in [
        "//x",
        "//evil.example//a.m3u8",
        "/a%2Fb/../c",
        "/a|b^{c}\"?q={d}|",
        "/%zz?x=%",
        "/\u{c3}\u{bc}?\u{c3}\u{b6}",
    ] {
        for (method, status) in [("GET", 302), ("HEAD", 302), ("POST", 307), ("PUT", 307), ("DELETE", 307)] {
            let ask = Ask::new(method, &format!("/origin{target}")).with("Player-ID", "tv");
            let answer = Wire::fetch(rig.base, &ask).await;
            let location = format!("http://{session}{target}");
            assert_eq!((answer.status, answer.value("location")), (status, Some(&*location)), "{method}");
        }
        let answer = Wire::fetch(session, &Ask::get(target)).await;
        assert_eq!((answer.status, origin.take_asked()[0].target.as_str()), (200, target));
    }
}

#[tokio::test]
async fn what_cannot_be_read_as_a_request_is_said_once() {
    let origin = Origin::serve(|asked: &Asked| Saying::new(200, "OK").body(asked, "ok")).await;
    let (rig, session) = rig_at(origin.address).await;
    for _ in 0..2 {
        assert_eq!(told(session, "GET /a?q=<b> HTTP/1.1\r\nHost: x\r\n\r\n").await.status, 400);
    }
    rig.api.patch("tv", r#"{"labels":{"after":"it"}}"#).await;
    let mut feed = rig.feed().await;
    feed.action("label_changed").await;
    let kind = feed.action("request_unread").await.kind;
    assert_eq!(kind, ActionKind::RequestUnread { reason: "invalid URI".to_owned() });
    let unseen = rig.api.player("tv").await.session.expect("a session").unseen;
    assert_eq!(unseen.into_iter().map(|unseen| unseen.action).collect::<Vec<_>>(), [kind]);
    assert_eq!(feed.waiting("request_unread"), 0);
}

/// An origin that answers as soon as it has the head, and then reads on, or not.
async fn hasty(reads_on: bool) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut piece = vec![0; 1_024];
        let _head = stream.read(&mut piece).await;
        let answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig";
        stream.write_all(answer).await.expect("the answer goes out");
        while reads_on && stream.read(&mut piece).await.is_ok_and(|count| count > 0) {}
        stream.shutdown().await.expect("an end in order");
        // What is still sent is not read, and the connection stays until the other side has had enough.
        let _more = stream.read(&mut [0]).await;
        std::future::pending::<()>().await;
    });
    (address, serving)
}

#[tokio::test]
async fn an_early_answer_to_a_long_upload_arrives() {
    for reads_on in [true, false] {
        let (address, serving) = hasty(reads_on).await;
        let (rig, session) = rig_at(address).await;
        let answer = Wire::fetch(session, &Ask::new("POST", "/up").body(&vec![7; 8 << 20])).await;
        assert_eq!((answer.status, answer.text()), (413, "big"), "{reads_on}");
        let row = rig.feed().await.exchange("/up").await;
        assert_eq!((row.cause, row.answer.complete), (Some(Cause::Origin), true));
        assert!(matches!(answer.ending, Ending::Fin | Ending::Reset | Ending::Open));
        serving.abort();
    }
}
