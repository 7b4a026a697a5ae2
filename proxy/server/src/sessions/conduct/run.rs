//! A pattern of one session, from waiting for a ladder to its last step.
//!
//! Invariant: steps begin when they are due from the start of the pattern, however late somebody looks; a step that was slept
//! through was never in force and is not told of. Deliberately absent: the link.

use std::time::Duration;

use rebuffer_api::PatternView;
use rebuffer_model::{ActionKind, LeftOut, Mbps, Pattern, PatternStep, Timestamp};
use rebuffer_shape::{Beat, NoScore, Partial, Playing, Score};
use tokio::time::Instant;

use super::Stage;
use crate::clock;

/// How soon the player's own shape is tried again after a pattern, if it was refused.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A pattern that runs.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pattern: Pattern,
    state: State,
    /// Why the link is not as this step has it.
    refused: Option<String>,
    /// What is left out in any of the steps; none since there are other steps.
    left_out: Option<Vec<LeftOut>>,
    since: Option<Timestamp>,
    /// Bytes on the wire when the step began, and when that was.
    mark: Option<(u64, Instant)>,
}

/// What became due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    Stay,
    /// The first step.
    Begin,
    /// Another step.
    Step,
    /// The player's own shape, for good.
    Over,
    /// The same, which was refused before.
    OverAgain,
}

#[derive(Debug, Clone)]
enum State {
    Waiting(NoScore),
    Playing { playing: Playing, began: Instant, beat: Beat },
    Over { steps: u32, round: u64 },
}

impl Run {
    pub(super) fn new(pattern: Pattern) -> Self {
        let state = State::Waiting(NoScore::NoLadder);
        Self { pattern, state, refused: None, left_out: None, since: None, mark: None }
    }

    /// Whether this is the run of before, perhaps later.
    pub(super) fn continues(&self, before: &Self) -> bool {
        self.pattern == before.pattern
    }

    /// Goes to where the pattern is at `now`, and says what that means for the link.
    pub(super) fn turn(&mut self, now: Instant, stage: &impl Stage) -> Turn {
        match &mut self.state {
            State::Waiting(_) => self.try_to_begin(now, stage),
            State::Playing { playing, began, beat } => {
                let elapsed = now.saturating_duration_since(*began);
                let mut due = playing.at(elapsed);
                if due.is_some_and(|due| due.round != beat.round)
                    && let Ok(score) = score(&self.pattern, stage)
                    && score != *playing.score()
                {
                    playing.take_up(score);
                    self.left_out = None;
                    due = playing.at(elapsed);
                }
                match due {
                    Some(due) if due == *beat => Turn::Stay,
                    Some(due) => {
                        *beat = due;
                        Turn::Step
                    }
                    None => {
                        self.state = State::Over { steps: count(playing.score()), round: beat.round };
                        Turn::Over
                    }
                }
            }
            State::Over { .. } if self.refused.is_some() => Turn::OverAgain,
            State::Over { .. } => Turn::Stay,
        }
    }

    fn try_to_begin(&mut self, now: Instant, stage: &impl Stage) -> Turn {
        let score = match score(&self.pattern, stage) {
            Ok(score) => score,
            Err(why) => {
                self.state = State::Waiting(why);
                return Turn::Stay;
            }
        };
        let offset = Duration::try_from_secs_f64(self.pattern.start_offset_seconds).unwrap_or_default();
        let steps = count(&score);
        let mut playing = Playing::begin(score, offset);
        match playing.at(Duration::ZERO) {
            Some(beat) => {
                self.state = State::Playing { playing, began: now, beat };
                self.left_out = None;
                Turn::Begin
            }
            None => {
                self.state = State::Over { steps, round: 1 };
                Turn::Over
            }
        }
    }

    /// The step in force; none before the first and after the last.
    pub(super) fn step(&self) -> Option<&PatternStep> {
        match &self.state {
            State::Playing { playing, beat, .. } => playing.score().steps().get(beat.step),
            State::Waiting(_) | State::Over { .. } => None,
        }
    }

    /// Remembers whether the link took what is due.
    pub(super) fn set(&mut self, refused: Option<String>) {
        self.refused = refused;
    }

    /// Whether what is left out in any of the steps is known.
    pub(super) fn is_reviewed(&self) -> bool {
        self.left_out.is_some()
    }

