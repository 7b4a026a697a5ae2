//! A body that a player reads as a playlist: what form it has, and its text.
//!
//! Invariant: the text is UTF-8, whatever the body is. An edit names places in the text and changes the body at the same places,
//! in the body's own encoding; without an edit the body is the very same buffer.
//! Deliberately absent: content codings such as gzip, and what a playlist declares (see `graph.rs`).

mod encoding;
pub(crate) mod json;
mod sniff;
mod uris;

use bytes::Bytes;

use crate::dash::{self, Document};
use crate::{Edits, MAX_PLAYLIST_BYTES, hls};
use encoding::Decoded;
pub use sniff::{Sniffed, sniff};
pub(crate) use uris::{Uri, Written};

/// A playlist, an MPD, or a document that belongs to one.
#[derive(Debug, Clone)]
pub struct Playlist {
    form: Form,
    decoded: Decoded,
}

/// What sort of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An HLS playlist.
    Hls(hls::Form),
    /// An MPD.
    Mpd,
    /// A period of an MPD that stands in a document of its own (ISO/IEC 23009-1 §5.5).
    Period,
    /// What has changed in an MPD (§5.15).
    Patch,
    /// The assets of an HLS interstitial, as JSON (RFC 8216bis, appendix D).
    AssetList,
    /// A steering manifest, as JSON (RFC 8216bis §7).
    Steering,
}

/// What a playlist has declared a body to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nobody has said anything.
    #[default]
    Unknown,
    /// A playlist or an MPD.
    Playlist,
    /// The assets of an interstitial.
    AssetList,
    /// A steering manifest.
    Steering,
    /// Media, a key, or anything else that is no playlist.
    Other,
}

/// Why a body that looks like a playlist cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is longer than [`MAX_PLAYLIST_BYTES`].
    #[error("it is longer than the {} MiB that are read", MAX_PLAYLIST_BYTES >> 20)]
    TooLong,
    /// Its encoding is none that is read.
    #[error("its character encoding is not known")]
    Encoding,
    /// It is XML that is not well-formed, or beyond the bounds of what is read.
    #[error("it is not well-formed XML, or larger or deeper than is read")]
    Xml,
    /// It is JSON that is not what its place asks for.
    #[error("it is not the JSON that an asset list or a steering manifest is")]
    Json,
    /// Elements stand in its entities, an entity is part of itself, or there are more or longer ones than are expanded.
    #[error("its entities hold elements, or are longer, deeper or more than are expanded")]
    Entities,
    /// It takes text from elsewhere, which is not fetched.
    #[error("it declares an external entity, which is not fetched")]
    ExternalEntity,
}

impl Playlist {
    /// Reads a body, decoded from its content coding; `None` when it is no playlist.
    pub fn read(body: &Bytes, expected: Expected) -> Result<Option<Self>, Unreadable> {
        if expected == Expected::AssetList || expected == Expected::Steering {
            return Self::read_json(body, expected).map(Some);
        }
        if sniff(body.get(..sniff::ENOUGH).unwrap_or(body)) != Sniffed::Playlist {
            return Ok(None);
        }
        if body.len() > MAX_PLAYLIST_BYTES {
            return Err(Unreadable::TooLong);
        }
        let decoded = Decoded::of(body).ok_or(Unreadable::Encoding)?;
        if let Some(form) = hls::Form::of(decoded.text()) {
            return Ok(Some(Self { form: Form::Hls(form), decoded }));
        }
        let document = Document::parse(decoded.text()).ok_or(Unreadable::Xml)?;
        if document.has_external_entities() {
            return Err(Unreadable::ExternalEntity);
        }
        if document.has_unexpanded_entities() {
            return Err(Unreadable::Entities);
        }
        let form = match document.root().name() {
            dash::MPD => Form::Mpd,
            dash::PERIOD => Form::Period,
            dash::PATCH => Form::Patch,
            _ => return Ok(None),
        };
        Ok(Some(Self { form, decoded }))
    }

    fn read_json(body: &Bytes, expected: Expected) -> Result<Self, Unreadable> {
        if body.len() > MAX_PLAYLIST_BYTES {
            return Err(Unreadable::TooLong);
        }
        let decoded = Decoded::of(body).ok_or(Unreadable::Encoding)?;
        let (form, is_read) = if expected == Expected::AssetList {
            (Form::AssetList, json::AssetList::read(decoded.text()).is_some())
        } else {
            (Form::Steering, json::Steering::read(decoded.text()).is_some())
        };
        is_read.then_some(Self { form, decoded }).ok_or(Unreadable::Json)
    }

    /// What it is.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Its text, UTF-8.
    pub fn text(&self) -> &Bytes {
        self.decoded.text()
    }

    /// Itself, in its own encoding.
    pub fn body(&self) -> Bytes {
        self.decoded.body()
    }

    /// The same after edits of its text, as whatever it is then.
    pub(crate) fn edited(&self, edits: &Edits) -> Self {
        Self { form: self.form, decoded: self.decoded.edited(edits) }
    }

    /// The URI at a place of the text as a player spells it that keeps bytes which are not UTF-8, and as one spells it that
    /// replaces them; `None` when all of it is UTF-8.
    pub(crate) fn odd_spellings(&self, span: std::ops::Range<usize>) -> Option<[String; 2]> {
        self.decoded.odd_spellings(span)
    }
}

#[cfg(test)]
mod tests;
