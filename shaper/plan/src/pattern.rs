//! Patterns expanded: from what was asked, a ladder and a trace to steps with lengths.
//!
//! Invariant: a score has at least one step and takes time; every rate in it lies within the bounds of its knob. Its steps tile
//! time without a gap, and nothing is ever added up from measured times, so nothing drifts.
//! Deliberately absent: the clock, and the player's own shape; whoever plays a step puts it over that.

mod playing;

use std::sync::Arc;
use std::time::Duration;

use rebuffer_model::{Mbps, Pattern, PatternStep, PatternTemplate, Trace, TraceStep, Variant};

pub use playing::{Beat, Playing};

/// What a pattern comes to: the steps of a round.
/// Cloning shares the steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    steps: Arc<[PatternStep]>,
    length: Duration,
    repeat: bool,
    seed: Option<u32>,
}

/// Why a pattern cannot be played yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoScore {
    /// The template needs the bandwidths of a ladder.
    #[error("no ladder is known yet; the pattern begins with the first master playlist")]
    NoLadder,
    /// The trace is not kept any more.
    #[error("the trace is not kept here any more")]
    NoTrace,
    /// No step takes any time.
    #[error("no step takes any time")]
    NoTime,
}

impl Score {
    /// Expands a pattern over the ladder and the trace as they are now.
    pub fn of(pattern: &Pattern, ladder: &[Variant], trace: Option<&Trace>) -> Result<Self, NoScore> {
        let steps: Arc<[PatternStep]> = match (pattern.template, &pattern.trace) {
            (Some(template), _) => {
                let rates = rates(ladder, pattern.margin_pct);
                if rates.is_empty() {
                    return Err(NoScore::NoLadder);
                }
                let step = |rate| rated_step(rate, pattern.default_step_seconds);
                arranged(template, &rates).into_iter().map(step).collect()
            }
            (None, Some(_)) => {
                trace.ok_or(NoScore::NoTrace)?.steps.iter().map(TraceStep::pattern_step).collect()
            }
            (None, None) => pattern.steps.iter().filter(|step| !step.disabled).cloned().collect(),
        };
        let length = steps.iter().map(length_of).sum();
        if length == Duration::ZERO {
            return Err(NoScore::NoTime);
        }
        Ok(Self { steps, length, repeat: pattern.repeat, seed: pattern.seed })
    }

    /// The steps, in the order they were written.
    pub fn steps(&self) -> &[PatternStep] {
        &self.steps
    }

    /// How long a round takes.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Whether it begins anew after its last step.
    pub fn repeats(&self) -> bool {
        self.repeat
    }
}

/// What a template has to work with: a rate per rung, the lowest first.
fn rates(ladder: &[Variant], margin_pct: f64) -> Vec<Mbps> {
    let mut rates: Vec<f64> = ladder.iter().map(|variant| rate_of(variant, margin_pct)).collect();
    rates.retain(|rate| *rate > 0.0);
    rates.sort_by(f64::total_cmp);
    rates.into_iter().map(Mbps::within_knob).collect()
}

/// The rate of a rung with the margin over it, 10^6 bit/s to three places.
#[expect(clippy::cast_precision_loss, reason = "bandwidths stay far below 2^53 bit/s")]
fn rate_of(variant: &Variant, margin_pct: f64) -> f64 {
    let bits = variant.average_bandwidth.unwrap_or(variant.bandwidth) as f64;
    (bits * (1.0 + margin_pct / 100.0) / 1e3).round() / 1e3
}

/// The rates in the order of a template; they come ascending.
fn arranged(template: PatternTemplate, rates: &[Mbps]) -> Vec<Mbps> {
    let up = || rates.iter().copied();
    match template {
        PatternTemplate::SquareWave => rates.first().into_iter().chain(rates.last()).copied().collect(),
        PatternTemplate::RampUp => up().collect(),
        PatternTemplate::RampDown => up().rev().collect(),
        PatternTemplate::Pyramid => up().chain(up().rev().skip(1)).collect(),
    }
}

fn rated_step(rate: Mbps, duration_seconds: f64) -> PatternStep {
    PatternStep { shape: rebuffer_model::Shape::capped(rate), duration_seconds, ..PatternStep::default() }
}

/// How long a step takes; a step whose length makes no sense takes no time and is never in force.
fn length_of(step: &PatternStep) -> Duration {
    Duration::try_from_secs_f64(step.duration_seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(rungs: &[(u64, Option<u64>)]) -> Vec<Variant> {
        let variant = |(rung, (bandwidth, average_bandwidth)): (u32, &(u64, Option<u64>))| Variant {
            rung,
            bandwidth: *bandwidth,
            average_bandwidth: *average_bandwidth,
            resolution: None,
            codecs: None,
            uri: String::new(),
        };
        (0..).zip(rungs).map(variant).collect()
    }

    fn rates_of(json: &str, ladder: &[Variant]) -> Vec<f64> {
        let pattern: Pattern = serde_json::from_str(json).unwrap();
        let score = Score::of(&pattern, ladder, None).unwrap();
        let rate = |step: &PatternStep| step.shape.down.rate_mbps.map_or(0.0, Mbps::get);
        score.steps().iter().map(rate).collect()
    }

    #[test]
    fn templates_walk_the_ladder() {
        let ladder = ladder(&[(0, None), (2_000_000, Some(1_000_000)), (3_000_001, None), (4_400_000, None)]);
        for (template, want) in [
            ("square_wave", &[1.05, 4.62][..]),
            ("ramp_up", &[1.05, 3.15, 4.62]),
            ("ramp_down", &[4.62, 3.15, 1.05]),
            ("pyramid", &[1.05, 3.15, 4.62, 3.15, 1.05]),
        ] {
            assert_eq!(rates_of(&format!(r#"{{"template":"{template}"}}"#), &ladder), want, "{template}");
        }
        assert_eq!(rates_of(r#"{"template":"ramp_up","margin_pct":0}"#, &ladder), [1.0, 3.0, 4.4]);
    }

    #[test]
    fn rates_are_ascending_also_when_averages_are_not_and_lie_within_bounds() {
        let ladder =
            ladder(&[(1, None), (900, Some(800)), (1_000_000, Some(900_000)), (1_100_000, Some(500_000))]);
        assert_eq!(rates_of(r#"{"template":"ramp_up","margin_pct":0}"#, &ladder), [0.015, 0.5, 0.9]);
    }

    #[test]
    fn a_template_without_a_ladder_waits_and_a_trace_that_is_gone_says_so() {
        let of = |json: &str, ladder: &[Variant]| {
            Score::of(&serde_json::from_str(json).unwrap(), ladder, None).unwrap_err()
        };
        assert_eq!(of(r#"{"template":"pyramid"}"#, &[]), NoScore::NoLadder);
        assert_eq!(of(r#"{"template":"pyramid"}"#, &ladder(&[(0, None)])), NoScore::NoLadder);
        assert_eq!(of(r#"{"trace":"gone"}"#, &[]), NoScore::NoTrace);
        assert_eq!(of(r#"{"steps":[]}"#, &[]), NoScore::NoTime);
    }

    #[test]
    fn disabled_steps_are_left_out_and_the_round_takes_what_its_steps_take() {
        let pattern = r#"{"steps":[{"rate_mbps":1,"duration_seconds":0.1},{"duration_seconds":9,"disabled":true},
            {"stall":true,"duration_seconds":0.2}]}"#;
        let score = Score::of(&serde_json::from_str(pattern).unwrap(), &[], None).unwrap();
        assert_eq!((score.steps().len(), score.length()), (2, Duration::from_millis(300)));
    }
}
