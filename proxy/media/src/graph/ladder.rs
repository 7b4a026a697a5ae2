//! Rungs: the variants of a master in the order of their bandwidth.
//!
//! Invariant: rung numbers run from 0 without a gap. Variants that share a playlist differ only in their renditions and are
//! one rung, described by the first of them. Deliberately absent: variants of I-frames, which nobody plays at speed 1.

use std::collections::HashSet;
use std::sync::Arc;

use rebuffer_model::Variant;

use crate::hls::Master;

/// The most rungs of a ladder.
const MAX_RUNGS: u32 = 128;

/// A variant and where its playlist is, when that is on the session.
pub(super) struct Rung {
    pub(super) url: Option<String>,
    pub(super) variant: Arc<Variant>,
}

pub(super) fn read(master: &Master<'_>, mut resolve: impl FnMut(&str) -> Option<String>) -> Vec<Rung> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for variant in &master.variants {
        let url = resolve(variant.uri.text);
        if seen.insert(url.clone().unwrap_or_else(|| variant.uri.text.to_owned())) {
            found.push((url, variant));
        }
    }
    found.sort_by_key(|(_, variant)| variant.bandwidth);
    let numbered = (0..MAX_RUNGS).zip(found);
    numbered
        .map(|(rung, (url, variant))| {
            let variant = Variant {
                rung,
                bandwidth: variant.bandwidth,
                average_bandwidth: variant.average_bandwidth,
                resolution: variant.resolution,
                codecs: variant.codecs.map(str::to_owned),
                uri: variant.uri.text.to_owned(),
            };
            Rung { url, variant: Arc::new(variant) }
        })
        .collect()
}
