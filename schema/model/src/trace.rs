//! Traces: how fast a real link was over time, as the rig keeps them.
//!
//! Invariant: a `TraceStep` is the step of a public JSON form (`duration_ms`, `bandwidth_kbps`, `latency_ms`) with two fields
//! more. Deliberately absent: reading files (see the shaper's plan), and where traces are kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Conditions, Mbps, Millis, PatternStep, Percent, Shape};

/// A trace as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// How its file was written.
    pub format: TraceFormat,
    /// Its steps, in order; at least one, each at least 100 ms long.
    pub steps: Vec<TraceStep>,
}

/// One step of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceStep {
    /// How long it takes, ms; at least 100.
    pub duration_ms: u64,
    /// The rate towards the player, 10^3 bit/s; 0 is an outage.
    pub bandwidth_kbps: f64,
    /// Delay added towards the player, ms; absent leaves the player's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// Packets lost towards the player, percent; absent leaves the player's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_pct: Option<Percent>,
    /// The rate from the player, 10^3 bit/s; absent leaves the player's own, 0 is an outage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_kbps: Option<f64>,
}

/// How the file of a trace is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// One line per opportunity to send 1500 bytes: when it comes, whole ms from the start. The trace ends at its last line.
    Mahimahi,
    /// Lines of `seconds Mbit/s`; each rate holds until the next line.
    Pensieve,
    /// A JSON list of `{"duration_ms", "bandwidth_kbps", "latency_ms"}`, and optionally `loss_pct` and `up_kbps`.
    Sabre,
    /// A table with a line of names: `time_s` or `duration_s`; `mbps` or `kbps`; and optionally `delay_ms`, `loss_pct`,
    /// `up_mbps` or `up_kbps`.
    Csv,
}

/// What a trace is like. Rates are of windows of one second, 10^6 bit/s.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceStats {
    /// How long it is, seconds.
    pub length_s: f64,
    /// The mean rate.
    pub mean_mbps: f64,
    /// 5 % of the time the rate is at most this.
    pub p5_mbps: f64,
    /// Half of the time.
    pub p50_mbps: f64,
    /// 95 % of the time.
    pub p95_mbps: f64,
    /// The longest time without any rate, seconds.
    pub longest_outage_s: f64,
    /// Steps whose rate lies outside the bounds of `rate_mbps` and is played at the bound.
    pub clamped_steps: u32,
}

impl TraceFormat {
    /// Every format with its name.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Mahimahi, "mahimahi"),
        (Self::Pensieve, "pensieve"),
        (Self::Sabre, "sabre"),
        (Self::Csv, "csv"),
    ];
}

impl fmt::Display for TraceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(format, _)| format == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for TraceFormat {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text).map(|(format, _)| *format);
        found.ok_or_else(|| format!("a format is mahimahi, pensieve, sabre or csv; got {text:?}"))
    }
}

impl TraceStep {
    /// What it does to a link: an outage is a stall, and a rate outside the bounds of its knob is played at the bound.
    pub fn pattern_step(&self) -> PatternStep {
        let mut down = rated(self.bandwidth_kbps);
        down.delay_ms = self.latency_ms.map(|ms| Millis(ms.into()));
        down.loss_pct = self.loss_pct;
        let uplink = self.up_kbps.map(rated).unwrap_or_default();
        let shape = Shape { down, uplink, seed: None };
        let duration_seconds = Millis(self.duration_ms).as_f64() / 1_000.0;
        PatternStep { shape, duration_seconds, ..PatternStep::default() }
    }

    /// Whether its rate is played at a bound instead.
    pub fn is_clamped(&self) -> bool {
        let differs = |kbps: f64| kbps > 0.0 && Mbps::within_knob(kbps / 1_000.0).get() != kbps / 1_000.0;
        differs(self.bandwidth_kbps) || self.up_kbps.is_some_and(differs)
    }
}

fn rated(kbps: f64) -> Conditions {
    if kbps > 0.0 {
        Conditions { rate_mbps: Some(Mbps::within_knob(kbps / 1_000.0)), ..Conditions::default() }
    } else {
        Conditions { stall: Some(true), ..Conditions::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(json: &str) -> TraceStep {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_step_of_a_trace_is_a_step_of_a_pattern() {
        let played =
            step(r#"{"duration_ms":1500,"bandwidth_kbps":1250,"latency_ms":40,"loss_pct":1,"up_kbps":0}"#)
                .pattern_step();
        let want =
            r#"{"rate_mbps":1.25,"delay_ms":40,"loss_pct":1,"uplink":{"stall":true},"duration_seconds":1.5}"#;
        assert_eq!(played, serde_json::from_str(want).unwrap());
        let outage = step(r#"{"duration_ms":100,"bandwidth_kbps":0}"#);
        assert_eq!(
            outage.pattern_step(),
            serde_json::from_str(r#"{"stall":true,"duration_seconds":0.1}"#).unwrap()
        );
        assert!(!outage.is_clamped());
    }

    #[test]
    fn a_rate_outside_the_bounds_is_played_at_the_bound() {
        for (kbps, mbps) in [(1.0, 0.015), (2e7, 10_000.0)] {
            let step = TraceStep {
                duration_ms: 100,
                bandwidth_kbps: kbps,
                latency_ms: None,
                loss_pct: None,
                up_kbps: None,
            };
            assert!(step.is_clamped());
            assert_eq!(step.pattern_step().shape, Shape::capped(Mbps::new(mbps).unwrap()));
        }
    }

    #[test]
    fn formats_are_named_as_on_the_wire() {
        for (format, name) in TraceFormat::ALL {
            assert_eq!(serde_json::to_string(&format).unwrap(), format!("\"{name}\""));
            assert_eq!((name.parse(), format.to_string()), (Ok(format), name.to_owned()));
        }
        assert!("pcap".parse::<TraceFormat>().is_err());
    }
}
