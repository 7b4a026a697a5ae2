//! Results that are longer than a piece, results that fail half-way, readers that go away.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{PATIENCE, Rig};

const MANY: u64 = 500_000;

#[tokio::test]
async fn pieces_make_one_document_in_every_streamed_format() {
    let Some(rig) = Rig::start().await else { return };
    let rows = format!("SELECT number AS n, toString(number) AS s FROM numbers({MANY})");
    for format in ["TSV", "CSV", "JSONEachRow", "RowBinary", "Native", "RowBinaryWithNamesAndTypes"] {
        let streamed = rig.post(&format!("{rows} FORMAT {format}")).send().await;
        let held = rig.post(&format!("{rows} FORMAT {format}")).param("wait_end_of_query", "1").send().await;
        assert_ne!(streamed.header("x-clickhouse-exception-tag"), "", "{format} is streamed");
        assert_eq!(held.header("x-clickhouse-exception-tag"), "", "{format} is held");
        assert_eq!(streamed.header("x-clickhouse-format"), format);
        if format == "Native" {
            // Blocks are cut elsewhere; what is in them is compared by reading them back.
            rig.run("CREATE OR REPLACE TABLE back (n UInt64, s String) ENGINE = Memory").await;
            rig.post("INSERT INTO back FORMAT Native").body(streamed.body).send().await.text();
            let sums = rig.run("SELECT count(), sum(n), uniqExact(s) FROM back").await;
            assert_eq!(sums, format!("{MANY}\t{}\t{MANY}\n", MANY * (MANY - 1) / 2));
        } else {
            assert!(
                streamed.body == held.body,
                "{format}: {} and {} bytes",
                streamed.body.len(),
                held.body.len()
            );
        }
    }
    for (format, empty) in [("TSV", &b""[..]), ("RowBinaryWithNamesAndTypes", b"\x01\x01n\x06UInt64")] {
        let none = rig.post(&format!("SELECT number AS n FROM numbers(0) FORMAT {format}")).send().await;
        assert_eq!((none.status.as_u16(), &none.body[..]), (200, empty));
    }
}

#[tokio::test]
async fn a_failure_half_way_is_told_in_the_body_and_breaks_it_off() {
    let Some(rig) = Rig::start().await else { return };
    let query = "SELECT throwIf(number = 2000000) + number FROM numbers(3000000) FORMAT TSV";
    let answer = rig.post(query).param("max_threads", "1").send().await;
    assert_eq!(answer.status.as_u16(), 200, "the status went out before the failure");
    assert!(answer.broken, "a part must not pass for the whole");
    let tag = answer.header("x-clickhouse-exception-tag").to_owned();
    let end = String::from_utf8_lossy(&answer.body[answer.body.len() - 600..]).into_owned();
    let (_, told) = end.split_once(&format!("\r\n__exception__\r\n{tag}\r\n")).expect("the mark");
    assert!(told.starts_with("Code: 395. DB::Exception:"), "{told}");
    assert!(told.ends_with(&format!(" {tag}\r\n__exception__\r\n")), "{told}");
    let held = rig.post(query).param("max_threads", "1").param("wait_end_of_query", "1").send().await;
    assert_eq!(held.failure(), (500, 395));
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_query_with_it() {
    let Some(rig) = Rig::start().await else { return };
    // One that has sent nothing yet, one that streams.
    for query in [
        "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1",
        "SELECT number FROM numbers(1000000000000)",
    ] {
        let marked = format!("{query} AND 'marked' != ''")
            .replace("numbers(1000000000000) AND", "numbers(1000000000000) WHERE");
        let mut socket = TcpStream::connect(rig.address()).await.unwrap();
        let user = rig.archive.credentials();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: archive\r\nx-clickhouse-user: {}\r\nx-clickhouse-key: {}\r\ncontent-length: {}\r\n\r\n{marked}",
            user.user,
            user.password,
            marked.len(),
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let running = "SELECT count() FROM system.processes WHERE position(query, 'marked') > 0 AND position(query, 'processes') = 0";
        until(&rig, running, "1\n").await;
        drop(socket);
        until(&rig, running, "0\n").await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_before_its_query_begins_leaves_nothing_running() {
    let Some(rig) = Rig::start().await else { return };
    let (user, other) = (rig.archive.credentials(), rig.archive.analyst());
    // Takes the archive a while to unpack and read; the query begins long after its client has gone.
    let statement = format!(
        "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1{}",
        " ".repeat(20 << 20)
    );
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, statement.as_bytes()).unwrap();
    let body = packer.finish().unwrap();
    // One for each place an operator can have.
    for _ in 0..8 {
        let head = format!(
            "POST /?max_query_size=100000000 HTTP/1.1\r\nhost: archive\r\nx-clickhouse-user: {}\r\nx-clickhouse-key: {}\r\n\
             content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            user.user,
            user.password,
            body.len(),
        );
        let mut socket = TcpStream::connect(rig.address()).await.unwrap();
        socket.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        // Accepted in order: by the time this is answered, the request above is being unpacked.
        rig.post("SELECT 1").user(other).send().await.text();
    }
    assert_eq!(rig.post("SELECT 1").user(user).send().await.text(), "1\n");
}

#[tokio::test]
async fn a_long_query_does_not_hold_up_a_short_one() {
    let Some(rig) = Rig::start().await else { return };
    let mut socket = TcpStream::connect(rig.address()).await.unwrap();
    let user = rig.archive.analyst();
    let query = "SELECT%20number%20FROM%20numbers(1000000000000)";
    let head = format!(
        "GET /?user={}&password={}&query={query} HTTP/1.1\r\nhost: archive\r\n\r\n",
        user.user, user.password
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 16];
    socket.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK\r");
    let short = tokio::time::timeout(Duration::from_secs(5), rig.run("SELECT 1")).await;
    assert_eq!(short.unwrap(), "1\n");
}

/// Asks again and again until the answer is the expected one.
async fn until(rig: &Rig, query: &str, expected: &str) {
    let asking = async { while rig.run(query).await != expected {} };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("{query} never became {expected}"));
}
