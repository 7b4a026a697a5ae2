//! Documents that belong to HLS playlists and are JSON: the assets of an interstitial, and steering manifests.
//!
//! Invariant: a text is a part of the body, quotes included, so that an edit can replace it. What is unknown is passed over.
//! Deliberately absent: the order of pathways; the player goes by it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The assets of an interstitial.
#[derive(Debug, Deserialize)]
pub(crate) struct AssetList<'a> {
    #[serde(borrow, rename = "ASSETS", default)]
    pub(crate) assets: Vec<Asset<'a>>,
}

/// One asset.
#[derive(Debug, Deserialize)]
pub(crate) struct Asset<'a> {
    #[serde(borrow, rename = "URI", default)]
    pub(crate) uri: Option<&'a RawValue>,
}

/// A steering manifest, of HLS or of DASH.
#[derive(Debug, Deserialize)]
pub(crate) struct Steering<'a> {
    #[serde(borrow, rename = "RELOAD-URI", default)]
    pub(crate) reload: Option<&'a RawValue>,
    #[serde(borrow, rename = "PATHWAY-CLONES", default)]
    pub(crate) clones: Vec<Clone<'a>>,
}

/// A pathway that is like another one, but elsewhere.
#[derive(Debug, Deserialize)]
pub(crate) struct Clone<'a> {
    /// The pathway it is like.
    #[serde(borrow, rename = "BASE-ID", default)]
    pub(crate) base: Option<&'a RawValue>,
    /// Its own name.
    #[serde(borrow, rename = "ID", default)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow, rename = "URI-REPLACEMENT", default)]
    pub(crate) replacement: Option<Replacement<'a>>,
}

/// Where it is.
#[derive(Debug, Deserialize)]
pub(crate) struct Replacement<'a> {
    #[serde(borrow, rename = "HOST", default)]
    pub(crate) host: Option<&'a RawValue>,
    /// Parameters that its URIs have in their queries.
    #[serde(borrow, rename = "PARAMS", default)]
    pub(crate) parameters: BTreeMap<String, &'a RawValue>,
    /// By `STABLE-VARIANT-ID`.
    #[serde(borrow, rename = "PER-VARIANT-URIS", default)]
    pub(crate) variants: BTreeMap<String, &'a RawValue>,
    /// By `STABLE-RENDITION-ID`.
    #[serde(borrow, rename = "PER-RENDITION-URIS", default)]
    pub(crate) renditions: BTreeMap<String, &'a RawValue>,
}

impl<'a> AssetList<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(without_mark(body)).ok()
    }
}

impl<'a> Steering<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(without_mark(body)).ok()
    }

    /// Each URI that stands for the URI of one playlist.
    pub(crate) fn stable_uris(&self) -> impl Iterator<Item = &'a RawValue> {
        let replacements = self.clones.iter().filter_map(|clone| clone.replacement.as_ref());
        let all = replacements.flat_map(|it| it.variants.values().chain(it.renditions.values()));
        all.copied()
    }
}

/// What a JSON string says.
pub(crate) fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}
