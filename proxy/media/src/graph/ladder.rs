//! Rungs: the variants of a master, or the pictures of an MPD, in the order of their bandwidth.
//!
//! Invariant: rung numbers run from 0 without a gap. Variants that share a playlist differ only in their renditions and are
//! one rung, described by the first of them; so are representations of the same bandwidth, resolution and codecs, which
//! stand in several periods or sets. Deliberately absent: variants of I-frames, which nobody plays at speed 1.

use std::collections::HashSet;
use std::sync::Arc;

use rebuffer_model::Variant;

use super::Ladder;
use crate::address::Address;
use crate::dash::{ContentType, Mpd, Representation};
use crate::hls::{Master, Text};

/// The most rungs of a ladder.
const MAX_RUNGS: u32 = 128;

/// A variant and where its playlist is, when that is on the session.
pub(super) struct Rung {
    pub(super) at: Option<Address>,
    pub(super) stable_id: Option<String>,
    pub(super) pathway: String,
    pub(super) variant: Arc<Variant>,
}

pub(super) fn read(master: &Master<'_>, mut resolve: impl FnMut(Text<'_>) -> Option<Address>) -> Vec<Rung> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for variant in &master.variants {
        let at = resolve(variant.uri);
        let is_new = match &at {
            Some(at) => seen.insert((Some(at.origin), at.target.clone())),
            None => seen.insert((None, variant.uri.text.to_owned())),
        };
        if is_new {
            found.push((at, variant));
        }
    }
    found.sort_by_key(|(_, variant)| variant.bandwidth);
    let numbered = (0..MAX_RUNGS).zip(found);
    numbered
        .map(|(rung, (at, variant))| {
            let (stable_id, pathway) = (variant.stable_id.map(str::to_owned), variant.pathway.to_owned());
            let variant = Variant {
                rung,
                bandwidth: variant.bandwidth,
                average_bandwidth: variant.average_bandwidth,
                resolution: variant.resolution,
                codecs: variant.codecs.map(str::to_owned),
                uri: variant.uri.text.to_owned(),
            };
            Rung { at, stable_id, pathway, variant: Arc::new(variant) }
        })
        .collect()
}

/// The representations of pictures.
pub(crate) fn of_mpd(mpd: &Mpd<'_>) -> Ladder {
    let mut found = Vec::<Variant>::new();
    for representation in mpd.representations.iter().filter(|representation| is_rung(representation)) {
        if !found.iter().any(|variant| is_of(representation, variant)) {
            found.push(Variant {
                rung: 0,
                bandwidth: representation.bandwidth,
                average_bandwidth: None,
                resolution: representation.resolution,
                codecs: representation.codecs.as_deref().map(str::to_owned),
                uri: representation.id.clone().into_owned(),
            });
        }
    }
    found.sort_by_key(|variant| variant.bandwidth);
    let numbered = (0..MAX_RUNGS).zip(found);
    numbered.map(|(rung, variant)| Arc::new(Variant { rung, ..variant })).collect()
}

/// The rung that a representation is.
pub(crate) fn rung_of(representation: &Representation<'_>, ladder: &Ladder) -> Option<Arc<Variant>> {
    let rung = ladder.iter().find(|variant| is_of(representation, variant));
    rung.filter(|_| is_rung(representation)).cloned()
}

fn is_rung(representation: &Representation<'_>) -> bool {
    representation.content == ContentType::Video && !representation.trick
}

fn is_of(representation: &Representation<'_>, variant: &Variant) -> bool {
    (representation.bandwidth, representation.resolution) == (variant.bandwidth, variant.resolution)
        && representation.codecs.as_deref() == variant.codecs.as_deref()
}
