//! Conditions of requests for playlists whose content is not known: taken off before the origin is asked, and answered here.
//!
//! Invariant: one request goes upstream, without a condition, so that the playlist can be read; the player gets the answer that its
//! condition asks for (RFC 9110 §13.2.2). Deliberately absent: conditions on ranges and on changes.

use http::HeaderMap;
use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, TRANSFER_ENCODING,
};

/// What describes a body, and is not said when there is none.
const OF_THE_BODY: [HeaderName; 6] =
    [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, TRANSFER_ENCODING];

/// The condition of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    none_match: Vec<HeaderValue>,
    modified_since: Option<HeaderValue>,
}

impl Condition {
    /// Takes the condition off a request; `None` when it has none.
    pub(super) fn take(headers: &mut HeaderMap) -> Option<Self> {
        let none_match = headers.get_all(IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
        let modified_since = headers.remove(IF_MODIFIED_SINCE);
        headers.remove(IF_NONE_MATCH);
        let has_one = !none_match.is_empty() || modified_since.is_some();
        has_one.then_some(Self { none_match, modified_since })
    }

    /// Whether a client that has this condition knows an answer with these headers already.
    pub(super) fn is_met_by(&self, answer: &HeaderMap) -> bool {
        if !self.none_match.is_empty() {
            let Some(etag) = answer.get(ETAG) else { return false };
            let known = self.none_match.iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
            let mut known = known.map(<[u8]>::trim_ascii);
            return known.any(|tag| tag == b"*" || opaque(tag) == opaque(etag.as_bytes()));
        }
        let date = |value: &HeaderValue| httpdate::parse_http_date(value.to_str().ok()?).ok();
        let (since, changed) =
            (self.modified_since.as_ref().and_then(date), answer.get(LAST_MODIFIED).and_then(date));
        since.zip(changed).is_some_and(|(since, changed)| changed <= since)
    }
}

/// A weak comparison looks at this part of a tag.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Makes the head of a 200 that of a 304.
pub(super) fn describe_nothing(headers: &mut HeaderMap) {
    for name in OF_THE_BODY {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn is_met(request: &[(HeaderName, &str)], answer: &[(HeaderName, &str)]) -> bool {
        let mut request = headers(request);
        let condition = Condition::take(&mut request).expect("a condition");
        assert!(request.is_empty());
        condition.is_met_by(&headers(answer))
    }

    #[test]
    fn tags_are_compared_weakly_and_before_dates() {
        let etag = |tag| [(ETAG, tag)];
        assert!(is_met(&[(IF_NONE_MATCH, "\"a\"")], &etag("\"a\"")));
        assert!(is_met(&[(IF_NONE_MATCH, "\"x\", W/\"a\"")], &etag("\"a\"")));
        assert!(is_met(&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a\"")], &etag("W/\"a\"")));
        assert!(is_met(&[(IF_NONE_MATCH, "*")], &etag("\"a\"")));
        assert!(!is_met(&[(IF_NONE_MATCH, "\"b\"")], &etag("\"a\"")));
        assert!(!is_met(&[(IF_NONE_MATCH, "\"a\"")], &[]));
        let old = "Sun, 06 Nov 1994 08:49:37 GMT";
        let both = [(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, old)];
        assert!(!is_met(&both, &[(ETAG, "\"a\""), (LAST_MODIFIED, old)]));
    }

    #[test]
    fn dates_say_whether_something_has_changed_since() {
        let (old, new) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:38 GMT");
        assert!(is_met(&[(IF_MODIFIED_SINCE, new)], &[(LAST_MODIFIED, old)]));
        assert!(is_met(&[(IF_MODIFIED_SINCE, old)], &[(LAST_MODIFIED, old)]));
        assert!(!is_met(&[(IF_MODIFIED_SINCE, old)], &[(LAST_MODIFIED, new)]));
        assert!(!is_met(&[(IF_MODIFIED_SINCE, "yesterday")], &[(LAST_MODIFIED, old)]));
        assert!(!is_met(&[(IF_MODIFIED_SINCE, old)], &[]));
        assert_eq!(Condition::take(&mut HeaderMap::new()), None);
    }
}
