//! A score being played: which step is in force at a given time.
//!
//! Invariant: every step begins where the one before it ends, counted in whole nanoseconds from the start; asking late or often
//! changes nothing. A new score is taken up at the boundary of a round and shifts no boundary before it.

use std::sync::Arc;
use std::time::Duration;

use super::{Score, length_of};

/// A score being played. Times are counted from the moment it began.
#[derive(Debug, Clone, PartialEq)]
pub struct Playing {
    score: Score,
    /// How far into the score it began.
    offset: Duration,
    round: Round,
}

/// The step in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// The round, from 1.
    pub round: u64,
    /// Which step of the score, from 0, whatever the order they are played in.
    pub step: usize,
    /// When it was to begin, from the start; 0 if it had begun before.
    pub begins: Duration,
    /// When it is over, from the start.
    pub ends: Duration,
}

/// One round: its steps in the order they are played, and when each ends, from the start of the score.
#[derive(Debug, Clone, PartialEq)]
struct Round {
    number: u64,
    began: Duration,
    order: Arc<[(usize, Duration)]>,
}

impl Playing {
    /// Begins a score this far from its start.
    pub fn begin(score: Score, offset: Duration) -> Self {
        let round = Round::of(&score, 1, Duration::ZERO);
        Self { score, offset, round }
    }

    /// The step in force this long after the beginning; none when the only round is over.
    pub fn at(&mut self, elapsed: Duration) -> Option<Beat> {
        let place = elapsed.saturating_add(self.offset);
        self.go_to(place)?;
        let Round { number, began, order } = &self.round;
        let next = order.partition_point(|(_, ends)| *ends <= place);
        let (step, ends) = order.get(next)?;
        let begins =
            next.checked_sub(1).and_then(|before| order.get(before)).map_or(*began, |(_, ends)| *ends);
        Some(Beat {
            round: *number,
            step: *step,
            begins: begins.saturating_sub(self.offset),
            ends: ends.saturating_sub(self.offset),
        })
    }

    /// Plays another score from the beginning of the round in force.
    pub fn take_up(&mut self, score: Score) {
        self.round = Round::of(&score, self.round.number, self.round.began);
        self.score = score;
    }

    /// The score.
    pub fn score(&self) -> &Score {
        &self.score
    }

    /// Turns to the round of this place, counted from the start of the score.
    fn go_to(&mut self, place: Duration) -> Option<()> {
        let length = self.score.length.as_nanos();
        let into = place.saturating_sub(self.round.began).as_nanos();
        let rounds = u64::try_from(into / length).ok()?;
        if rounds > 0 {
            if !self.score.repeat {
                return None;
            }
            let passed = u64::try_from(length.checked_mul(u128::from(rounds))?).ok()?;
            let began = self.round.began + Duration::from_nanos(passed);
            self.round = Round::of(&self.score, self.round.number + rounds, began);
        }
        Some(())
    }
}

impl Round {
    fn of(score: &Score, number: u64, began: Duration) -> Self {
        let mut places: Vec<usize> = (0..score.steps.len()).collect();
        if let Some(seed) = score.seed {
            shuffle(&mut places, u64::from(seed) ^ number.rotate_left(32));
        }
        let mut ends = began;
        let order = places.into_iter().filter_map(|place| {
            ends += length_of(score.steps.get(place)?);
            Some((place, ends))
        });
        Self { number, began, order: order.collect() }
    }
}

