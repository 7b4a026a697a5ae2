//! Credentials are taken out where they are seen first, so that no record, log or page ever holds one.
//!
//! Invariant: a header or query value whose name speaks of a credential is replaced by [`REDACTED`]; names stay.
//! Deliberately absent: guessing from values. A secret under an innocent name cannot be known.

use http::{HeaderMap, Uri};
use rebuffer_model::HeaderField;

/// What stands in place of a credential.
pub(crate) const REDACTED: &str = "[redacted]";

const HEADERS: &[&str] = &[
    "authorization",
    "cookie",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "www-authenticate",
    "x-api-key",
    "x-amz-security-token",
    "x-auth-token",
];

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
pub(crate) fn headers(map: &HeaderMap) -> Vec<HeaderField> {
    map.iter()
        .map(|(name, value)| HeaderField {
            name: name.as_str().to_owned(),
            value: if HEADERS.contains(&name.as_str()) {
                REDACTED.to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            },
        })
        .collect()
}

/// Path and query as a record may hold them.
pub(crate) fn path_and_query(uri: &Uri) -> String {
    let Some(query) = uri.query() else { return uri.path().to_owned() };
    let mut text = String::with_capacity(uri.path().len() + query.len() + 1);
    text.push_str(uri.path());
    let mut separator = '?';
    for pair in query.split('&') {
        text.push(separator);
        separator = '&';
        match pair.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                text.push_str(name);
                text.push('=');
                text.push_str(REDACTED);
            }
            Some(_) | None => text.push_str(pair),
        }
    }
    text
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
    fn credentials_in_headers_go() {
        let mut map = HeaderMap::new();
        map.insert("cookie", "sid=1".parse().unwrap());
        map.insert("range", "bytes=0-1".parse().unwrap());
        let seen = headers(&map);
        assert_eq!((seen[0].value.as_str(), seen[1].value.as_str()), (REDACTED, "bytes=0-1"));
    }
}
