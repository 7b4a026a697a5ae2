//! Playlists of a server that breaks the rules of low-latency HLS.
//!
//! Invariant: each function breaks one rule and keeps every other byte; where there is nothing to break it says so instead
//! of breaking something else. `before` is the playlist as this URL answered last, because most rules are about what a
//! player saw already. Deliberately absent: rules that are about time, such as blocking reloads and stale playlists.

use std::collections::HashSet;

use bytes::Bytes;

use crate::Edits;
use crate::hls::{Form, Line, Lines, Media, Tag};

/// A broken rule: its name, what a player sees, and how the playlist is changed.
#[derive(Debug, Clone, Copy)]
pub struct Misbehaviour {
    /// The name.
    pub name: &'static str,
    /// What a player sees.
    pub doc: &'static str,
    /// What `extent` counts when it is not given.
    pub extent: u64,
    /// The changed playlist; `None` when it has nothing to break.
    pub apply: fn(body: &Bytes, before: Option<&Bytes>, extent: u64) -> Option<Bytes>,
}

/// Every rule that a playlist alone can break.
pub const MISBEHAVIOURS: &[Misbehaviour] = &[
    Misbehaviour {
        name: "media_sequence_back",
        doc: "`EXT-X-MEDIA-SEQUENCE` goes back: it is 5, or `extent`, lower than it was.",
        extent: 5,
        apply: media_sequence_back,
    },
    Misbehaviour {
        name: "vanished_part",
        doc: "The last part, or the last `extent` parts, that the playlist listed before are not listed any more.",
        extent: 1,
        apply: vanished_part,
    },
    Misbehaviour {
        name: "wrong_skipped_segments",
        doc: "A delta update says that it skips 1 segment, or `extent` segments, more than it does.",
        extent: 1,
        apply: wrong_skipped_segments,
    },
];

/// The number goes to `extent` below what it was, or is; never below 0.
pub fn media_sequence_back(body: &Bytes, before: Option<&Bytes>, extent: u64) -> Option<Bytes> {
    let tag = tags(body).find(|tag| tag.name == "EXT-X-MEDIA-SEQUENCE")?;
    let now = tag.number()?;
    let seen = before.and_then(media).map_or(now, |before| before.media_sequence.min(now));
    let back = seen.saturating_sub(extent);
    replaced(body, tag, back.to_string()).filter(|_| back < now)
}

/// Parts that were listed before, and still are, go; without a version before it the last ones.
pub fn vanished_part(body: &Bytes, before: Option<&Bytes>, extent: u64) -> Option<Bytes> {
    let listed = before.map(|before| parts(before).map(|part| part.value.text).collect::<HashSet<_>>());
    let seen = |part: &Tag<'_>| listed.as_ref().is_none_or(|listed| listed.contains(part.value.text));
    let all = parts(body).collect::<Vec<_>>();
    let mut edits = Edits::default();
    let extent = usize::try_from(extent).unwrap_or(usize::MAX);
    for part in all.iter().rev().filter(|part| seen(part)).take(extent) {
        edits.replace(crate::hls::line_around(body, part.span()), "");
    }
    let broken = (!edits.is_empty()).then(|| edits.apply(body));
    // A playlist that contradicts itself may be a media playlist by that part alone.
    broken.filter(|broken| Form::of(broken) == Some(Form::Media))
}

/// `extent` is added to what a delta update says that it skips.
pub fn wrong_skipped_segments(body: &Bytes, _: Option<&Bytes>, extent: u64) -> Option<Bytes> {
    media(body)?;
    let tag = tags(body).find(|tag| tag.name == "EXT-X-SKIP")?;
    let said = tag.attributes().value("SKIPPED-SEGMENTS")?;
    let wrong = said.text.parse::<u64>().ok()?.checked_add(extent).filter(|_| extent > 0)?;
    let mut edits = Edits::default();
    edits.replace(said.span(), wrong.to_string());
    Some(edits.apply(body))
}

