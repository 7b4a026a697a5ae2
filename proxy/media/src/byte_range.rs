//! A range of bytes, as playlists declare it and as requests ask for it.
//!
//! Invariant: the end, where there is one, fits 64 bits. Deliberately absent: several ranges in one request, and ranges
//! from the end of a file; no playlist declares them, so they name no part of it.

use rebuffer_model::RequestKind;

/// Bytes from `start` on, to the end of the file when `length` is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// How many.
    pub length: Option<u64>,
}

impl ByteRange {
    /// The single range of a `Range` header.
    pub fn from_header(value: &str) -> Option<Self> {
        Self::from_span(value.trim_ascii().strip_prefix("bytes=")?)
    }

    /// `first-last` of an MPD, both included; without a last byte it goes to the end.
    pub(crate) fn from_span(text: &str) -> Option<Self> {
        let (start, last) = text.trim_ascii().split_once('-')?;
        let start = start.parse::<u64>().ok()?;
        if last.is_empty() {
            return Some(Self { start, length: None });
        }
        let length = last.parse::<u64>().ok()?.checked_sub(start)?.checked_add(1)?;
        start.checked_add(length)?;
        Some(Self { start, length: Some(length) })
    }

    /// `length[@start]` of a playlist; without a start it begins at `next`.
    pub(crate) fn from_playlist(text: &str, next: u64) -> Option<Self> {
        let (length, start) = match text.split_once('@') {
            Some((length, start)) => (length, start.trim_ascii().parse().ok()?),
            None => (text, next),
        };
        let length = length.trim_ascii().parse::<u64>().ok()?;
        start.checked_add(length)?;
        Some(Self { start, length: Some(length) })
    }

    /// The byte after the last one; `u64::MAX` for a range to the end.
    pub(crate) fn end(self) -> u64 {
        self.length.map_or(u64::MAX, |length| self.start.saturating_add(length))
    }

    /// Whether what is asked is this range, which holds `kind`: all of it lies there, or it begins there and goes to the end of the
    /// file. A request for everything from an initialization section on is above all one for the media behind it.
    pub(crate) fn answers(self, asked: Self, kind: RequestKind) -> bool {
        let begins = (self.start..self.end()).contains(&asked.start);
        let goes_on = asked.length.is_none() && kind != RequestKind::Init;
        begins && (goes_on || asked.end() <= self.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_one_range_are_read() {
        assert_eq!(ByteRange::from_header("bytes=0-99"), Some(ByteRange { start: 0, length: Some(100) }));
        assert_eq!(ByteRange::from_header("bytes=100-"), Some(ByteRange { start: 100, length: None }));
        for bad in ["bytes=-5", "bytes=5-4", "bytes=0-1,3-4", "items=0-1", "bytes=1-18446744073709551615"] {
            assert_eq!(ByteRange::from_header(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_range_without_a_start_goes_on_where_the_last_one_ended() {
        assert_eq!(ByteRange::from_playlist("10@5", 99), Some(ByteRange { start: 5, length: Some(10) }));
        assert_eq!(ByteRange::from_playlist("10", 99), Some(ByteRange { start: 99, length: Some(10) }));
        assert_eq!(ByteRange::from_playlist("1@18446744073709551615", 0), None);
    }
}
