//! Patterns: shapes over time, run by the rig.
//!
//! Invariant: a pattern that passed `check` can be run; every step names its length. Deliberately absent: the expansion of
//! templates and the clock (see the shaper's plan), and where traces are kept.

use std::fmt;
use std::str::FromStr;

use serde::de::MapAccess;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Shape;
use crate::flat::{Flat, fields, read_flat};

/// The most steps a pattern may list.
pub const MAX_STEPS: usize = 1_000;

/// How a link changes over time. Exactly one of `template`, `steps` and `trace` says what it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pattern {
    /// A form over the player's current ladder of bandwidths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<PatternTemplate>,
    /// How far above the bandwidth of a rung a template's rate lies, percent: what headers and retransmissions need.
    #[schema(minimum = 0, maximum = 100)]
    pub margin_pct: f64,
    /// How long each step of a template takes, seconds.
    #[schema(exclusive_minimum = 0, maximum = 3_600)]
    pub default_step_seconds: f64,
    /// Explicit steps; at most 1000.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<PatternStep>,
    /// A trace the rig keeps, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceName>,
    /// Whether the steps begin anew after the last; if not, the player's own shape is in force again then.
    pub repeat: bool,
    /// Where in the pattern to begin, seconds from its start.
    #[schema(minimum = 0, maximum = 86_400)]
    pub start_offset_seconds: f64,
    /// Plays the steps of each round in a random order of this seed; absent keeps the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
}

/// One step: knobs put over the player's own shape for a while.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct PatternStep {
    /// The knobs; those that are absent stay as the player's shape has them. `stall` is a knob.
    #[serde(flatten)]
    pub shape: Shape,
    /// Whether the downlink has no rate at all, whatever the player's shape and the baseline say.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    pub unlimited: bool,
    /// How long it takes, seconds; at least 0.1.
    #[schema(minimum = 0.1, maximum = 86_400)]
    pub duration_seconds: f64,
    /// Whether it is left out.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    pub disabled: bool,
}

/// A form over a ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatternTemplate {
    /// Lowest rung, highest rung.
    #[serde(alias = "square")]
    SquareWave,
    /// Up the ladder.
    RampUp,
    /// Down the ladder.
    RampDown,
    /// Up and down again, the top once.
    Pyramid,
}

/// The name of a trace: 1 to 63 of a-z, 0-9, `_`, `.`, `-`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_.-]{0,62}$")]
pub struct TraceName(String);

impl Default for Pattern {
    fn default() -> Self {
        Self {
            template: None,
            margin_pct: 5.0,
            default_step_seconds: 6.0,
            steps: Vec::new(),
            trace: None,
            repeat: true,
            start_offset_seconds: 0.0,
            seed: None,
        }
    }
}

impl Pattern {
    /// Checks what it says against itself, and its steps against the bounds of the knobs: the pointer of the first mistake relative to the pattern, and what is wrong.
    pub fn check(&self) -> Result<(), (String, String)> {
        let sources = usize::from(self.template.is_some())
            + usize::from(!self.steps.is_empty())
            + usize::from(self.trace.is_some());
        if sources != 1 {
            let message = "exactly one of template, steps and trace says what a pattern does".to_owned();
            return Err((String::new(), message));
        }
        let bounds = [
            ("margin_pct", self.margin_pct, 0.0, 100.0),
            ("default_step_seconds", self.default_step_seconds, 0.1, 3_600.0),
            ("start_offset_seconds", self.start_offset_seconds, 0.0, 86_400.0),
        ];
        for (name, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return Err((format!("/{name}"), format!("must be from {min} to {max}; got {value}")));
            }
        }
        if self.steps.len() > MAX_STEPS {
            return Err(("/steps".into(), format!("at most {MAX_STEPS} steps; got {}", self.steps.len())));
        }
        if !self.steps.is_empty() && self.steps.iter().all(|step| step.disabled) {
            return Err(("/steps".into(), "every step is disabled".into()));
        }
        for (index, step) in self.steps.iter().enumerate() {
            step.check().map_err(|(field, message)| (format!("/steps/{index}/{field}"), message))?;
        }
        Ok(())
    }

    /// The public name of what it does: the template's, `steps` or `trace`.
    pub fn mode(&self) -> &'static str {
        match (self.template, &self.trace) {
            (Some(PatternTemplate::SquareWave), _) => "square_wave",
            (Some(PatternTemplate::RampUp), _) => "ramp_up",
            (Some(PatternTemplate::RampDown), _) => "ramp_down",
            (Some(PatternTemplate::Pyramid), _) => "pyramid",
            (None, Some(_)) => "trace",
            (None, None) => "steps",
        }
    }
}

impl PatternStep {
    fn check(&self) -> Result<(), (String, String)> {
        if !(0.1..=86_400.0).contains(&self.duration_seconds) {
            let message = format!("must be from 0.1 to 86400 seconds; got {}", self.duration_seconds);
            return Err(("duration_seconds".into(), message));
        }
        if self.unlimited && self.shape.down.rate_mbps.is_some() {
            return Err(("unlimited".into(), "contradicts the rate_mbps of the same step".into()));
        }
        self.shape.check_bounds()
    }

