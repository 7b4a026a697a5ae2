//! HLS playlists (RFC 8216 and its successor draft), read line by line.
//!
//! Invariant: any bytes may come in. Texts are borrowed from the body and know where they stand in it, so an edit can
//! replace one URI and keep everything else. Lists are bounded by `MAX_ENTRIES`.
//! Deliberately absent: judging a playlist. What is missing has its default, what is unknown is passed over.

mod attribute;
mod define;
mod directive;
mod line;
mod master;
mod media;

pub use attribute::{Attribute, Attributes};
pub use define::Definitions;
pub use directive::{Directives, Skip};
pub(crate) use line::line_around;
pub use line::{Line, Lines, Tag, Text};
pub use master::{Master, Rendition, RenditionType, StreamInf};
pub use media::{Item, ItemKind, Media, Report};

/// The most entries of one sort that are kept of one playlist.
pub const MAX_ENTRIES: usize = 131_072;

/// The two sorts of playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A multivariant playlist.
    Master,
    /// A media playlist, also one that lists nothing yet.
    Media,
}

const MASTER_TAGS: &[&str] = &[
    "EXT-X-STREAM-INF",
    "EXT-X-I-FRAME-STREAM-INF",
    "EXT-X-MEDIA",
    "EXT-X-SESSION-KEY",
    "EXT-X-SESSION-DATA",
    "EXT-X-CONTENT-STEERING",
    "EXT-X-IMAGE-STREAM-INF",
];

const MEDIA_TAGS: &[&str] = &[
    "EXTINF",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF",
    "EXT-X-PART",
    "EXT-X-MAP",
    "EXT-X-KEY",
    "EXT-X-SKIP",
    "EXT-X-ENDLIST",
    "EXT-X-PROGRAM-DATE-TIME",
    "EXT-X-DATERANGE",
    "EXT-X-PREFETCH",
];

impl Form {
    /// Which sort of playlist a body is, by the first tag that only one of them may have; `None` when it is none at all.
    pub fn of(body: &[u8]) -> Option<Self> {
        let mut lines = Lines::new(body);
        match lines.next()? {
            // Some write more on this line, and players take it.
            Line::Tag(tag) if tag.name.starts_with("EXTM3U") => {}
            Line::Tag(_) | Line::Uri(_) => return None,
        }
        let decisive = lines.find_map(|line| match line {
            Line::Tag(tag) if MASTER_TAGS.contains(&tag.name) => Some(Self::Master),
            Line::Tag(tag) if MEDIA_TAGS.contains(&tag.name) => Some(Self::Media),
            Line::Tag(_) | Line::Uri(_) => None,
        });
        Some(decisive.unwrap_or(Self::Media))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_begins_with_its_tag_and_is_told_by_its_first_decisive_one() {
        assert_eq!(Form::of(b"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MEDIA:TYPE=AUDIO\n"), Some(Form::Master));
        assert_eq!(Form::of(b"\xef\xbb\xbf#EXTM3U\r\n#EXT-X-MEDIA-SEQUENCE:4\r\n"), Some(Form::Media));
        assert_eq!(Form::of(b"#EXTM3U\n"), Some(Form::Media));
        for none in [&b""[..], b"<MPD>", b"#EXTINF:4,\na.ts\n", b"\xff\xfe", b"a.ts\n#EXTM3U\n"] {
            assert_eq!(Form::of(none), None, "{none:?}");
        }
    }
}
