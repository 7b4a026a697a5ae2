//! Delivery directives: what a request for a media playlist asks of the server (`_HLS_msn`, `_HLS_part`, `_HLS_skip`).
//!
//! Invariant: a directive that is no number is none. Deliberately absent: obeying them; the origin does.

/// What the query of a playlist request asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Directives {
    /// Hold the answer until this segment is there.
    pub msn: Option<u64>,
    /// Hold it only until this part of the segment is there.
    pub part: Option<u64>,
    /// Leave out what the player has already.
    pub skip: Option<Skip>,
}

/// What may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Segments.
    Segments,
    /// Segments and date ranges.
    SegmentsAndDateRanges,
}

impl Directives {
    /// Of a path and query.
    pub fn of(target: &str) -> Self {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let value = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        Self {
            msn: value("_HLS_msn").and_then(|text| text.parse().ok()),
            part: value("_HLS_part").and_then(|text| text.parse().ok()),
            skip: match value("_HLS_skip") {
                Some("YES") => Some(Skip::Segments),
                Some("v2") => Some(Skip::SegmentsAndDateRanges),
                Some(_) | None => None,
            },
        }
    }

    /// Whether the answer may be held back.
    pub fn is_blocking(self) -> bool {
        self.msn.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_from_the_query() {
        let all = Directives::of("/a.m3u8?x=1&_HLS_msn=12&_HLS_part=3&_HLS_skip=v2");
        assert_eq!((all.msn, all.part, all.skip), (Some(12), Some(3), Some(Skip::SegmentsAndDateRanges)));
        assert!(all.is_blocking());
        for none in ["/a.m3u8", "/a.m3u8?_HLS_msn=x", "/_HLS_msn=3", "/a?_HLS_skip=NO&_HLS_part="] {
            assert_eq!(Directives::of(none), Directives::default(), "{none}");
        }
    }
}