    /// Works out what is left out in any of the steps.
    pub(super) fn review(&mut self, left_out: impl FnOnce(&[PatternStep]) -> Vec<LeftOut>) {
        self.left_out = match &self.state {
            State::Playing { playing, .. } => Some(left_out(playing.score().steps())),
            State::Waiting(_) | State::Over { .. } => None,
        };
    }

    /// What is to be told of a turn that put `link` in force, or tried to; `bytes` had passed by then.
    pub(super) fn told(&mut self, turn: Turn, link: &Partial, bytes: Option<u64>) -> Vec<ActionKind> {
        let now = Instant::now();
        let measured = self.mark.take().zip(bytes).and_then(|((before, since), bytes)| {
            mean_mbps(bytes.checked_sub(before)?, now.saturating_duration_since(since))
        });
        let mut told = Vec::new();
        match turn {
            Turn::Stay | Turn::OverAgain => return told,
            Turn::Over => {
                self.since = None;
                told.push(ActionKind::PatternDisabled { mode: self.mode(), finished: true });
                return told;
            }
            Turn::Begin | Turn::Step => {}
        }
        let State::Playing { playing, beat, .. } = &self.state else { return told };
        let score = playing.score();
        if turn == Turn::Begin {
            told.push(ActionKind::PatternEnabled {
                mode: self.mode(),
                steps: count(score),
                round_s: score.length().as_secs_f64(),
                repeat: score.repeats(),
            });
        }
        told.push(ActionKind::PatternStep {
            step: number(beat.step),
            mode: self.mode(),
            rate_mbps: link.asked.down.rate_mbps.map(Mbps::get),
            duration_s: score.steps().get(beat.step).map_or(0.0, |step| step.duration_seconds),
            asked: Box::new(link.asked),
            previous_measured_mbps: measured,
            left_out: link.left_out.clone(),
            refused: self.refused.clone(),
        });
        self.since = Some(clock::now());
        self.mark = bytes.map(|bytes| (bytes, now));
        told
    }

    /// What is to be told when it is ended from outside; nothing if it had not begun, or was over.
    pub(super) fn disabled(&self) -> Option<ActionKind> {
        match self.state {
            State::Playing { .. } => Some(ActionKind::PatternDisabled { mode: self.mode(), finished: false }),
            State::Waiting(_) | State::Over { .. } => None,
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Whether something will become due.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.state, State::Over { .. }) || self.refused.is_some()
    }

    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        match &self.state {
            State::Waiting(_) => None,
            State::Playing { began, beat, .. } => began.checked_add(beat.ends),
            State::Over { .. } => self.refused.as_ref().map(|_| now + TRY_AGAIN),
        }
    }

    pub(super) fn view(&self) -> PatternView {
        let (step, steps, round, why) = match &self.state {
            State::Waiting(why) => (0, 0, 1, Some(why.to_string())),
            State::Playing { playing, beat, .. } => {
                (number(beat.step), count(playing.score()), beat.round, None)
            }
            State::Over { steps, round } => {
                (0, *steps, *round, Some("it has played its one round".to_owned()))
            }
        };
        let idle = self.refused.as_ref().map(|refused| format!("refused: {refused}")).or(why);
        let left_out = match self.state {
            State::Playing { .. } => self.left_out.clone().unwrap_or_default(),
            State::Waiting(_) | State::Over { .. } => Vec::new(),
        };
        PatternView { mode: self.mode(), step, steps, round, since: self.since, idle, left_out }
    }

    fn mode(&self) -> String {
        self.pattern.mode().to_owned()
    }
}

fn score(pattern: &Pattern, stage: &impl Stage) -> Result<Score, NoScore> {
    let ladder = if pattern.template.is_some() { stage.ladder() } else { Vec::new() };
    let trace = pattern.trace.as_ref().and_then(|name| stage.trace(name));
    Score::of(pattern, &ladder, trace.as_deref())
}

fn count(score: &Score) -> u32 {
    u32::try_from(score.steps().len()).unwrap_or(u32::MAX)
}

fn number(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX).saturating_add(1)
}

/// The mean rate over a time, 10^6 bit/s to three places.
#[expect(clippy::cast_precision_loss, reason = "bytes of one step stay far below 2^53")]
fn mean_mbps(bytes: u64, time: Duration) -> Option<f64> {
    let seconds = time.as_secs_f64();
    (seconds > 0.0).then(|| (bytes as f64 * 8.0 / seconds / 1e3).round() / 1e3)
}
