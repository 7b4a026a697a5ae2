//! Every URI that a playlist, an MPD or one of their documents names, and where it stands.
//!
//! Invariant: what is listed here is all that is kept on the session, so a URI that a player would fetch and that is not listed
//! leads past the rig. Each kind of document has its table. Deliberately absent: where a URI leads (see `address.rs`).

use std::borrow::Cow;
use std::ops::Range;

use serde_json::value::RawValue;

use super::{Form, Playlist, json};
use crate::dash::{Document, services};
use crate::hls::{Definitions, Line, Lines, Tag, Text};

/// A URI as it stands in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uri<'a> {
    /// As it is written.
    pub(crate) text: Text<'a>,
    /// What it says, variables filled in and escapes resolved.
    pub(crate) means: Cow<'a, str>,
    /// How another one is to be written in its place.
    pub(crate) written: Written,
}

/// How a URI is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// As it is.
    Plain,
    /// With the references of XML.
    Xml,
    /// As a JSON string, in its quotes.
    Json,
    /// As a JSON string that has only the host.
    JsonHost,
}

/// The attributes of HLS tags that hold a URL a player fetches.
const HLS_ATTRIBUTES: &[&str] = &["URI", "SERVER-URI", "X-ASSET-URI", "X-ASSET-LIST"];
/// The tags whose whole value is one.
const HLS_TAGS: &[&str] = &["EXT-X-PREFETCH", "EXT-X-TWITCH-PREFETCH"];
/// The attributes of an MPD, by their local names: addresses of segments, of what stands elsewhere (`href` of XLink), of
/// licences, and of presentations that take the place of this one. Those of services have a table of their own.
const MPD_ATTRIBUTES: &[&str] = &[
    "media",
    "initialization",
    "index",
    "bitstreamSwitching",
    "sourceURL",
    "href",
    "licenseUrl",
    "url",
    "uri",
];
/// The elements of an MPD whose text is one.
const MPD_ELEMENTS: &[&str] = &[
    "BaseURL",
    "Location",
    "PatchLocation",
    "ContentSteering",
    "ImportedMPD",
    "Laurl",
    "laurl",
    "LA_URL",
    "Certurl",
    "Authzurl",
];
impl Playlist {
    /// Every URI, in order.
    pub(crate) fn uris<'a>(&'a self, definitions: &'a Definitions) -> Vec<Uri<'a>> {
        let text = self.text();
        match self.form {
            Form::Hls(_) => hls(text, definitions).collect(),
            Form::Mpd | Form::Period | Form::Patch => {
                Document::parse(text).map(|document| mpd(&document)).unwrap_or_default()
            }
            Form::AssetList => json::AssetList::read(text)
                .map(|list| list.assets.iter().filter_map(|asset| quoted(text, asset.uri?)).collect())
                .unwrap_or_default(),
            Form::Steering => {
                json::Steering::read(text).map(|steering| steering_uris(text, &steering)).unwrap_or_default()
            }
        }
    }
}

fn hls<'a>(body: &'a [u8], definitions: &'a Definitions) -> impl Iterator<Item = Uri<'a>> {
    let texts = Lines::new(body).flat_map(|line| {
        let (own, tag) = match line {
            Line::Uri(uri) => (Some(uri), None),
            Line::Tag(tag) if HLS_TAGS.contains(&tag.name) => (Some(tag.value), None),
            Line::Tag(tag) => (None, Some(tag)),
        };
        let attributes = tag.into_iter().flat_map(Tag::attributes);
        let attributes = attributes.filter(|attribute| HLS_ATTRIBUTES.contains(&attribute.name));
        own.into_iter().chain(attributes.map(|attribute| attribute.value))
    });
    texts.map(|text| Uri { text, means: definitions.fill(text.text), written: Written::Plain })
}

fn mpd<'a>(document: &Document<'a>) -> Vec<Uri<'a>> {
    let mut uris = Vec::new();
    let xml = |text: Text<'a>| Uri { text, means: document.unescaped(text.text), written: Written::Xml };
    let content = |text: Text<'a>, means| match text.character_data() {
        Some(text) => Uri { text, means, written: Written::Plain },
        None => Uri { text, means, written: Written::Xml },
    };
    for node in document.root().descendants() {
        let own = MPD_ATTRIBUTES.iter().filter_map(|name| node.raw(name));
        uris.extend(own.map(xml));
        if MPD_ELEMENTS.contains(&node.name()) {
            uris.push(content(node.raw_text(), node.text()));
        }
        let services = services(node).into_iter();
        uris.extend(services.map(|(text, means)| content(text, means)));
    }
    uris.sort_by_key(|uri| uri.text.at);
    uris
}

fn steering_uris<'a>(body: &'a [u8], steering: &json::Steering<'a>) -> Vec<Uri<'a>> {
    let replacements = steering.clones.iter().filter_map(|clone| clone.replacement.as_ref());
    let hosts = replacements.filter_map(|replacement| replacement.host);
    let hosts = hosts.filter_map(|raw| Some(Uri { written: Written::JsonHost, ..quoted(body, raw)? }));
    let uris = steering.reload.into_iter().chain(steering.stable_uris());
    let mut uris = uris.filter_map(|raw| quoted(body, raw)).chain(hosts).collect::<Vec<_>>();
    uris.sort_by_key(|uri| uri.text.at);
    uris
}

fn quoted<'a>(body: &'a [u8], raw: &'a RawValue) -> Option<Uri<'a>> {
    let at = raw.get().as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let text = Text { text: raw.get(), at };
    Some(Uri { text, means: json::string(raw)?.into(), written: Written::Json })
}

impl Uri<'_> {
    /// Where it stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.text.span()
    }
}

impl Written {
    /// Another URI as it has to be written here.
    pub(crate) fn write(self, uri: &str) -> String {
        match self {
            Self::Plain => uri.to_owned(),
            Self::Xml => quick_xml::escape::escape(uri).into_owned(),
            Self::Json | Self::JsonHost => serde_json::to_string(uri).unwrap_or_default(),
        }
    }
}
