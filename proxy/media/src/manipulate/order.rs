//! Orders of variants, and texts that change places.
//!
//! Invariant: what is exchanged is a permutation; texts go from slot to slot and slots stay where they are.
//! Deliberately absent: what stands in a slot.

use std::ops::Range;

use rebuffer_model::VariantOrder;

use crate::Edits;

/// For each place, which of the bandwidths stands there.
pub(super) fn permutation(order: VariantOrder, bandwidths: &[u64]) -> Vec<usize> {
    let mut places = (0..bandwidths.len()).collect::<Vec<_>>();
    match order {
        VariantOrder::Ascending => places.sort_by_key(|place| bandwidths.get(*place)),
        VariantOrder::Descending => places.sort_by_key(|place| std::cmp::Reverse(bandwidths.get(*place))),
        VariantOrder::Reversed => places.reverse(),
    }
    places
}

/// Puts into each slot the text of the slot that belongs there; slots that keep theirs are not touched.
pub(super) fn exchange(
    edits: &mut Edits,
    body: &[u8],
    slots: &[Range<usize>],
    from: impl Fn(usize) -> usize,
) {
    for (place, slot) in slots.iter().enumerate() {
        let text =
            slots.get(from(place)).and_then(|source| std::str::from_utf8(body.get(source.clone())?).ok());
        if let Some(text) = text.filter(|_| from(place) != place) {
            edits.replace(slot.clone(), text);
        }
    }
}
