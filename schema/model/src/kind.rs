//! What a request asks for, as the playlists declare it.
//!
//! Invariant: a kind comes from what a playlist said about a URL, or else from Content-Type and extension; a variant is only
//! ever one that the current ladder holds. Deliberately absent: the graph that knows (see the media room).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::closed_set::closed_set;

/// What a URL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// An HLS multivariant playlist.
    MasterManifest,
    /// A media playlist of a video variant, or an MPD.
    Manifest,
    /// A media segment of a video variant.
    Segment,
    /// A partial segment (LL-HLS).
    Partial,
    /// An initialisation segment, or the index that tells where in a file its segments are.
    Init,
    /// A media playlist of an audio rendition.
    AudioManifest,
    /// A media segment of an audio rendition.
    AudioSegment,
    /// A media playlist of a subtitle rendition.
    SubtitleManifest,
    /// A media segment of a subtitle rendition.
    SubtitleSegment,
    /// A decryption key, or a licence.
    Key,
    /// What a browser asks before a request that another page makes (CORS). Only a rule that names this kind matches it.
    Preflight,
    /// Anything else.
    Other,
}

/// Width and height in pixels, written `WxH`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Resolution {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// One rung of the current ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Variant {
    /// Place in the ladder by bandwidth, 0 is the lowest.
    pub rung: u32,
    /// Declared peak bandwidth, bit/s.
    pub bandwidth: u64,
    /// Declared average bandwidth, bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_bandwidth: Option<u64>,
    /// Declared resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]+x[0-9]+$")]
    pub resolution: Option<Resolution>,
    /// Declared codecs, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codecs: Option<String>,
    /// The URI of the variant's playlist as written; of an MPD the id of the representation.
    pub uri: String,
}

/// A presentation: a master or an MPD, with all that its playlists name. A session may play several, each with a ladder of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presentation {
    /// The path of its master or MPD, without a query.
    #[schema(value_type = String)]
    pub path: Arc<str>,
    /// What it is to the player.
    pub role: PresentationRole,
}

closed_set! {
    /// What a presentation is to the player.
    pub enum PresentationRole {
        /// What the player was started with; its ladder is the player's.
        Primary = "primary",
        /// An HLS interstitial, such as an advertisement, as a date range or an asset list declares it.
        Interstitial = "interstitial",
        /// Another one beside the primary.
        Other = "other",
    }
}

closed_set! {
    /// How it is known what a request asks for.
    pub enum Known {
        /// A playlist declared it, or its own content was read.
        Declared = "declared",
        /// Nothing declared it; its name or its Content-Type was gone by.
        Guessed = "guessed",
    }
}

impl RequestKind {
    /// Every kind with its name, in the order of the documentation.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::MasterManifest, "master_manifest"),
        (Self::Manifest, "manifest"),
        (Self::Segment, "segment"),
        (Self::Partial, "partial"),
        (Self::Init, "init"),
        (Self::AudioManifest, "audio_manifest"),
        (Self::AudioSegment, "audio_segment"),
        (Self::SubtitleManifest, "subtitle_manifest"),
        (Self::SubtitleSegment, "subtitle_segment"),
        (Self::Key, "key"),
        (Self::Preflight, "preflight"),
        (Self::Other, "other"),
    ];

    /// The public name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("other", |(_, name)| name)
    }

    /// Whether the body is a playlist or an MPD.
    pub fn is_manifest(self) -> bool {
        matches!(self, Self::MasterManifest | Self::Manifest | Self::AudioManifest | Self::SubtitleManifest)
    }

    /// Whether the body is a segment or a part of one.
    pub fn is_media(self) -> bool {
        matches!(self, Self::Segment | Self::Partial | Self::AudioSegment | Self::SubtitleSegment)
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Resolution {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(['x', 'X']);
        let parsed = parts.and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        let (width, height) = parsed
            .ok_or_else(|| format!("a resolution is written WxH, for example 1280x720; got {text:?}"))?;
        Ok(Self { width, height })
    }
}

impl TryFrom<String> for Resolution {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Resolution> for String {
    fn from(resolution: Resolution) -> String {
        resolution.to_string()
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl fmt::Debug for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_table_are_the_names_on_the_wire() {
        for (kind, name) in RequestKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{name}\""));
        }
    }

    #[test]
    fn a_resolution_is_written_as_width_x_height() {
        assert_eq!("1280x720".parse(), Ok(Resolution { width: 1280, height: 720 }));
        assert!("720p".parse::<Resolution>().is_err());
    }
}
