//! Delivery directives: what a client asks of a low-latency playlist, and from when on it can be answered.
//!
//! Invariant: a playlist that is due later is due at most three segments later, as what lies further ahead is refused.
//! Source: draft-pantos-hls-rfc8216bis, 6.2.5.
//! Deliberately absent: waiting, which is `serve`'s, and directives on playlists that end or do not offer them; those
//! are ignored as any other query.

use crate::timeline::{Form, PARTS_PER_SEGMENT, Part, SEGMENT_MILLIS, UnixMillis};

/// What `_HLS_msn`, `_HLS_part` and `_HLS_skip` ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    wanted: Option<Wanted>,
    /// Send a delta update.
    pub(crate) skip: bool,
}

/// What the playlist must hold before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    number: u64,
    part: Option<u64>,
}

/// Why a playlist will not be sent; its text is the body of the 400.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BadDirective {
    #[error("{name} is {value:?}, not a decimal number of 64 bits")]
    NotANumber { name: &'static str, value: String },
    #[error("_HLS_part says nothing without _HLS_msn")]
    PartAlone,
    #[error("segment {asked} is more than {SEGMENTS_AHEAD} ahead of the last one, {last}")]
    SegmentTooFar { asked: u64, last: u64 },
    #[error("part {part} of segment {number} is more than {PARTS_AHEAD} parts ahead of the last one")]
    PartTooFar { number: u64, part: u64 },
}

const SEGMENTS_AHEAD: u64 = 2;
/// Three divided by the part target, which is a little over 400 ms; it is not reached with an eighth part.
const PARTS_AHEAD: u64 = 7;

impl Directives {
    /// Reads a query; of a directive that is repeated the first counts, one that is unknown is ignored.
    pub(crate) fn read(query: &str) -> Result<Self, BadDirective> {
        let value = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
                .map(|pair| pair.1)
        };
        let number = |name: &'static str| {
            let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
            value(name)
                .map(|text| {
                    let read = Some(text).filter(digits).and_then(|text| text.parse::<u64>().ok());
                    read.ok_or_else(|| BadDirective::NotANumber { name, value: text.to_owned() })
                })
                .transpose()
        };
        let wanted = match (number("_HLS_msn")?, number("_HLS_part")?) {
            (None, None) => None,
            (None, Some(_)) => return Err(BadDirective::PartAlone),
            (Some(number), part) => Some(Wanted { number, part }),
        };
        Ok(Self { wanted, skip: matches!(value("_HLS_skip"), Some("YES" | "v2")) })
    }

    /// The moment from which on the playlist holds what was asked for; it may have passed.
    pub(crate) fn due(self, now: UnixMillis) -> Result<UnixMillis, BadDirective> {
        let Some(Wanted { number, part }) = self.wanted else { return Ok(now) };
        let end = Form::LowLatency.listed(now).end;
        if number >= end + SEGMENTS_AHEAD {
            return Err(BadDirective::SegmentTooFar { asked: number, last: end.saturating_sub(1) });
        }
        let Some(part) = part else { return Ok(UnixMillis((number + 1) * SEGMENT_MILLIS)) };
        // Within a segment that is not complete, a part is ahead by its index, whether or not it will exist.
        let next = Part::in_progress(now).ordinal();
        if number >= end && (number * PARTS_PER_SEGMENT).saturating_add(part) >= next + PARTS_AHEAD {
            return Err(BadDirective::PartTooFar { number, part });
        }
        let asked = Part::new(number, part).or_else(|| Part::new(number + 1, 0));
        Ok(asked.map_or(now, Part::complete_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segment 99 and the first two parts of segment 100 are complete.
    const NOW: UnixMillis = UnixMillis(200_900);

    fn due(query: &str) -> Result<u64, BadDirective> {
        Directives::read(query)?.due(NOW).map(|moment| moment.0)
    }

    #[test]
    fn without_a_directive_the_playlist_is_due_now() {
        for query in ["", "player_id=7", "_HLS_msn", "_hls_msn=9999", "_HLS_skip=YES", "_HLS_other=1", "&&="]
        {
            assert_eq!(due(query), Ok(NOW.0), "{query}");
        }
    }

    #[test]
    fn a_segment_is_due_when_it_is_complete() {
        for (query, at) in [
            ("_HLS_msn=0", 2_000),
            ("_HLS_msn=99", 200_000),
            ("_HLS_msn=100", 202_000),
            ("player_id=7&_HLS_msn=101", 204_000),
        ] {
            assert_eq!(due(query), Ok(at), "{query}");
        }
    }

    #[test]
    fn a_part_is_due_when_it_is_complete_and_one_past_the_last_is_the_first_of_the_next_segment() {
        for (number, part, at) in [
            (3, 0, 6_400),
            (99, 4, 200_000),
            (99, 5, 200_400),
            (99, u64::MAX, 200_400),
            (100, 1, 200_800),
            (100, 2, 201_200),
            (100, 4, 202_000),
            (100, 5, 202_400),
            (101, 0, 202_400),
            (101, 3, 203_600),
        ] {
            assert_eq!(due(&format!("_HLS_msn={number}&_HLS_part={part}")), Ok(at), "{number} {part}");
        }
    }

    #[test]
    fn what_lies_too_far_ahead_is_refused() {
        for asked in [102, 103, u64::MAX] {
            assert_eq!(
                due(&format!("_HLS_msn={asked}")),
                Err(BadDirective::SegmentTooFar { asked, last: 99 })
            );
        }
        for (number, part) in [(100, 9), (100, u64::MAX), (101, 4), (101, 9)] {
            let query = format!("_HLS_part={part}&_HLS_msn={number}");
            assert_eq!(due(&query), Err(BadDirective::PartTooFar { number, part }), "{query}");
        }
    }

    #[test]
    fn nothing_is_due_later_than_three_segments_from_now() {
        for now in (200_000..206_000).step_by(100).map(UnixMillis) {
            for number in 95..106 {
                for part in
                    std::iter::once(String::new()).chain((0..12).map(|part| format!("&_HLS_part={part}")))
                {
                    let directives = Directives::read(&format!("_HLS_msn={number}{part}")).unwrap();
                    let Ok(due) = directives.due(now) else { continue };
                    assert!(due.0 <= now.0 + 3 * SEGMENT_MILLIS, "{number}{part} at {now:?}");
                }
            }
        }
    }

    #[test]
    fn a_part_alone_and_what_is_no_number_are_refused() {
        assert_eq!(due("_HLS_part=0"), Err(BadDirective::PartAlone));
        assert_eq!(due("_HLS_part=0&player_id=7"), Err(BadDirective::PartAlone));
        for value in ["", "x", "-1", "+1", "1.0", " 1", "%31", "18446744073709551616"] {
            let refused = |name| Err(BadDirective::NotANumber { name, value: value.to_owned() });
            assert_eq!(due(&format!("_HLS_msn={value}")), refused("_HLS_msn"));
            assert_eq!(due(&format!("_HLS_msn=1&_HLS_part={value}")), refused("_HLS_part"));
        }
    }

    #[test]
    fn both_kinds_of_delta_update_are_understood_and_others_are_not() {
        for (value, skip) in [("YES", true), ("v2", true), ("NO", false), ("yes", false), ("", false)] {
            let read = Directives::read(&format!("_HLS_skip={value}&_HLS_msn=100"));
            assert_eq!(read.map(|directives| directives.skip), Ok(skip), "{value}");
        }
    }
}