/// Fisher-Yates over SplitMix64: the same seed gives the same order on every machine and in every version.
fn shuffle(places: &mut [usize], seed: u64) {
    let mut state = seed;
    let mut random = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    for left in (2..=places.len()).rev() {
        let bound = u64::try_from(left).unwrap_or(u64::MAX);
        let chosen = usize::try_from(random() % bound).unwrap_or(0);
        places.swap(left - 1, chosen);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use rebuffer_model::{Mbps, Pattern, PatternStep, Shape};

    use super::*;

    fn config() -> ProptestConfig {
        ProptestConfig { rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() }
    }

    fn score(tenths: &[u32], repeat: bool, seed: Option<u32>) -> Score {
        let steps = tenths.iter().zip(1_u32..).map(|(tenths, rate)| PatternStep {
            shape: Shape::capped(Mbps::new(rate.into()).unwrap()),
            duration_seconds: f64::from(*tenths) / 10.0,
            ..PatternStep::default()
        });
        let pattern = Pattern { steps: steps.collect(), repeat, seed, ..Pattern::default() };
        Score::of(&pattern, &[], None).unwrap()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn steps_tile_time_and_every_round_plays_each_once(
            tenths in prop::collection::vec(1_u32..40, 1..12),
            seed in prop::option::of(any::<u32>()),
            offset in 0_u64..20_000,
        ) {
            let score = score(&tenths, true, seed);
            let length = score.length();
            let mut playing = Playing::begin(score.clone(), ms(offset));
            let mut elapsed = Duration::ZERO;
            let mut played: Vec<Beat> = Vec::new();
            for _ in 0..tenths.len() * 3 {
                let beat = playing.at(elapsed).unwrap();
                prop_assert!(beat.begins <= elapsed && elapsed < beat.ends);
                let last = beat.ends - Duration::from_nanos(1);
                prop_assert_eq!(playing.at(last), Some(beat), "in force to its last moment");
                // However late somebody asks who did not follow, the answer is the same.
                prop_assert_eq!(Playing::begin(score.clone(), ms(offset)).at(last), Some(beat));
                elapsed = beat.ends;
                played.push(beat);
            }
            let whole: Vec<_> = played.chunk_by(|a, b| a.round == b.round).collect();
            for round in &whole[1..whole.len() - 1] {
                let mut steps: Vec<_> = round.iter().map(|beat| beat.step).collect();
                prop_assert_eq!(round.last().unwrap().ends - round[0].begins, length);
                if seed.is_none() {
                    prop_assert!(steps.is_sorted());
                }
                steps.sort_unstable();
                prop_assert_eq!(steps, (0..tenths.len()).collect::<Vec<_>>());
            }
        }

        #[test]
        fn one_round_ends_exactly(tenths in prop::collection::vec(1_u32..40, 1..12), offset in 0_u64..5_000) {
            let score = score(&tenths, false, None);
            let end = score.length().saturating_sub(ms(offset));
            let mut playing = Playing::begin(score, ms(offset));
            prop_assert_eq!(playing.at(end), None);
            if end > Duration::ZERO {
                let last = playing.at(end - Duration::from_nanos(1)).unwrap();
                prop_assert_eq!((last.round, last.ends), (1, end));
            }
        }
    }

    #[test]
    fn each_round_has_an_order_of_its_own_and_a_seed_the_same_ones_again() {
        let orders = |seed| {
            let mut playing = Playing::begin(score(&[10; 8], true, Some(seed)), Duration::ZERO);
            let steps = (0..24).map(|second| playing.at(ms(second * 1_000)).unwrap().step);
            steps.collect::<Vec<_>>().chunks(8).map(<[usize]>::to_vec).collect::<Vec<_>>()
        };
        assert_eq!(orders(1), orders(1));
        assert_ne!(orders(1), orders(2));
        assert_ne!(orders(1)[0], orders(1)[1]);
        assert_eq!(orders(1)[0], [3, 4, 5, 6, 0, 2, 1, 7], "orders of a seed are the same for good");
    }

    #[test]
    fn another_score_begins_at_the_boundary_of_the_round() {
        let mut playing = Playing::begin(score(&[10, 10], true, None), Duration::ZERO);
        let late = playing.at(ms(4_300)).unwrap();
        assert_eq!((late.round, late.step), (3, 0));
        playing.take_up(score(&[2, 30], true, None));
        let beat = playing.at(ms(4_300)).unwrap();
        assert_eq!((beat.round, beat.step, beat.begins, beat.ends), (3, 1, ms(4_200), ms(7_200)));
        assert_eq!(playing.at(ms(7_200)).unwrap().round, 4);
    }

    #[test]
    fn a_day_of_tenths_of_a_second_ends_on_the_tenth() {
        let mut playing = Playing::begin(score(&[1, 1, 1], true, None), Duration::ZERO);
        assert_eq!(playing.at(ms(86_399_950)).unwrap().ends, ms(86_400_000));
    }
}
