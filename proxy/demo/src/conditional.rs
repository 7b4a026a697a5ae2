//! Conditional and range requests (RFC 9110, 13 and 14) against a document whose tag and length are known.
//!
//! Invariant: a header that cannot be understood is ignored, as the RFC asks, and never an error.
//! Deliberately absent: dates, as no document has one, and several ranges in one answer, which a server may decline.

use std::ops::Range;

use http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderName, Method};

/// What to send of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    Whole,
    Part(Range<usize>),
    NotModified,
    NotSatisfiable,
}

pub(crate) fn select(method: &Method, headers: &HeaderMap, etag: &str, length: usize) -> Selection {
    if is_known(headers, etag) {
        return Selection::NotModified;
    }
    if method != Method::GET || text(headers, IF_RANGE).is_some_and(|tag| tag != etag) {
        return Selection::Whole;
    }
    match text(headers, RANGE).and_then(|range| parse(range, length)) {
        None => Selection::Whole,
        Some(range) if range.is_empty() => Selection::NotSatisfiable,
        Some(range) => Selection::Part(range),
    }
}

/// Whether the client has what bears this tag.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    text(headers, IF_NONE_MATCH).is_some_and(|tags| matches(tags, etag))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Weak comparison with each tag of a list.
fn matches(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The bytes that a single byte range asks for: empty if none of them exist, none if it is not such a range.
fn parse(range: &str, length: usize) -> Option<Range<usize>> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") || ![first, last].into_iter().all(is_digits) {
        return None;
    }
    // A number too large for the type lies beyond the end, too.
    let first_byte = first.parse().unwrap_or(usize::MAX);
    let last_byte: usize = last.parse().unwrap_or(usize::MAX);
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(length.saturating_sub(last_byte)..length),
        (false, true) => Some(first_byte.min(length)..length),
        (false, false) if last_byte < first_byte => None,
        (false, false) => Some(first_byte.min(length)..last_byte.saturating_add(1).min(length)),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::Selection::{NotModified, NotSatisfiable, Part, Whole};
    use super::*;

    fn selected(method: &Method, pairs: &[(HeaderName, &'static str)]) -> Selection {
        let headers =
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        select(method, &headers, "\"tag\"", 100)
    }

    #[test]
    fn each_form_of_range_selects_its_bytes() {
        for (range, expected) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=10-19", Part(10..20)),
            ("Bytes=90-", Part(90..100)),
            ("bytes=90-4000", Part(90..100)),
            ("bytes=90-99999999999999999999999", Part(90..100)),
            ("bytes=-5", Part(95..100)),
            ("bytes=-500", Part(0..100)),
            ("bytes=100-", NotSatisfiable),
            ("bytes=100-200", NotSatisfiable),
            ("bytes=99999999999999999999999-", NotSatisfiable),
            ("bytes=-0", NotSatisfiable),
            ("bytes=-", Whole),
            ("bytes=9-1", Whole),
            ("bytes=0-1,5-6", Whole),
            ("bytes=+1-2", Whole),
            ("items=0-1", Whole),
            ("nonsense", Whole),
        ] {
            assert_eq!(selected(&Method::GET, &[(RANGE, range)]), expected, "{range}");
        }
    }

    #[test]
    fn a_range_counts_for_get_alone() {
        assert_eq!(selected(&Method::HEAD, &[(RANGE, "bytes=0-0")]), Whole);
    }

    #[test]
    fn a_range_counts_only_while_its_tag_holds() {
        assert_eq!(selected(&Method::GET, &[(RANGE, "bytes=1-2"), (IF_RANGE, "\"tag\"")]), Part(1..3));
        assert_eq!(selected(&Method::GET, &[(RANGE, "bytes=1-2"), (IF_RANGE, "\"old\"")]), Whole);
        assert_eq!(selected(&Method::GET, &[(RANGE, "bytes=1-2"), (IF_RANGE, "W/\"tag\"")]), Whole);
    }

    #[test]
    fn a_known_tag_is_not_sent_again() {
        for tags in ["\"tag\"", "W/\"tag\"", "\"old\", \"tag\"", "*"] {
            assert_eq!(selected(&Method::GET, &[(IF_NONE_MATCH, tags)]), NotModified, "{tags}");
        }
        assert_eq!(selected(&Method::GET, &[(IF_NONE_MATCH, "\"old\"")]), Whole);
        assert_eq!(selected(&Method::GET, &[(IF_NONE_MATCH, "\"tag\""), (RANGE, "bytes=0-0")]), NotModified);
    }
}
