//! How long packets take.

use std::time::Duration;

use rebuffer_shape::Netem;

use crate::path::Path;
use crate::plain;

/// Delays in ms, and how many round trips are measured.
const DELAYS: &[(u64, usize)] = &[(20, 41), (100, 15), (500, 5)];

#[test]
fn a_delay_is_added_within_two_milliseconds_or_percent() {
    let Some(mut path) = Path::new() else { return };
    let without = path.round_trip(101);
    for (ms, count) in DELAYS {
        path.change(Netem { delay_ns: ms * 1_000_000, ..plain() });
        let asked = Duration::from_millis(*ms);
        let added = path.round_trip(*count).saturating_sub(without);
        println!("{ms} ms: {added:?} added to {without:?}");
        let allowed = Duration::from_millis(2).max(asked / 50);
        assert!(added.abs_diff(asked) <= allowed, "{added:?} instead of {asked:?}");
    }
}
