//! Chance that can be repeated: a number out of a seed and a place.
//!
//! Invariant: the same seed and place give the same number, on every machine; neighbouring places give numbers that have nothing
//! to do with each other. Deliberately absent: state, so that places may be asked for in any order.

/// The number at `place` of the sequence that `seed` begins (SplitMix64).
pub fn chance(seed: u64, place: u64) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut mixed = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(STEP));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_a_seed_is_the_published_one() {
        let first: Vec<u64> = (0..3).map(|place| chance(1_234_567, place)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn numbers_spread_over_the_whole_range() {
        let mut buckets = [0_u32; 16];
        for place in 0..16_000 {
            buckets[usize::try_from(chance(0, place) >> 60).unwrap()] += 1;
        }
        assert!(buckets.iter().all(|count| (850..1_150).contains(count)), "{buckets:?}");
    }
}
