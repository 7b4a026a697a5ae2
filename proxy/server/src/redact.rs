//! Credentials are taken out where they are seen first, so that no record, log or page ever holds one.
//!
//! Invariant: a header or query value whose name speaks of a credential is replaced by [`REDACTED`]; names stay. The queries of
//! URLs in headers are read like the request's own.
//! Deliberately absent: guessing from values. A secret under an innocent name cannot be known.

use std::sync::LazyLock;

use http::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;
use rebuffer_model::Headers;
use regex::Regex;

/// What stands in place of a credential.
pub(crate) const REDACTED: &str = "[redacted]";

const HEADERS: &[&str] = &[
    "authorization",
    "cookie",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "www-authenticate",
];

/// A header with one of these in its name is a credential, whoever invented it.
static HEADER_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    let words = "api-key|apikey|access-key|auth|credential|jwt|password|secret|signature|token|-key";
    Regex::new(words).expect("words are a pattern")
});

/// ... but for these.
const INNOCENT: &[&str] = &["sec-websocket-key", "access-control-allow-credentials"];

/// Headers whose values are URLs.
const URL_HEADERS: &[&str] = &["content-location", "location", "referer"];

const QUERY_WORDS: &[&str] = &[
    "auth",
    "credential",
    "hdnea",
    "hdnts",
    "hmac",
    "jwt",
    "key",
    "password",
    "passwd",
    "policy",
    "secret",
    "sig",
    "token",
];

/// The headers as a record may hold them.
pub(crate) fn headers(map: &HeaderMap) -> Headers {
    // Each field, with its two ends of line.
    let room = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum();
    let mut seen = Headers::with_room_for(room);
    for (name, value) in map {
        let name = name.as_str();
        let text = String::from_utf8_lossy(value.as_bytes());
        if is_credential(name) || (name.starts_with("cmcd-") && holds_secret(&text)) {
            seen.push(name, REDACTED);
        } else if URL_HEADERS.contains(&name) {
            seen.push(name, &url(&text));
        } else {
            seen.push(name, &text);
        }
    }
    seen
}

fn is_credential(name: &str) -> bool {
    let named = HEADERS.contains(&name) || HEADER_WORDS.is_match(name);
    named && !INNOCENT.contains(&name)
}

/// Path and query as a record may hold them.
pub(crate) fn path_and_query(uri: &Uri) -> String {
    url(uri.path_and_query().map_or(uri.path(), http::uri::PathAndQuery::as_str))
}

/// A URL, whole or in part, as a record may hold it.
fn url(text: &str) -> String {
    let Some((before, query)) = text.split_once('?') else { return text.to_owned() };
    let mut seen = String::with_capacity(text.len());
    seen.push_str(before);
    let mut separator = '?';
    for pair in query.split('&') {
        seen.push(separator);
        separator = '&';
        match pair.split_once('=') {
            Some((name, value)) if is_secret(name) || (name == "CMCD" && holds_secret(value)) => {
                seen.push_str(name);
                seen.push('=');
                seen.push_str(REDACTED);
            }
            Some(_) | None => seen.push_str(pair),
        }
    }
    seen
}

/// A URL that a player says of itself, which may be encoded once more than it should be.
pub(crate) fn said_url(text: &str) -> String {
    let seen = url(text);
    if seen == text && holds_secret(text) { REDACTED.to_owned() } else { seen }
}

/// Whether data of a player names a URL with a credential in its query. The URL is encoded once, the data may be once more.
fn holds_secret(data: &str) -> bool {
    let once = percent_decode_str(data).decode_utf8_lossy();
    let twice = percent_decode_str(&once).decode_utf8_lossy();
    let pairs = twice.split(['?', '&']).skip(1).filter_map(|pair| pair.split_once('='));
    pairs.into_iter().any(|(name, _)| is_secret(name))
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name != "keyframe" && QUERY_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_the_query_go_and_everything_else_stays() {
        let uri: Uri = "/a/b.m3u8?player_id=p&Signature=abc&x-token=1&&_HLS_msn=4".parse().unwrap();
        assert_eq!(
            path_and_query(&uri),
            "/a/b.m3u8?player_id=p&Signature=[redacted]&x-token=[redacted]&&_HLS_msn=4"
        );
    }

    #[test]
    fn data_of_a_player_that_names_a_secret_url_goes() {
        let seen = |query: &str| path_and_query(&format!("/a?{query}").parse().unwrap());
        let innocent = "CMCD=bl%3D900%2Cnor%3D%22b.mp4%253Fx%253D1%22";
        assert_eq!(seen(innocent), format!("/a?{innocent}"));
        for secret in
            ["CMCD=nor%3D%22b.mp4%3Ftoken%3Dabc%22", "CMCD=nor%3D%22b.mp4%253Fa%253D1%2526sig%253Dabc%22"]
        {
            assert_eq!(seen(secret), "/a?CMCD=[redacted]");
        }
        let mut map = HeaderMap::new();
        map.insert("cmcd-request", "nor=\"b.mp4%3Ftoken%3Dabc\"".parse().unwrap());
        assert_eq!(headers(&map).get("cmcd-request"), Some(REDACTED));
    }

    #[test]
    fn credentials_in_headers_go() {
        let mut map = HeaderMap::new();
        for (name, value, expected) in [
            ("cookie", "sid=1", REDACTED),
            ("x-my-token", "1", REDACTED),
            ("range", "bytes=0-1", "bytes=0-1"),
            ("referer", "http://a/b?sig=1&c=2", "http://a/b?sig=[redacted]&c=2"),
        ] {
            map.insert(name, value.parse().unwrap());
            let seen = headers(&map);
            assert_eq!(seen.get(name), Some(expected), "{name}");
        }
    }
}
