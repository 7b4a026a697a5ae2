//! Which headers belong to one connection and not to the message.
//!
//! Invariant: what is removed here is what RFC 9110 §7.6.1 says belongs to the hop, with a length beside chunks (RFC 9112 §6.3),
//! and nothing else. A change of protocol is asked for again by the rig, unless the new one carries requests that nobody would see.

use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};

static HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The protocol that a request asks to go on in, or that an answer goes on in (RFC 9110 §7.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NextProtocol(HeaderValue);

impl NextProtocol {
    /// What a head says; `None` where it says nothing, or names a protocol that would take requests past the rig.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let protocols = headers.get(UPGRADE)?;
        let is_asked = named_by_connection(headers).any(|name| name == UPGRADE);
        let text = protocols.to_str().ok()?.to_ascii_lowercase();
        let carries_requests = |name: &str| ["h2c", "http", "tls"].contains(&name);
        let mut names = text.split(',').filter_map(|protocol| protocol.trim().split('/').next());
        (is_asked && !names.any(carries_requests)).then(|| Self(protocols.clone()))
    }

    /// Says it to the next hop.
    pub(crate) fn say(self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, self.0);
    }
}

/// Makes of several equal lengths one (RFC 9110 §8.6). Others than equal ones were refused before.
pub(crate) fn unite_lengths(headers: &mut HeaderMap) {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let first = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if values.next().is_none() && !first.contains(',') {
        return;
    }
    let first = first.split(',').next().unwrap_or_default().trim();
    if let Ok(length) = HeaderValue::from_str(first) {
        headers.insert(CONTENT_LENGTH, length);
    }
}

/// Removes the headers of the hop, and those that `Connection` names.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    let named = named_by_connection(headers).collect::<Vec<_>>();
    for name in named {
        headers.remove(name);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_change_of_protocol_is_asked_for_unless_it_carries_requests() {
        for (connection, protocols, is_passed) in [
            ("keep-alive, Upgrade", "websocket", true),
            ("upgrade", "foo/1, bar", true),
            ("close", "websocket", false),
            ("Upgrade, HTTP2-Settings", "h2c", false),
            ("upgrade", "websocket, HTTP/2.0", false),
            ("upgrade", "TLS/1.0", false),
        ] {
            let mut asked = headers(&[("connection", connection), ("upgrade", protocols)]);
            let next = NextProtocol::of(&asked);
            assert_eq!(next.is_some(), is_passed, "{connection} {protocols}");
            strip_hop_by_hop(&mut asked);
            assert!(asked.is_empty());
            if let Some(next) = next {
                next.say(&mut asked);
                assert_eq!(
                    (&asked["connection"], &asked["upgrade"]),
                    (&"Upgrade".parse().unwrap(), &protocols.parse().unwrap())
                );
            }
        }
    }

    #[test]
    fn equal_lengths_are_one_and_chunks_have_none() {
        for fields in [&[("content-length", "5, 5")][..], &[("content-length", "5"), ("content-length", "5")]]
        {
            let mut several = headers(fields);
            unite_lengths(&mut several);
            assert_eq!(several.get_all("content-length").iter().collect::<Vec<_>>(), ["5"]);
        }
        let mut chunked = headers(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
        strip_hop_by_hop(&mut chunked);
        assert!(chunked.is_empty());
    }

    #[test]
    fn the_hop_goes_and_the_message_stays() {
        let mut left = headers(&[
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("range", "bytes=0-"),
            ("via", "x"),
        ]);
        strip_hop_by_hop(&mut left);
        let mut left: Vec<&str> = left.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["range", "via"]);
    }
}
