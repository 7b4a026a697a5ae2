//! With nothing armed, the rig is not there on TLS and HTTP/2 either; and the corners of HTTP that a table of requests does not reach.
//!
//! Invariant: both sides are compared, and what may differ between protocols is named in [`Seen`]. Deliberately absent: time.

use http::HeaderMap;
use rebuffer_kit::{
    Answer, Ask, Asked, Ending, Field, Gate, Http2, Origin, Rig, Saying, Setup, StreamEnding, Wire,
    mixed_site, mixed_table, pattern,
};
use rebuffer_model::Cause;
use rebuffer_proxy::Protocol;

/// An answer as both protocols can say it: no reason, no case of names, nothing of the hop.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    fields: Vec<Field>,
    body: Vec<u8>,
}

fn plain(fields: impl IntoIterator<Item = Field>) -> Vec<Field> {
    let of_the_hop = ["connection", "keep-alive", "transfer-encoding", "host"];
    let lower = |field: Field| Field { name: field.name.to_ascii_lowercase(), ..field };
    let mut fields = fields.into_iter().map(lower).collect::<Vec<_>>();
    fields.retain(|field| !of_the_hop.contains(&field.name.as_str()));
    fields.sort_by(|one, other| one.name.cmp(&other.name));
    fields
}

fn fields_of(headers: &HeaderMap) -> impl Iterator<Item = Field> {
    headers.iter().map(|(name, value)| {
        let value = value.as_bytes().iter().map(|byte| char::from(*byte)).collect::<String>();
        Field::new(name.as_str(), &value)
    })
}

fn seen(answer: Answer) -> Seen {
    Seen { status: answer.status, fields: plain(answer.head.fields), body: answer.body }
}

fn understood(asked: &[Asked]) -> Vec<(String, String, Vec<Field>, Vec<u8>)> {
    asked
        .iter()
        .map(|asked| {
            (asked.method.clone(), asked.target.clone(), plain(asked.fields.clone()), asked.body.clone())
        })
        .collect()
}

async fn secure_rig(origin: &Origin) -> Rig {
    Rig::start(Setup::at(origin.address).secure(&[Protocol::Http2, Protocol::Http1])).await
}

#[tokio::test]
async fn mixed_requests_are_asked_and_answered_alike_over_tls_and_http2() {
    let origin = Origin::serve(mixed_site).await;
    let rig = secure_rig(&origin).await;
    let session = rig.session("reader").await;
    let mut http2 = Http2::connect(session).await;
    let mut tls = None;
    for ask in mixed_table() {
        let without = seen(Wire::fetch(origin.address, &ask).await);
        let expected = understood(&origin.take_asked());
        let mut wire = match tls.take() {
            Some(wire) => wire,
            None => Wire::secure(session).await,
        };
        let answer = wire.ask(&ask).await;
        tls = (answer.ending == Ending::Open).then_some(wire);
        assert_eq!(seen(answer), without, "TLS: {ask:?}");
        assert_eq!(understood(&origin.take_asked()), expected, "TLS: {ask:?}");
        if ask.has_body() {
            continue;
        }
        let answer = http2.ask(&ask).await;
        assert_eq!(answer.ending, StreamEnding::Ended, "{ask:?}");
        let with = Seen {
            status: answer.status.expect("a head"),
            fields: plain(fields_of(&answer.headers)),
            body: answer.body,
        };
        assert_eq!(with, without, "HTTP/2: {ask:?}");
        assert_eq!(understood(&origin.take_asked()), expected, "HTTP/2: {ask:?}");
    }
}

#[tokio::test]
async fn trailers_follow_their_body() {
    let origin = Origin::serve(|asked: &Asked| {
        let head = Saying::new(200, "OK").with("Trailer", "X-Sum").with("Transfer-Encoding", "chunked");
        let said = head.bare().chunk(b"body");
        if asked.method == "HEAD" { said } else { said.send("0\r\nX-Sum: abc\r\n\r\n") }
    })
    .await;
    let rig = secure_rig(&origin).await;
    let session = rig.session("tv").await;
    let mut wire = Wire::connect(session).await;
    wire.send(&Ask::get("/a").with("TE", "trailers").with("Connection", "TE, close")).await;
    let (head, status) = wire.head().await;
    assert_eq!((status, head.value("trailer")), (200, Some("X-Sum")));
    let (rest, ending) = wire.end().await;
    let rest = String::from_utf8(rest).expect("text").to_ascii_lowercase();
    assert_eq!((rest.as_str(), ending), ("4\r\nbody\r\n0\r\nx-sum: abc\r\n\r\n", Ending::Fin));
    let answer = Http2::connect(session).await.ask(&Ask::get("/a")).await;
    let trailers = answer.trailers.expect("trailers");
    assert_eq!((answer.body.as_slice(), trailers["x-sum"].as_bytes()), (&b"body"[..], &b"abc"[..]));
}