    /// The link during this step, for a player whose own shape is `base`. What the queue holds goes with the rate.
    #[must_use]
    pub fn over(&self, base: &Shape) -> Shape {
        let mut shape = base.overlaid(&self.shape);
        if self.unlimited {
            shape.down.rate_mbps = None;
            shape.down.queue_bytes = None;
        }
        shape
    }
}

impl Flat for PatternStep {
    const WHAT: &'static str = "a step of a pattern";

    fn names() -> Vec<&'static str> {
        [vec!["duration_seconds", "unlimited", "disabled"], Shape::names()].concat()
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        fields!(self, name, map: duration_seconds, unlimited, disabled else match name {
            // The predecessor's spelling.
            "enabled" => {
                self.disabled = !map.next_value::<bool>()?;
                Ok(true)
            }
            _ => self.shape.read(name, map),
        });
        Ok(true)
    }
}

read_flat!(PatternStep);

impl TraceName {
    /// A checked name.
    pub fn new(text: &str) -> Result<Self, String> {
        let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-');
        let starts = text.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if starts && text.len() <= 63 && text.chars().all(ok) {
            Ok(Self(text.to_owned()))
        } else {
            let rule =
                "a trace's name is 1 to 63 of a-z, 0-9, '_', '.', '-', beginning with a letter or digit";
            Err(format!("{rule}; got {text:?}"))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TraceName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

impl TryFrom<String> for TraceName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<TraceName> for String {
    fn from(name: TraceName) -> String {
        name.0
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(json: &str) -> Pattern {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn one_source_and_only_one() {
        for good in [
            r#"{"template":"pyramid"}"#,
            r#"{"template":"square","margin_pct":0}"#,
            r#"{"trace":"lte-1"}"#,
            r#"{"steps":[{"rate_mbps":1,"duration_seconds":6},{"stall":true,"duration_seconds":0.5}],"repeat":false}"#,
            r#"{"steps":[{"unlimited":true,"duration_seconds":6,"enabled":true,"uplink":{"loss_pct":1}}]}"#,
        ] {
            pattern(good).check().unwrap_or_else(|error| panic!("{good}: {error:?}"));
        }
        for bad in ["{}", r#"{"template":"pyramid","trace":"a"}"#] {
            assert_eq!(pattern(bad).check().unwrap_err().0, "", "{bad}");
        }
    }

    #[test]
    fn a_mistake_in_a_step_points_into_it() {
        for (json, at) in [
            (r#"{"steps":[{"duration_seconds":0.01}]}"#, "/steps/0/duration_seconds"),
            (
                r#"{"steps":[{"duration_seconds":1},{"duration_seconds":1,"uplink":{"jitter_ms":50000}}]}"#,
                "/steps/1/uplink/jitter_ms",
            ),
            (r#"{"steps":[{"duration_seconds":1,"unlimited":true,"rate_mbps":1}]}"#, "/steps/0/unlimited"),
            (r#"{"steps":[{"duration_seconds":1,"disabled":true}]}"#, "/steps"),
            (r#"{"template":"ramp_up","margin_pct":101}"#, "/margin_pct"),
        ] {
            assert_eq!(pattern(json).check().unwrap_err().0, at, "{json}");
        }
    }

    #[test]
    fn a_step_is_read_as_it_is_written() {
        let step: PatternStep =
            serde_json::from_str(r#"{"rate_mbps":1,"duration_seconds":6,"enabled":false}"#).unwrap();
        assert!(step.disabled);
        let json = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<PatternStep>(&json).unwrap(), step);
        assert!(serde_json::from_str::<PatternStep>(r#"{"duration_seconds":6,"rate":1}"#).is_err());
    }

    #[test]
    fn a_step_stands_over_the_players_own_shape() {
        let base = r#"{"rate_mbps":5,"queue_bytes":30000,"delay_ms":20,"uplink":{"rate_mbps":1}}"#;
        let base: Shape = serde_json::from_str(base).unwrap();
        let over = |json: &str| serde_json::from_str::<PatternStep>(json).unwrap().over(&base);
        let plain = over(r#"{"rate_mbps":2,"jitter_ms":9}"#);
        let want =
            r#"{"rate_mbps":2,"queue_bytes":30000,"delay_ms":20,"jitter_ms":9,"uplink":{"rate_mbps":1}}"#;
        assert_eq!(plain, serde_json::from_str(want).unwrap());
        let unlimited = over(r#"{"unlimited":true}"#);
        assert_eq!(unlimited, serde_json::from_str(r#"{"delay_ms":20,"uplink":{"rate_mbps":1}}"#).unwrap());
    }

    #[test]
    fn trace_names_follow_the_rule() {
        assert!(TraceName::new("lte.down-1_a").is_ok());
        for bad in ["", "Lte", "-a", "a b", "a/b", &"a".repeat(64)] {
            assert!(TraceName::new(bad).is_err(), "{bad:?}");
        }
    }
}
