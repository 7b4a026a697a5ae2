//! An origin with a bit of everything HTTP/1.1 knows, and two hundred requests to it.
//!
//! Invariant: the same request gets the same bytes, today and in a year; the requests are a table of shapes, each filled in
//! for several seeds. Deliberately absent: playlists, which the rig reads and may edit, and HTTP/2.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::origin::{Asked, Said, Saying};
use crate::wire::Ask;

const TAG: &str = "\"v1-7f\"";
const MODIFIED: &str = "Mon, 02 Mar 2026 10:00:00 GMT";
const DATE: &str = "Tue, 03 Mar 2026 11:22:33 GMT";
const SEEDS: u64 = 5;

/// Bytes that are all there only if each is, and where it was.
pub fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // A byte that is not zero, so that zeros are always somebody's doing.
        state.to_le_bytes()[3] | 1
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// What the mixed origin says.
pub fn mixed_site(asked: &Asked) -> Said {
    let ok = || Saying::new(200, "OK").with("Date", DATE).with("Content-Type", "application/octet-stream");
    let size = asked.query("size").and_then(|size| size.parse().ok()).unwrap_or(1_000);
    let body = pattern(7, size);
    match asked.path() {
        "/file.bin" => file(asked, &body),
        "/echo" => ok().with("X-Asked", &asked.target).body(asked, asked.body.clone()),
        "/new" => Saying::new(201, "Created").with("Location", "/new/1").body(asked, asked.body.clone()),
        "/put" => Saying::new(204, "No Content").with("ETag", TAG).bare(),
        "/chunked" => ok().chunked(asked, &[&body[..size / 3], &body[size / 3..]]),
        "/chunked-empty" => ok().chunked(asked, &[]),
        "/gzip" => {
            ok().with("Content-Encoding", "gzip").with("Vary", "Accept-Encoding").body(asked, gzip(&body))
        }
        "/empty" => ok().body(asked, Vec::new()),
        "/odd-case" => ok()
            .with("x-LOWER-upper", "a")
            .with("ETAG", TAG)
            .with("cache-control", "no-cache")
            .with("X-Latin", "caf\u{e9}")
            .with("X-Nothing", "")
            .body(asked, body),
        "/twice" => ok()
            .with("X-Two", "b")
            .with("Warning", "1")
            .with("X-Two", "a")
            .with("x-two", "b")
            .body(asked, body),
        "/cookies" => ok()
            .with("Set-Cookie", "a=1; Path=/; HttpOnly")
            .with("Set-Cookie", "b=2; SameSite=Lax")
            .with("set-cookie", "a=3")
            .body(asked, body),
        "/relative" => Saying::new(302, "Found").with("Location", "file.bin?size=10").body(asked, Vec::new()),
        "/elsewhere" => Saying::new(307, "Temporary Redirect")
            .with("Location", "http://192.0.2.1/x")
            .body(asked, Vec::new()),
        "/missing" => Saying::new(404, "Gone Fishing").with("Content-Type", "text/html").body(asked, body),
        "/broken" => Saying::new(500, "Internal Server Error").body(asked, body),
        "/odd-status" => Saying::new(299, "Sort Of").body(asked, "fine"),
        "/no-reason" => Saying::new(200, "").body(asked, "quiet"),
        "/teapot" => {
            Saying::new(418, "I'm a teapot").with("X-Pot", "1").chunked(asked, &[b"short", b"stout"])
        }
        "/validated" => {
            Saying::new(304, "Not Modified").with("Content-Length", "1000").with("ETag", TAG).bare()
        }
        "/private" => {
            Saying::new(401, "Unauthorized").with("WWW-Authenticate", "Basic realm=\"x\"").body(asked, "who?")
        }
        "/old" => {
            let said = Saying::new(200, "OK").http10().with("Content-Type", "text/plain").bare();
            if asked.method == "HEAD" { said.close() } else { said.send(body).close() }
        }
        "/hints" => {
            let hints = Saying::new(103, "Early Hints").with("Link", "</a.css>").bare();
            let said = ok().body(asked, body);
            hints.then(said)
        }
        _ => Saying::new(404, "Not Found").body(asked, "nothing here"),
    }
}