fn media(body: &Bytes) -> Option<Media<'_>> {
    (Form::of(body) == Some(Form::Media)).then(|| Media::read(body))
}

fn tags(body: &Bytes) -> impl Iterator<Item = Tag<'_>> {
    let is_media = Form::of(body) == Some(Form::Media);
    Lines::new(body).filter(move |_| is_media).filter_map(|line| match line {
        Line::Tag(tag) => Some(tag),
        Line::Uri(_) => None,
    })
}

fn parts(body: &Bytes) -> impl Iterator<Item = Tag<'_>> {
    tags(body).filter(|tag| tag.name == "EXT-X-PART")
}

fn replaced(body: &Bytes, tag: Tag<'_>, value: String) -> Option<Bytes> {
    let mut edits = Edits::default();
    edits.replace(tag.value.span(), value);
    Some(edits.apply(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:100\n#EXTINF:4,\n100.m4s\n\
        #EXT-X-PART:DURATION=1,URI=\"101.0\"\n#EXT-X-PART:DURATION=1,URI=\"101.1\"\n";
    const NOW: &str = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:101\r\n\
        #EXT-X-PART:DURATION=1,URI=\"101.0\"\r\n#EXT-X-PART:DURATION=1,URI=\"101.1\"\r\n\
        #EXT-X-PART:DURATION=1,URI=\"101.2\"\n#EXTINF:4,\n101.m4s\n";

    fn bytes(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    #[track_caller]
    fn check(changed: Option<Bytes>, from: &str, to: &str) {
        assert_eq!(changed.expect("something to break"), NOW.replace(from, to));
    }

    #[test]
    fn the_number_goes_below_what_was_seen() {
        let (before, now) = (bytes(BEFORE), bytes(NOW));
        check(media_sequence_back(&now, Some(&before), 1), ":101\r", ":99\r");
        check(media_sequence_back(&now, None, 1), ":101\r", ":100\r");
        check(media_sequence_back(&now, None, 1_000), ":101\r", ":0\r");
        assert!(media_sequence_back(&now, None, 0).is_none());
        assert!(media_sequence_back(&bytes("#EXTM3U\n#EXTINF:1,\na\n"), None, 1).is_none());
    }

    #[test]
    fn a_part_that_was_seen_is_gone_and_newer_ones_stay() {
        let (before, now) = (bytes(BEFORE), bytes(NOW));
        check(vanished_part(&now, Some(&before), 1), "#EXT-X-PART:DURATION=1,URI=\"101.1\"\r\n", "");
        check(vanished_part(&now, None, 1), "#EXT-X-PART:DURATION=1,URI=\"101.2\"\n", "");
        assert!(vanished_part(&now, Some(&bytes("#EXTM3U\n")), 1).is_none());
    }

    #[test]
    fn a_delta_update_lies_about_what_it_skips() {
        let delta = bytes("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:9\n#EXT-X-SKIP:SKIPPED-SEGMENTS=8,X=1\n");
        let wrong = wrong_skipped_segments(&delta, None, 2).unwrap();
        assert_eq!(Media::read(&wrong).next_sequence, Media::read(&delta).next_sequence + 2);
        assert_eq!(wrong, "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:9\n#EXT-X-SKIP:SKIPPED-SEGMENTS=10,X=1\n");
        assert!(wrong_skipped_segments(&bytes(NOW), None, 1).is_none());
    }

    #[test]
    fn names_are_unique_documented_and_masters_are_left_alone() {
        let mut names = HashSet::new();
        let master = bytes(
            "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-PART:URI=\"a\"\n#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n",
        );
        for row in MISBEHAVIOURS {
            assert!(names.insert(row.name) && row.doc.len() > 20 && row.extent > 0, "{}", row.name);
            assert!((row.apply)(&master, None, row.extent).is_none(), "{}", row.name);
        }
    }
}
