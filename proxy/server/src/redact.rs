//! What a request or an answer says, as a record may hold it: [`rebuffer_model::redact`] for HTTP.
//!
//! Invariant: names of headers and parameters stay; a value whose name speaks of a credential does not, nor one that itself names
//! one. What a player is sent on its own port is never touched.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, Uri};
use rebuffer_model::redact::{REDACTED, is_secret, said, text, url};
use rebuffer_model::{Extra, Headers, PlayerMetrics, Presentation, Variant};

/// Headers whose values are URLs.
const URL_HEADERS: &[&str] = &["content-location", "location", "referer"];

/// The headers as a record may hold them.
pub(crate) fn headers(map: &HeaderMap) -> Headers {
    // Each field, with its two ends of line.
    let room = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum();
    let mut seen = Headers::with_room_for(room);
    for (name, value) in map {
        let name = name.as_str();
        let value = String::from_utf8_lossy(value.as_bytes());
        if is_secret(name) {
            seen.push(name, REDACTED);
        } else if URL_HEADERS.contains(&name) {
            seen.push(name, &url(&value));
        } else {
            seen.push(name, &text(&value));
        }
    }
    seen
}

/// Path and query as a record may hold them.
pub(crate) fn path_and_query(uri: &Uri) -> String {
    url(uri.path_and_query().map_or(uri.path(), http::uri::PathAndQuery::as_str)).into_owned()
}

/// A path, or another text that is part of a URL.
pub(crate) fn path(path: &str) -> Cow<'_, str> {
    url(path)
}

/// A rung whose URI may be signed.
pub(crate) fn variant(variant: &Variant) -> Variant {
    Variant { uri: url(&variant.uri).into_owned(), ..variant.clone() }
}

/// A presentation whose path may be signed.
pub(crate) fn presentation(presentation: &Presentation) -> Presentation {
    let Presentation { path, role } = presentation;
    let path = match url(path) {
        Cow::Borrowed(_) => Arc::clone(path),
        Cow::Owned(seen) => seen.into(),
    };
    Presentation { path, role: *role }
}

/// What a player says of itself in a report.
pub(crate) fn metrics(metrics: &mut PlayerMetrics) {
    let PlayerMetrics {
        last_event,
        trigger_type,
        state,
        waiting_reason,
        source,
        playback_engine,
        browser_family,
        error,
        restart_reason,
        ..
    } = metrics;
    let texts = [
        last_event,
        trigger_type,
        state,
        waiting_reason,
        source,
        playback_engine,
        browser_family,
        error,
        restart_reason,
    ];
    for text in texts.into_iter().flatten() {
        *text = said(text).into_owned();
    }
    for (name, value) in &mut metrics.extras {
        extra(name, value);
    }
}

/// A value under a name that the player invented.
pub(crate) fn extra(name: &str, value: &mut Extra) {
    match value {
        Extra::Text(_) | Extra::Number(_) if is_secret(name) => *value = Extra::Text(REDACTED.to_owned()),
        Extra::Text(text) => *text = said(text).into_owned(),
        Extra::Number(_) | Extra::Flag(_) | Extra::Nothing => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_headers_go() {
        let mut map = HeaderMap::new();
        for (name, value, expected) in [
            ("cookie", "sid=1", REDACTED),
            ("x-my-token", "1", REDACTED),
            ("range", "bytes=0-1", "bytes=0-1"),
            ("referer", "http://a/b?sig=1&c=2", "http://a/b?sig=[redacted]&c=2"),
            ("cmcd-request", "nor=\"b.mp4%3Ftoken%3Dabc\"", REDACTED),
            ("link", "<https://a/b?token=1>; rel=preload", REDACTED),
            ("cache-control", "private, max-age=5", "private, max-age=5"),
        ] {
            map.insert(name, value.parse().unwrap());
            let seen = headers(&map);
            assert_eq!(seen.get(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn credentials_in_reports_go() {
        let report = r#"{"error":"403 for https://a/b?sig=1&c=2","source":"web","authToken":"x","pin_key":7,"zoom":2}"#;
        let mut said: PlayerMetrics = serde_json::from_str(report).unwrap();
        metrics(&mut said);
        let extra = |name: &str| &said.extras[name];
        let error = "403 for https://a/b?sig=[redacted]&c=2";
        assert_eq!((said.error.as_deref(), said.source.as_deref()), (Some(error), Some("web")));
        let gone = Extra::Text(REDACTED.to_owned());
        assert_eq!(
            (extra("authToken"), extra("pin_key"), extra("zoom")),
            (&gone, &gone, &Extra::Number(2.0))
        );
    }
}
