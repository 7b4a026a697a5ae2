//! Multivariant playlists.
//!
//! Invariant: a variant is a `STREAM-INF` with the URI that follows it; a rendition without a URI is in the variant's own
//! segments and is not listed. Deliberately absent: rungs, which need the whole ladder and resolved URLs.

use rebuffer_model::Resolution;

use super::{Attributes, Line, Lines, MAX_ENTRIES, Tag, Text};

/// What a multivariant playlist declares.
#[derive(Debug, Default)]
pub struct Master<'a> {
    /// In the order of the playlist.
    pub variants: Vec<StreamInf<'a>>,
    /// Alternative renditions that have a playlist of their own.
    pub renditions: Vec<Rendition<'a>>,
    /// Playlists of I-frames only, or of thumbnails.
    pub i_frames: Vec<Text<'a>>,
    /// Keys that media playlists may use.
    pub keys: Vec<Text<'a>>,
    /// Data of the session that stands in documents of its own.
    pub data: Vec<Text<'a>>,
    /// The steering manifest.
    pub steering: Option<Text<'a>>,
}

/// A variant.
#[derive(Debug, Clone, Copy)]
pub struct StreamInf<'a> {
    /// Peak bit/s; 0 when it does not say.
    pub bandwidth: u64,
    /// Average bit/s.
    pub average_bandwidth: Option<u64>,
    /// In pixels.
    pub resolution: Option<Resolution>,
    /// As written.
    pub codecs: Option<&'a str>,
    /// Its media playlist.
    pub uri: Text<'a>,
    /// Its name across versions and pathways.
    pub stable_id: Option<&'a str>,
    /// The pathway it belongs to.
    pub pathway: &'a str,
}

/// An alternative rendition.
#[derive(Debug, Clone, Copy)]
pub struct Rendition<'a> {
    /// What it is.
    pub kind: RenditionType,
    /// Its media playlist.
    pub uri: Text<'a>,
    /// Its name across versions and pathways.
    pub stable_id: Option<&'a str>,
}

/// What a rendition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenditionType {
    Audio,
    Video,
    Subtitles,
}

impl<'a> Master<'a> {
    /// Reads what is there; anything is a playlist, if only an empty one.
    pub fn read(body: &'a [u8]) -> Self {
        let mut master = Self::default();
        let mut pending = None;
        for line in Lines::new(body) {
            match line {
                Line::Uri(uri) => {
                    if let Some(tag) = pending.take() {
                        push(&mut master.variants, stream_inf(tag, uri));
                    }
                }
                Line::Tag(tag) if tag.name == "EXT-X-STREAM-INF" => pending = Some(tag.attributes()),
                Line::Tag(tag) => master.read_tag(tag),
            }
        }
        master
    }

    fn read_tag(&mut self, tag: Tag<'a>) {
        let attributes = tag.attributes();
        if tag.name == "EXT-X-CONTENT-STEERING" {
            self.steering = attributes.value("SERVER-URI");
        }
        let Some(uri) = attributes.value("URI") else {
            return;
        };
        match tag.name {
            "EXT-X-I-FRAME-STREAM-INF" | "EXT-X-IMAGE-STREAM-INF" => push(&mut self.i_frames, uri),
            "EXT-X-SESSION-KEY" => push(&mut self.keys, uri),
            "EXT-X-SESSION-DATA" => push(&mut self.data, uri),
            "EXT-X-MEDIA" => {
                let kind = attributes.value("TYPE").and_then(|kind| match kind.text {
                    "AUDIO" => Some(RenditionType::Audio),
                    "VIDEO" => Some(RenditionType::Video),
                    "SUBTITLES" => Some(RenditionType::Subtitles),
                    _ => None,
                });
                if let Some(kind) = kind {
                    let stable_id = attributes.value("STABLE-RENDITION-ID").map(|id| id.text);
                    push(&mut self.renditions, Rendition { kind, uri, stable_id });
                }
            }
            _ => {}
        }
    }
}

fn stream_inf<'a>(attributes: Attributes<'a>, uri: Text<'a>) -> StreamInf<'a> {
    StreamInf {
        bandwidth: attributes.number("BANDWIDTH").unwrap_or_default(),
        average_bandwidth: attributes.number("AVERAGE-BANDWIDTH"),
        resolution: attributes.value("RESOLUTION").and_then(|text| text.text.parse().ok()),
        codecs: attributes.value("CODECS").map(|text| text.text),
        uri,
        stable_id: attributes.value("STABLE-VARIANT-ID").map(|id| id.text),
        // RFC 8216bis §4.4.6.2
        pathway: attributes.value("PATHWAY-ID").map_or(".", |id| id.text),
    }
}

fn push<T>(list: &mut Vec<T>, entry: T) {
    if list.len() < MAX_ENTRIES {
        list.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_renditions_i_frames_and_keys_are_read() {
        let master = Master::read(
            b"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"a.m3u8\"\n\
              #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"in the variant\"\n\
              #EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"s.m3u8\"\n#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,URI=\"no.m3u8\"\n\
              #EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k.key\"\n#EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"d.json\"\n\
              #EXT-X-STREAM-INF:BANDWIDTH=900,AVERAGE-BANDWIDTH=800,RESOLUTION=640x360,CODECS=\"avc1,mp4a\"\n\
              # a comment between\n\nv.m3u8\nstray.m3u8\n\
              #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90,URI=\"i.m3u8\"\n#EXT-X-STREAM-INF:BANDWIDTH=x\nw.m3u8\n",
        );
        let kinds = master.renditions.iter().map(|r| (r.kind, r.uri.text)).collect::<Vec<_>>();
        assert_eq!(kinds, [(RenditionType::Audio, "a.m3u8"), (RenditionType::Subtitles, "s.m3u8")]);
        assert_eq!(master.i_frames.iter().map(|uri| uri.text).collect::<Vec<_>>(), ["i.m3u8"]);
        assert_eq!(master.data.iter().map(|uri| uri.text).collect::<Vec<_>>(), ["d.json"]);
        assert_eq!(master.keys.iter().map(|uri| uri.text).collect::<Vec<_>>(), ["k.key"]);
        let [first, second] = master.variants[..] else { panic!("{master:?}") };
        assert_eq!((first.bandwidth, first.average_bandwidth, first.uri.text), (900, Some(800), "v.m3u8"));
        assert_eq!(first.resolution, Some(Resolution { width: 640, height: 360 }));
        assert_eq!(first.codecs, Some("avc1,mp4a"));
        assert_eq!((second.bandwidth, second.uri.text), (0, "w.m3u8"));
    }
}
