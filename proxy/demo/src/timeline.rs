//! Which segments exist at a moment, live and on demand.
//!
//! Invariant: as the clock advances, neither end of the live window ever moves back, and a segment stays available
//! for a playlist and a segment longer than it is listed (RFC 8216, 6.2.2).
//! Deliberately absent: a start time. The clock alone says where the live stream is.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// The two forms in which the same ladder is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Live,
    Vod,
}

pub(crate) const SEGMENT_SECONDS: u64 = 2;

const SEGMENT_MILLIS: u64 = SEGMENT_SECONDS * 1000;
const LIVE_WINDOW: u64 = 15;
const VOD_SEGMENTS: u64 = 300;

impl UnixMillis {
    /// What the system's clock says; the epoch itself if that clock is set before it.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Form {
    /// The segments that a media playlist lists.
    pub(crate) fn listed(self, now: UnixMillis) -> Range<u64> {
        match self {
            Self::Live => {
                let complete = now.0 / SEGMENT_MILLIS;
                complete.saturating_sub(LIVE_WINDOW)..complete
            }
            Self::Vod => 0..VOD_SEGMENTS,
        }
    }

    /// The segments that are answered with bytes.
    pub(crate) fn available(self, now: UnixMillis) -> Range<u64> {
        let listed = self.listed(now);
        listed.start.saturating_sub(LIVE_WINDOW + 1)..listed.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_listed_when_its_last_millisecond_has_passed() {
        assert_eq!(Form::Live.listed(UnixMillis(199_999)), 84..99);
        assert_eq!(Form::Live.listed(UnixMillis(200_000)), 85..100);
        assert_eq!(Form::Live.listed(UnixMillis(1_999)), 0..0);
        assert_eq!(Form::Live.listed(UnixMillis(6_000)), 0..3);
    }

    #[test]
    fn the_window_never_moves_back_and_never_forgets_early() {
        let mut before = Form::Live.listed(UnixMillis(0));
        let mut listed_at = std::collections::HashMap::new();
        for now in (0..120_000).step_by(100) {
            let listed = Form::Live.listed(UnixMillis(now));
            assert!(listed.start >= before.start && listed.end >= before.end, "moved back at {now}");
            let available = Form::Live.available(UnixMillis(now));
            for number in listed.clone() {
                listed_at.insert(number, now);
            }
            for (number, at) in &listed_at {
                let kept = (LIVE_WINDOW + 1) * SEGMENT_MILLIS;
                assert!(
                    available.contains(number) || now > at + kept,
                    "{number} gone at {now}, listed at {at}"
                );
            }
            before = listed;
        }
    }
}
