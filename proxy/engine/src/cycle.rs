//! Where a rule stands in its cadence, and whether the next match fires.
//!
//! C is `consecutive`, F is `frequency`; only the requests that the rule owns are counted.
//! `requests`: the first C of every F. `seconds`: the first C seconds of every F, on a fixed grid that begins with the
//! first match. Both fire on every match when F <= C. `failures_per_seconds`: at most C per window of F seconds; a window
//! begins with the first match at or after the end of the one before, so that after a pause the next burst meets a whole
//! window and not the rest of one. F = 0 is a single window, after which the cycle is over until it is begun anew.
//! Deliberately absent: filters and faults; a cycle is asked only about requests that are its own.

use rebuffer_model::{Cadence, Mode};

use crate::moment::{Moment, micros};

/// The state of one rule's cadence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cycle {
    /// Owned requests so far.
    position: u64,
    /// The first of them.
    first: Option<Moment>,
    /// `failures_per_seconds`: when the current window began.
    window: Option<Moment>,
    /// `failures_per_seconds`: how many fired in it.
    in_window: u32,
}

impl Cycle {
    /// Whether the single window of F = 0 is behind us.
    pub(crate) fn is_over(&self, cadence: Cadence, now: Moment) -> bool {
        if cadence.frequency != 0 {
            return false;
        }
        let consecutive = cadence.consecutive.get();
        match cadence.mode {
            Mode::Requests => self.position >= u64::from(consecutive),
            Mode::Seconds => self.first.is_some_and(|first| now.since(first) >= micros(consecutive)),
            Mode::FailuresPerSeconds => self.in_window >= consecutive,
        }
    }

    /// Counts a request the rule owns; says whether the rule fires on it. Not to be asked once the cycle is over.
    pub(crate) fn advance(&mut self, cadence: Cadence, now: Moment) -> bool {
        let (consecutive, frequency) = (cadence.consecutive.get(), cadence.frequency);
        let position = self.position;
        self.position = position.saturating_add(1);
        let first = *self.first.get_or_insert(now);
        match cadence.mode {
            Mode::Requests => {
                frequency <= consecutive || position % u64::from(frequency) < u64::from(consecutive)
            }
            Mode::Seconds => {
                frequency <= consecutive || now.since(first) % micros(frequency) < micros(consecutive)
            }
            Mode::FailuresPerSeconds => self.advance_window(consecutive, frequency, now),
        }
    }

    fn advance_window(&mut self, consecutive: u32, frequency: u32, now: Moment) -> bool {
        let ended = |start: Moment| frequency > 0 && now.since(start) >= micros(frequency);
        if self.window.is_none_or(ended) {
            self.window = Some(now);
            self.in_window = 0;
        }
        let fires = self.in_window < consecutive;
        self.in_window += u32::from(fires);
        fires
    }
}
