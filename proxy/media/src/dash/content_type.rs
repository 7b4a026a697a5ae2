//! What a representation is made of: pictures, sound, text.
//!
//! Invariant: what is declared outweighs what the codecs suggest. Deliberately absent: containers.

use super::xml::Node;

/// What a representation carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// Pictures, also with sound in the same segments.
    Video,
    Audio,
    /// Subtitles and captions.
    Text,
    /// Thumbnails, events, or nothing that is known.
    Other,
}

const VIDEO_CODECS: &[&str] =
    &["avc", "hev", "hvc", "av01", "vp8", "vp08", "vp9", "vp09", "dvh", "dva", "vvc", "vvi", "mp4v"];
const AUDIO_CODECS: &[&str] =
    &["mp4a", "ac-3", "ac-4", "ec-3", "opus", "vorbis", "flac", "dts", "mha", "mhm"];
const TEXT_CODECS: &[&str] = &["stpp", "wvtt"];

impl ContentType {
    /// `chain` is the representation, then the elements around it.
    pub(super) fn of(chain: &[Node<'_, '_>]) -> Self {
        let inherited = |name| chain.iter().find_map(|node| node.value(name));
        let components = chain.iter().flat_map(|node| node.children("ContentComponent"));
        let components = components.filter_map(|node| node.value("contentType"));
        let declared = components.chain(inherited("contentType"));
        let declared = declared.filter_map(|text| Self::by_type(&text)).min_by_key(|content| content.order());
        let by_mime = || Self::by_mime(&inherited("mimeType")?);
        let by_codecs = || {
            let codecs = inherited("codecs")?;
            let each = codecs.split(',').filter_map(|codec| Self::by_codec(codec.trim_ascii()));
            each.min_by_key(|content| content.order())
        };
        let by_size = || inherited("width").map(|_| Self::Video);
        declared.or_else(by_mime).or_else(by_codecs).or_else(by_size).unwrap_or(Self::Other)
    }

    fn by_type(text: &str) -> Option<Self> {
        match text {
            "video" => Some(Self::Video),
            "audio" => Some(Self::Audio),
            "text" => Some(Self::Text),
            "image" => Some(Self::Other),
            _ => None,
        }
    }

    fn by_mime(mime: &str) -> Option<Self> {
        match mime.split_once('/')? {
            ("application", "ttml+xml" | "x-subrip") => Some(Self::Text),
            (kind, _) => Self::by_type(kind),
        }
    }

    fn by_codec(codec: &str) -> Option<Self> {
        let begins = |list: &[&str]| list.iter().any(|prefix| codec.to_ascii_lowercase().starts_with(prefix));
        let rows = [(VIDEO_CODECS, Self::Video), (AUDIO_CODECS, Self::Audio), (TEXT_CODECS, Self::Text)];
        rows.into_iter().find(|(list, _)| begins(list)).map(|(_, content)| content)
    }

    /// Of several in one segment, the first is what it is called.
    fn order(self) -> u8 {
        match self {
            Self::Video => 0,
            Self::Audio => 1,
            Self::Text => 2,
            Self::Other => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::xml::Document;
    use super::*;

    #[test]
    fn declarations_outweigh_suggestions() {
        for (set, expected) in [
            ("<a contentType='audio' mimeType='video/mp4'/>", ContentType::Audio),
            ("<a mimeType='video/mp4' codecs='mp4a.40.2'/>", ContentType::Video),
            ("<a mimeType='application/mp4' codecs='stpp.ttml.im1t'/>", ContentType::Text),
            ("<a mimeType='application/ttml+xml'/>", ContentType::Text),
            ("<a mimeType='text/vtt'/>", ContentType::Text),
            ("<a mimeType='image/jpeg' width='320'/>", ContentType::Other),
            ("<a codecs='mp4a.40.2, avc1.64001f'/>", ContentType::Video),
            ("<a codecs='ec-3'/>", ContentType::Audio),
            ("<a width='320'/>", ContentType::Video),
            (
                "<a><ContentComponent contentType='audio'/><ContentComponent contentType='video'/></a>",
                ContentType::Video,
            ),
            ("<a/>", ContentType::Other),
        ] {
            let document = Document::parse(set.as_bytes()).unwrap();
            assert_eq!(ContentType::of(&[document.root()]), expected, "{set}");
        }
    }
}
