//! Thinning: of reports without a label, one per slot of time and play. The same for the past and the present.

use std::collections::HashMap;

use rebuffer_archive::stride_bucket;
use rebuffer_model::{Millis, Timestamp};
use rebuffer_tables::Head;

/// More plays than this are not told apart for long.
const MAX_KEYS: usize = 256;

/// What is thinned on its own: a player's play's attempt.
pub(super) type Key = (String, String, u32);

/// Remembers the slot of the last row that was kept.
#[derive(Debug)]
pub(super) struct Thinner {
    stride: Option<Millis>,
    last: HashMap<Key, i64>,
}

pub(super) fn key(head: &Head) -> Key {
    (head.player_id.0.clone(), head.play_id.0.clone(), head.attempt_id)
}

impl Thinner {
    pub(super) fn new(stride: Option<Millis>) -> Self {
        Self { stride, last: HashMap::new() }
    }

    /// Whether the row is told.
    pub(super) fn keeps(&mut self, key: &Key, ts: Timestamp, labelled: bool) -> bool {
        let Some(stride) = self.stride else { return true };
        if labelled {
            return true;
        }
        let slot = stride_bucket(ts, stride);
        if self.last.len() >= MAX_KEYS && !self.last.contains_key(key) {
            self.last.clear();
        }
        self.last.insert(key.clone(), slot) != Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_per_slot_and_play_and_every_labelled_one() {
        let mut thinner = Thinner::new(Some(Millis(1_000)));
        let one: Key = ("a".into(), "p".into(), 1);
        let other: Key = ("a".into(), "q".into(), 1);
        let mut keeps = |key: &Key, ms, labelled| thinner.keeps(key, Timestamp::from_millis(ms), labelled);
        assert!(keeps(&one, 0, false) && !keeps(&one, 999, false) && keeps(&one, 1_000, false));
        assert!(keeps(&other, 1_500, false), "another play has slots of its own");
        assert!(keeps(&one, 1_600, true) && !keeps(&one, 1_700, false));
        assert!(Thinner::new(None).keeps(&one, Timestamp::from_millis(0), false));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut thinner = Thinner::new(Some(Millis(1)));
        for index in 0..10 * MAX_KEYS {
            thinner.keeps(&(index.to_string(), String::new(), 0), Timestamp::from_millis(1), false);
        }
        assert!(thinner.last.len() <= MAX_KEYS);
    }
}