/// A file that honours conditions and a range, like a careful server.
fn file(asked: &Asked, body: &[u8]) -> Said {
    let saying = |status, reason| {
        Saying::new(status, reason)
            .with("Date", DATE)
            .with("ETag", TAG)
            .with("Last-Modified", MODIFIED)
            .with("Accept-Ranges", "bytes")
    };
    if asked.value("if-match").is_some_and(|tag| tag != TAG && tag != "*") {
        return saying(412, "Precondition Failed").body(asked, "changed");
    }
    let same = asked.value("if-none-match").map(|tags| tags.contains(TAG));
    if same.unwrap_or(asked.value("if-modified-since") == Some(MODIFIED)) {
        return saying(304, "Not Modified").bare();
    }
    let fresh = asked.value("if-range").is_none_or(|tag| tag == TAG);
    match asked.value("range").filter(|_| fresh).and_then(|range| range.strip_prefix("bytes=")) {
        None => saying(200, "OK").body(asked, body),
        Some(range) => match bounds(range, body.len()) {
            Some((first, last)) => saying(206, "Partial Content")
                .with("Content-Range", &format!("bytes {first}-{last}/{}", body.len()))
                .body(asked, &body[first..=last]),
            None => saying(416, "Range Not Satisfiable")
                .with("Content-Range", &format!("bytes */{}", body.len()))
                .body(asked, "no such bytes"),
        },
    }
}

fn bounds(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.split_once('-')?;
    if first.is_empty() {
        return Some((length.checked_sub(last.parse().ok()?)?, length - 1));
    }
    let first = first.parse().ok()?;
    let last = last.parse().unwrap_or(length - 1).min(length - 1);
    (first <= last).then_some((first, last))
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// Two hundred requests to the mixed origin.
pub fn mixed_table() -> Vec<Ask> {
    (1..=SEEDS).flat_map(row).collect()
}

fn row(seed: u64) -> Vec<Ask> {
    let odd = seed.wrapping_mul(7_919) % 9_973;
    let size = 1_000 + odd * 31;
    let file = format!("/file.bin?size={size}&n={odd}");
    let get = |path: &str| Ask::get(&format!("{path}?size={size}"));
    let on_file = |name: &str, value: &str| Ask::get(&file).with(name, value);
    let payload = pattern(seed, usize::try_from(odd).expect("small"));
    let mut asks = vec![
        Ask::get(&file),
        Ask::new("HEAD", &file),
        on_file("Range", &format!("bytes={}-{}", odd / 2, size / 2 + odd)),
        on_file("Range", &format!("bytes={odd}-")),
        on_file("range", &format!("bytes=-{}", odd % 500 + 1)),
        on_file("Range", &format!("bytes={}-", size * 2)),
        on_file("Range", "bytes=0-99").with("If-Range", TAG),
        on_file("Range", "bytes=0-99").with("If-Range", "\"old\""),
        on_file("If-None-Match", TAG),
        on_file("If-None-Match", "\"other\""),
        on_file("If-Match", "\"other\""),
        on_file("If-Match", TAG),
        on_file("If-Modified-Since", MODIFIED),
        Ask::new("HEAD", &file).with("If-None-Match", TAG),
        Ask::get(&format!("/echo?a={odd}&b=%20%2F&c=x+y&&d&e={}", "z".repeat(200))),
        Ask::get(&format!("/echo?q={odd}")).with("X-oDD", "1").with("x-odd", "2").with("Cookie", "a=1; b=2"),
        Ask::get("/echo").with("Authorization", "Bearer abc").with("User-Agent", "odd/1.0 (x)"),
        Ask::new("POST", "/echo").body(&payload),
        Ask::new("POST", "/new").chunked(&payload).with("Content-Type", "text/plain"),
        Ask::new("PUT", "/put").body(&payload),
        Ask::new("POST", "/echo").body(b""),
        Ask::new("DELETE", "/echo"),
        Ask::new("OPTIONS", "/echo").with("Origin", "http://192.0.2.2"),
        get("/chunked-empty"),
        get("/hints"),
        get("/validated"),
    ];
    let paths = [
        "/chunked",
        "/gzip",
        "/empty",
        "/odd-case",
        "/twice",
        "/cookies",
        "/relative",
        "/elsewhere",
        "/missing",
        "/broken",
        "/odd-status",
        "/no-reason",
        "/teapot",
        "/private",
    ];
    asks.extend(paths.map(get));
    let turn = usize::try_from(seed).expect("small");
    // For each seed another one is asked for its head alone, and an old server once.
    let head = asks.len() - turn;
    asks[head].method = "HEAD".to_owned();
    asks[turn + 26] = get("/old");
    asks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_two_hundred_requests_and_most_are_different() {
        let table = mixed_table();
        assert_eq!(table.len(), 200);
        let mut seen: Vec<String> = table.iter().map(|ask| format!("{ask:?}")).collect();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 180, "{}", seen.len());
    }

    #[test]
    fn the_pattern_is_steady_and_holds_no_zero() {
        assert_eq!(pattern(3, 100), pattern(3, 100));
        assert_ne!(pattern(3, 100), pattern(4, 100));
        assert!(pattern(3, 10_000).iter().all(|byte| *byte != 0));
    }
}