#[tokio::test]
async fn a_client_that_waits_for_100_is_told_to_go_on() {
    let origin = Origin::serve(mixed_site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    wire.send_raw(head.as_bytes()).await;
    assert_eq!(wire.head().await.1, 100);
    wire.send_raw(b"body").await;
    assert_eq!(wire.answer("POST").await.text(), "body");
    let asked = origin.take_asked();
    assert_eq!((asked[0].value("expect"), asked[0].body.as_slice()), (Some("100-continue"), &b"body"[..]));
}

#[tokio::test]
async fn several_ranges_and_an_unchanged_playlist_pass() {
    const PARTS: &str = "--x\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--x\r\nContent-Range: bytes 4-5/9\r\n\r\nef\r\n--x--\r\n";
    let origin = Origin::serve(|asked: &Asked| match asked.path() {
        "/live.m3u8" if asked.value("if-none-match").is_some() => {
            Saying::new(304, "Not Modified").with("ETag", "\"v1\"").bare()
        }
        "/live.m3u8" => Saying::new(200, "OK").with("ETag", "\"v1\"").body(asked, "#EXTM3U\n"),
        _ => Saying::new(206, "Partial Content")
            .with("Content-Type", "multipart/byteranges; boundary=x")
            .body(asked, PARTS),
    })
    .await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    let answer = wire.ask(&Ask::get("/a.mp4").with("Range", "bytes=0-1,4-5")).await;
    assert_eq!((answer.status, answer.text()), (206, PARTS));
    assert_eq!(answer.value("content-type"), Some("multipart/byteranges; boundary=x"));
    let answer = wire.ask(&Ask::get("/live.m3u8")).await;
    assert_eq!((answer.text(), answer.value("etag")), ("#EXTM3U\n", Some("\"v1\"")));
    let answer = wire.ask(&Ask::get("/live.m3u8").with("If-None-Match", "\"v1\"")).await;
    assert_eq!((answer.status, answer.value("etag"), answer.whole), (304, Some("\"v1\""), true));
    let asked = origin.take_asked();
    let passed = asked.iter().map(|asked| asked.value("range").or(asked.value("if-none-match")));
    assert_eq!(passed.collect::<Vec<_>>(), [Some("bytes=0-1,4-5"), None, Some("\"v1\"")]);
}

/// The most memory this process ever had, MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1_024
}

#[tokio::test]
async fn a_body_larger_than_memory_may_be_passes_whole() {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 256;
    let piece = pattern(6, PIECE);
    let said = piece.clone();
    let origin = Origin::serve(move |_: &Asked| {
        let length = (PIECE * PIECES).to_string();
        Saying::new(200, "OK").with("Content-Length", &length).bare().repeat(said.clone(), PIECES)
    })
    .await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    wire.send(&Ask::get("/large.mp4")).await;
    wire.head().await;
    let before = peak_mib();
    for number in 0..PIECES {
        assert!(wire.bytes(PIECE).await == piece, "piece {number}");
    }
    let grown = peak_mib() - before;
    assert!(grown < 48, "{grown} MiB more for a body of {PIECES} MiB");
    let row = rig.feed().await.exchange("/large.mp4").await;
    assert_eq!((row.answer.body_bytes, row.answer.complete), ((PIECE * PIECES) as u64, true));
}

#[tokio::test]
async fn an_origin_that_resets_in_the_middle_is_seen_as_such_on_every_transport() {
    const SENT: usize = 3_000;
    for transport in ["h1", "tls", "h2"] {
        let gate = Gate::shut();
        let held = gate.clone();
        let origin = Origin::serve(move |_: &Asked| {
            let head = Saying::new(200, "OK").with("Content-Length", "100000");
            head.bare().send(pattern(3, SENT)).wait(&held).reset()
        })
        .await;
        let rig = secure_rig(&origin).await;
        let session = rig.session("tv").await;
        if transport == "h2" {
            let mut http2 = Http2::connect(session).await;
            let answering = http2.send(&Ask::get("/a.mp4")).await;
            let (_, mut stream) = answering.head().await;
            let mut body = Vec::new();
            while body.len() < SENT {
                body.extend(stream.data().await.expect("more").expect("bytes"));
            }
            gate.open();
            let end = stream.data().await.expect("an end").expect_err("a reset");
            assert!(end.is_reset() && body == pattern(3, SENT), "{end:?}");
        } else {
            let secure = transport == "tls";
            let mut wire = if secure { Wire::secure(session).await } else { Wire::connect(session).await };
            wire.send(&Ask::get("/a.mp4")).await;
            wire.head().await;
            assert!(wire.bytes(SENT).await == pattern(3, SENT));
            gate.open();
            assert_eq!(wire.end().await, (Vec::new(), Ending::Reset), "{transport}");
        }
        let row = rig.feed().await.exchange("/a.mp4").await;
        assert_eq!((row.cause, row.answer.body_bytes), (Some(Cause::Origin), SENT as u64), "{transport}");
        assert_eq!(row.fault.map(|fault| fault.name).as_deref(), Some("origin_truncated"));
    }
}
