//! The origin as a client meets it: methods, headers, ranges, conditions and the end of the server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use axum::body::{Body, Bytes};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, ORIGIN, RANGE,
};
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use rebuffer_demo::{UnixMillis, router, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tower::ServiceExt;

const SEGMENT: &str = "/live/v5/881999999.m4s";
const SEGMENT_BYTES: usize = 1_976_000;

fn now() -> UnixMillis {
    UnixMillis(1_764_000_001_000)
}

async fn ask(method: Method, path: &str, headers: &[(HeaderName, &str)]) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = router(now).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

fn header(response: &Response<Bytes>, name: HeaderName) -> &str {
    response.headers().get(&name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_segment_carries_its_length_type_and_tag() {
    let response = ask(Method::GET, SEGMENT, &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.body().len(), SEGMENT_BYTES);
    assert_eq!(header(&response, CONTENT_LENGTH), SEGMENT_BYTES.to_string());
    assert_eq!(header(&response, CONTENT_TYPE), "video/mp4");
    assert_eq!(header(&response, CACHE_CONTROL), "public, max-age=60");
    assert!(header(&response, ETAG).starts_with('"'));
}

#[tokio::test]
async fn head_says_what_get_would_and_sends_nothing() {
    for path in [SEGMENT, "/live/master.m3u8", "/vod/a1/index.m3u8", "/vod/a1/init.mp4", "/nowhere"] {
        let (head, get) = (ask(Method::HEAD, path, &[]).await, ask(Method::GET, path, &[]).await);
        assert_eq!(head.status(), get.status());
        assert!(head.body().is_empty());
        assert_eq!(header(&head, CONTENT_LENGTH), get.body().len().to_string(), "{path}");
        assert_eq!(head.headers(), get.headers(), "{path}");
    }
}

#[tokio::test]
async fn ranges_are_cut_from_the_same_bytes() {
    let whole = ask(Method::GET, SEGMENT, &[]).await.into_body();
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=4-40000", 4, 40_001),
        ("bytes=1900000-", 1_900_000, SEGMENT_BYTES),
        ("bytes=-9", SEGMENT_BYTES - 9, SEGMENT_BYTES),
    ] {
        let part = ask(Method::GET, SEGMENT, &[(RANGE, range)]).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(header(&part, CONTENT_RANGE), format!("bytes {from}-{}/{SEGMENT_BYTES}", to - 1));
        assert_eq!(header(&part, CONTENT_LENGTH), (to - from).to_string());
        assert!(part.body() == &whole[from..to], "{range}");
    }
    let beyond = ask(Method::GET, SEGMENT, &[(RANGE, "bytes=1976000-")]).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&beyond, CONTENT_RANGE), "bytes */1976000");
}

#[tokio::test]
async fn a_known_document_is_not_sent_again() {
    for path in [SEGMENT, "/live/v0/index.m3u8", "/live/master.m3u8"] {
        let tag = header(&ask(Method::GET, path, &[]).await, ETAG).to_owned();
        let again = ask(Method::GET, path, &[(IF_NONE_MATCH, &tag)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(header(&again, ETAG), tag);
        assert!(again.body().is_empty());
    }
}

#[tokio::test]
async fn a_missing_segment_has_a_body_and_may_be_read_by_any_page() {
    let missing = ask(Method::GET, "/live/v5/882000000.m4s", &[(ORIGIN, "http://page.example")]).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert!(missing.body().starts_with(b"segment 882000000 is not available now"));
    assert_eq!(header(&missing, CACHE_CONTROL), "no-store");
    assert_eq!(header(&missing, ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    let found = ask(Method::GET, SEGMENT, &[(ORIGIN, "http://page.example")]).await;
    assert_eq!(header(&found, ACCESS_CONTROL_ALLOW_ORIGIN), "*");
}

#[tokio::test]
async fn a_query_changes_nothing_and_other_methods_are_refused() {
    let path = format!("{SEGMENT}?player_id=1&CMCD=bl%3D2");
    assert_eq!(ask(Method::GET, &path, &[]).await.status(), StatusCode::OK);
    let posted = ask(Method::POST, SEGMENT, &[]).await;
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header(&posted, ALLOW), "GET,HEAD");
}

#[tokio::test]
async fn the_server_ends_when_told_and_leaves_no_connection() {
    let socket = TcpSocket::new_v4().unwrap();
    // Too small for the kernel to take a segment off the server's hands.
    socket.set_send_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(16).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, router(now), async {
        let _ = stopped.await;
    }));
    // One connection idles after an answer; the other never reads the two megabytes it asked for.
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /live/v0/init.mp4 HTTP/1.1\r\nHost: demo\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let stuck = TcpSocket::new_v4().unwrap();
    stuck.set_recv_buffer_size(4096).unwrap();
    let mut stuck = stuck.connect(address).await.unwrap();
    stuck.write_all(format!("GET {SEGMENT} HTTP/1.1\r\nHost: demo\r\n\r\n").as_bytes()).await.unwrap();
    stuck.readable().await.unwrap();

    stop.send(()).unwrap();
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    idle.read_to_end(&mut Vec::new()).await.unwrap();
    let mut received = Vec::new();
    let _ = stuck.read_to_end(&mut received).await;
    assert!(received.len() < SEGMENT_BYTES, "the stuck connection outlived the server");
}
