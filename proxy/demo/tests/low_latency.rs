//! The low-latency form as a client meets it: what is held and for how long, what is refused, what grows.
//!
//! Time is paused, so a wait shows as the time that passed and takes none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE,
};
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use rebuffer_demo::{UnixMillis, router, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tower::ServiceExt;

/// 1.3 s into segment 882,000,000: its first three parts are complete.
const START: u64 = 1_764_000_001_300;
const PART_BYTES: usize = 15_200;

/// An origin whose clock starts at [`START`] and runs with tokio's.
fn origin() -> Router {
    let started = Instant::now();
    router(move || UnixMillis(START + u64::try_from(started.elapsed().as_millis()).unwrap()))
}

async fn ask(origin: &Router, method: Method, path: &str, headers: &[(HeaderName, &str)]) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    origin.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn header(response: &Response<Body>, name: HeaderName) -> &str {
    response.headers().get(&name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_playlist_is_held_until_it_has_what_was_asked_for() {
    for (query, held, last) in [
        ("", 0, "882000000.2.m4s"),
        ("?_HLS_msn=882000000&_HLS_part=2", 0, "882000000.2.m4s"),
        ("?_HLS_msn=882000000&_HLS_part=3", 300, "882000000.3.m4s"),
        ("?_HLS_msn=882000000&_HLS_part=4&_HLS_skip=v2", 700, "882000000.4.m4s"),
        ("?_HLS_msn=882000000", 700, "882000000.4.m4s"),
        ("?_HLS_msn=882000000&_HLS_part=5", 1_100, "882000001.0.m4s"),
        ("?_HLS_msn=882000001", 2_700, "882000001.4.m4s"),
    ] {
        let (origin, start) = (origin(), Instant::now());
        let response = ask(&origin, Method::GET, &format!("/ll/v0/index.m3u8{query}"), &[]).await;
        assert_eq!(start.elapsed(), Duration::from_millis(held), "{query}");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, CACHE_CONTROL), "no-cache");
        let playlist = text(response).await;
        let part = playlist.lines().rfind(|line| line.starts_with("#EXT-X-PART:")).unwrap();
        assert!(part.contains(last), "{query}: {part}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_playlist_has_its_tag_and_is_not_sent_twice() {
    let origin = origin();
    let path = "/ll/v0/index.m3u8?_HLS_msn=882000000&_HLS_part=3";
    let tag = header(&ask(&origin, Method::GET, path, &[]).await, ETAG).to_owned();
    let again = ask(&origin, Method::GET, path, &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_understood_or_lies_too_far_ahead_is_refused_at_once() {
    for (query, reason) in [
        ("_HLS_part=0", "_HLS_part says nothing without _HLS_msn\n"),
        ("_HLS_msn=x", "_HLS_msn is \"x\", not a decimal number of 64 bits\n"),
        ("_HLS_msn=882000002", "segment 882000002 is more than 2 ahead of the last one, 881999999\n"),
        (
            "_HLS_msn=882000001&_HLS_part=9",
            "part 9 of segment 882000001 is more than 7 parts ahead of the last one\n",
        ),
    ] {
        let (origin, start) = (origin(), Instant::now());
        let response = ask(&origin, Method::GET, &format!("/ll/a1/index.m3u8?{query}"), &[]).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(header(&response, CACHE_CONTROL), "no-store");
        assert_eq!(text(response).await, reason);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn after_three_target_durations_the_wait_ends() {
    // A clock that was set back by an hour while a request was held.
    let asked = AtomicU64::new(0);
    let origin = router(move || {
        let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
        UnixMillis(if first { START } else { START - 3_600_000 })
    });
    let part = ask(&origin, Method::GET, "/ll/v0/882000000.3.m4s", &[]).await;
    assert_eq!(part.status(), StatusCode::NOT_FOUND, "an hour ago nothing of it was hinted");

    let origin = router(|| UnixMillis(START));
    for path in ["/ll/v0/index.m3u8?_HLS_msn=882000000", "/ll/v0/882000000.3.m4s"] {
        let start = Instant::now();
        let overdue = ask(&origin, Method::GET, path, &[]).await;
        assert_eq!(overdue.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(start.elapsed(), Duration::from_secs(6), "{path}");
        assert_eq!(text(overdue).await, "what was asked for is overdue\n");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_end_of_a_list_directives_are_ignored() {
    let start = Instant::now();
    let origin = origin();
    let plain = text(ask(&origin, Method::GET, "/vod/v0/index.m3u8", &[]).await).await;
    assert!(plain.ends_with("#EXT-X-ENDLIST\n"));
    for query in ["_HLS_msn=300", "_HLS_msn=9999999", "_HLS_part=1", "_HLS_skip=YES", "_HLS_msn=x"] {
        let response = ask(&origin, Method::GET, &format!("/vod/v0/index.m3u8?{query}"), &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        assert_eq!(text(response).await, plain, "{query}");
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_hinted_part_is_held_and_then_sent_whole() {
    for method in [Method::GET, Method::HEAD] {
        let (origin, start) = (origin(), Instant::now());
        let part = ask(&origin, method.clone(), "/ll/v0/882000000.3.m4s", &[]).await;
        assert_eq!(start.elapsed(), Duration::from_millis(300), "{method}");
        assert_eq!(part.status(), StatusCode::OK);
        assert_eq!(header(&part, CONTENT_TYPE), "video/mp4");
        assert_eq!(part.headers().get(ACCEPT_RANGES).unwrap(), "bytes");
        let length = part.into_body().collect().await.unwrap().to_bytes().len();
        assert_eq!(length, if method == Method::GET { PART_BYTES } else { 0 });
        assert_eq!(start.elapsed(), Duration::from_millis(300), "no byte of it came later");
    }
    let ranged = ask(&origin(), Method::GET, "/ll/v0/882000000.3.m4s", &[(RANGE, "bytes=10-19")]).await;
    assert_eq!(ranged.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&ranged, CONTENT_RANGE), format!("bytes 10-19/{PART_BYTES}"));
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_not_hinted_is_not_waited_for() {
    let start = Instant::now();
    let part = ask(&origin(), Method::GET, "/ll/v0/882000000.4.m4s", &[]).await;
    assert_eq!((part.status(), start.elapsed()), (StatusCode::NOT_FOUND, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_segment_in_progress_grows_by_a_part_at_a_time() {
    let (origin, start) = (origin(), Instant::now());
    let path = "/ll/v0/882000000.m4s";
    // Its length is not said, so there are no ranges of it.
    let response = ask(&origin, Method::GET, path, &[(RANGE, "bytes=0-9")]).await;
    assert_eq!((response.status(), start.elapsed()), (StatusCode::OK, Duration::ZERO));
    for absent in [CONTENT_LENGTH, ACCEPT_RANGES, CONTENT_RANGE] {
        assert!(!response.headers().contains_key(&absent), "{absent}");
    }
    let tag = header(&response, ETAG).to_owned();

    let mut arrived: Vec<(u128, usize)> = Vec::new();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        let now = start.elapsed().as_millis();
        match arrived.last_mut() {
            Some((moment, length)) if *moment == now => *length += data.len(),
            Some(_) | None => arrived.push((now, data.len())),
        }
        bytes.extend(data);
    }
    assert_eq!(arrived, [(0, 3 * PART_BYTES), (300, PART_BYTES), (700, PART_BYTES)]);

    let whole = ask(&origin, Method::GET, path, &[]).await;
    assert_eq!(header(&whole, CONTENT_LENGTH), (5 * PART_BYTES).to_string());
    assert_eq!(header(&whole, ETAG), tag);
    assert!(whole.into_body().collect().await.unwrap().to_bytes() == bytes);
    let known = ask(&origin, Method::GET, "/ll/v0/882000001.m4s", &[(IF_NONE_MATCH, "*")]).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn on_the_wire_a_segment_in_progress_is_chunked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The last part is complete a millisecond from now, however often it is asked.
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, router(|| UnixMillis(1_764_000_001_999)), async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /ll/v0/882000000.m4s HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(
        head.contains("\r\ntransfer-encoding: chunked") && !head.contains("\r\ncontent-length:"),
        "{head}"
    );
    assert!(answer.ends_with(b"\r\n0\r\n\r\n"), "the body came to its end");
    assert!(answer.len() > 5 * PART_BYTES);
    stop.send(()).unwrap();
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_time_is_never_kept() {
    let response = ask(&origin(), Method::GET, "/time", &[]).await;
    assert_eq!(header(&response, CACHE_CONTROL), "no-store");
    assert_eq!(text(response).await, "2025-11-24T16:00:01.300Z");
}
