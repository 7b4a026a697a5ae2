//! A fault rule: which requests, how often, which fault.
//!
//! Invariant: patterns are few and short, and `consecutive` is at least 1.
//! Deliberately absent: evaluation and its counters, and what patterns cost when they are compiled (see the engine).

use std::num::NonZeroU32;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::params::WrittenRule;
use crate::{Fault, FaultParams, PresentationRole, RequestKind, Resolution, RuleId, Step};

/// The most patterns a list of a filter may hold.
const MAX_PATTERNS: usize = 64;
/// The most bytes a pattern may have.
const MAX_PATTERN_BYTES: usize = 1_024;

/// A fault, the requests it is meant for, and its cadence. Rules stand in a list; the first that matches a request and is not
/// exhausted owns it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(from = "WrittenRule")]
pub struct Rule {
    /// The rule's name, unique within its player; a rule that comes without one is given `rule-1`, `rule-2` and so on.
    #[serde(default)]
    pub id: RuleId,
    /// What happens on the wire.
    #[serde(rename = "type")]
    pub fault: Fault,
    /// Length of the cycle, in the unit of `mode`; 0 means one window, after which the rule is exhausted.
    #[serde(default)]
    pub frequency: u32,
    /// Length of the faulted part of the cycle, in the unit of `mode`; at least 1.
    #[serde(default = "one")]
    #[schema(value_type = u32, minimum = 1)]
    pub consecutive: NonZeroU32,
    /// What `frequency` and `consecutive` count.
    #[serde(default)]
    pub mode: Mode,
    /// Which requests; absent means all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// What the fault is told beyond its name.
    #[serde(flatten)]
    pub params: FaultParams,
}

/// What a cadence counts. C is `consecutive`, F is `frequency`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The first C of every F matching requests; F <= C means every one.
    Requests,
    /// The first C seconds of every F seconds, from the first matching request; F <= C means always.
    Seconds,
    /// At most C matching requests in each window of F seconds, from the first matching request.
    #[default]
    FailuresPerSeconds,
}

/// The three numbers that decide when a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cadence {
    /// C.
    pub consecutive: NonZeroU32,
    /// F; 0 is one window.
    pub frequency: u32,
    /// What both count.
    pub mode: Mode,
}

/// The requests a rule is meant for: every named predicate must hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Any of these kinds; empty means every kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_kind: Vec<RequestKind>,
    /// Any of these hosts, as the player asks for them: the name of an origin, or `host`, or `host:port`, with `*` for any
    /// letters and `?` for one; at most 64, each of at most 1024 bytes; empty means every host.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "patterns")]
    pub host: Vec<String>,
    /// The presentation the request belongs to. Without it, `variant` means the primary presentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presentation: Option<PresentationPredicate>,
    /// The variant the request belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantPredicate>,
    /// The URL of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_match: Option<UrlMatch>,
    /// The place of the request in its playlist, in its play and before the live edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<SequencePredicate>,
}

/// Which presentations: every named predicate must hold; within a list, any. What belongs to none matches nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresentationPredicate {
    /// What it is to the player; empty means everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<PresentationRole>,
    /// The paths of its master or MPD, with `*` for any letters and `?` for one; at most 64, each of at most 1024 bytes; empty
    /// means every path.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "patterns")]
    pub paths: Vec<String>,
}

/// Where a segment or part stands: every named predicate must hold. What no playlist declared stands nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SequencePredicate {
    /// Its media sequence number; in an MPD its number, or its place in the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_sequence: Option<Span>,
    /// How many others of its kind the play asked for before it, each counted once; 0 is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_in_play: Option<Span>,
    /// How many segments its playlist has after it; 0 is the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_live_edge: Option<Span>,
}

/// A span of numbers, both ends included; an absent end is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "WrittenSpan")]
pub struct Span {
    /// The first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

/// Which rungs of the ladder of its presentation: every named predicate must hold; within a list, any.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantPredicate {
    /// Rungs by number, 0 is the lowest bandwidth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rung_indexes: Vec<u32>,
    /// Rungs by place in the current ladder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rung_positions: Vec<RungPosition>,
    /// Declared resolutions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub resolutions: Vec<Resolution>,
    /// Declared bandwidth above this many bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_above: Option<u64>,
    /// Declared bandwidth below this many bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_below: Option<u64>,
    /// One of the declared codecs begins with this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec_prefix: Option<String>,
}

/// A place in the ladder that follows the ladder when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RungPosition {
    /// The highest bandwidth.
    Top,
    /// The one below the highest.
    SecondFromTop,
    /// The lowest bandwidth.
    Bottom,
    /// The one above the lowest.
    SecondFromBottom,
}

/// A predicate on the path of the request, without its query. Any of the patterns may match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "RawUrlMatch")]
pub struct UrlMatch {
    /// How the patterns are read.
    pub mode: UrlMatchMode,
    /// From one to 64 patterns, each of at most 1024 bytes; a `regex` has the syntax of the Rust regex crate, matches anywhere,
    /// and its classes are those of ASCII, as paths are. What all patterns of a player compile to is bounded as well.
    #[schema(min_items = 1, max_items = 64)]
    pub patterns: Vec<String>,
}

/// How a URL pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UrlMatchMode {
    /// The whole path.
    Exact,
    /// The last element of the path.
    Basename,
    /// Anywhere in the path.
    Substring,
    /// A regular expression.
    Regex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSpan {
    from: Option<u64>,
    to: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUrlMatch {
    mode: UrlMatchMode,
    patterns: Vec<String>,
}

/// Reads a list of patterns, unless it is too long.
fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let patterns = Vec::<String>::deserialize(deserializer)?;
    bounded(&patterns).map_err(D::Error::custom)?;
    Ok(patterns)
}

fn bounded(patterns: &[String]) -> Result<(), String> {
    if patterns.len() > MAX_PATTERNS {
        return Err(format!("at most {MAX_PATTERNS} patterns in a list; got {}", patterns.len()));
    }
    match patterns.iter().map(String::len).find(|bytes| *bytes > MAX_PATTERN_BYTES) {
        Some(bytes) => Err(format!("a pattern has at most {MAX_PATTERN_BYTES} bytes; got one of {bytes}")),
        None => Ok(()),
    }
}

impl Filter {
    /// How many patterns it holds.
    pub fn patterns(&self) -> usize {
        let paths = self.presentation.as_ref().map_or(0, |presentation| presentation.paths.len());
        self.host.len() + paths + self.url_match.as_ref().map_or(0, |url| url.patterns.len())
    }
}

impl Rule {
    /// When the rule fires.
    pub fn cadence(&self) -> Cadence {
        Cadence { consecutive: self.consecutive, frequency: self.frequency, mode: self.mode }
    }

    /// The steps to perform when it fires.
    pub fn script(&self) -> Vec<Step> {
        self.fault.script(&self.params)
    }

    /// What the row says was done when everything went as named.
    pub fn action(&self) -> String {
        self.fault.action(&self.params)
    }

    /// Checks what spans fields; the offending field and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        self.params.check(self.fault)
    }
}

impl Span {
    /// Whether the number lies within.
    pub fn holds(self, number: u64) -> bool {
        self.from.is_none_or(|from| number >= from) && self.to.is_none_or(|to| number <= to)
    }
}

impl TryFrom<WrittenSpan> for Span {
    type Error = String;
    fn try_from(WrittenSpan { from, to }: WrittenSpan) -> Result<Self, String> {
        match (from, to) {
            (None, None) => Err("a span needs `from`, `to` or both".to_owned()),
            (Some(from), Some(to)) if from > to => {
                Err(format!("a span goes upwards: from {from} to {to} holds nothing"))
            }
            _ => Ok(Self { from, to }),
        }
    }
}

pub(crate) fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

impl TryFrom<RawUrlMatch> for UrlMatch {
    type Error = String;
    fn try_from(raw: RawUrlMatch) -> Result<Self, String> {
        if raw.patterns.is_empty() {
            return Err("url_match needs at least one pattern".to_owned());
        }
        bounded(&raw.patterns)?;
        Ok(Self { mode: raw.mode, patterns: raw.patterns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_sensible_defaults() {
        let rule: Rule = serde_json::from_str(r#"{"id":"r1","type":"404"}"#).unwrap();
        assert_eq!(rule.fault, Fault::Status(404));
        assert_eq!((rule.frequency, rule.consecutive.get(), rule.mode), (0, 1, Mode::FailuresPerSeconds));
        assert_eq!(rule.filter, None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = r#"{"id":"r1","type":"request_body_hang","frequency":4,"consecutive":2,"mode":"requests","filter":{"sequence":{"media_sequence":{"from":5},"from_live_edge":{"from":0,"to":1}}},"after_bytes":9,"hold_ms":50}"#;
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), text);
    }

    #[test]
    fn what_cannot_be_evaluated_is_refused() {
        for bad in [
            r#"{"id":"r1","type":"404","consecutive":0}"#,
            r#"{"id":"r1","type":"404","frequency":-1}"#,
            r#"{"id":"r1","type":"404","colour":"red"}"#,
            r#"{"id":"r1","type":"404","filter":{"url_match":{"mode":"exact","patterns":[]}}}"#,
            r#"{"id":"r1","type":"404","filter":{"request_kind":["film"]}}"#,
            r#"{"id":"r1","type":"404","filter":{"sequence":{"media_sequence":{}}}}"#,
            r#"{"id":"r1","type":"404","filter":{"sequence":{"media_sequence":{"from":3,"to":2}}}}"#,
            r#"{"id":"r1","type":"404","filter":{"sequence":{"part":{"from":3}}}}"#,
        ] {
            assert!(serde_json::from_str::<Rule>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_of_patterns_are_bounded() {
        let with = |field: &str, count: usize, bytes: usize| {
            let patterns = serde_json::to_string(&vec!["x".repeat(bytes); count]).unwrap();
            let filter = field.replace('@', &patterns);
            serde_json::from_str::<Rule>(&format!(r#"{{"type":"404","filter":{{{filter}}}}}"#)).is_ok()
        };
        for field in
            [r#""host":@"#, r#""presentation":{"paths":@}"#, r#""url_match":{"mode":"exact","patterns":@}"#]
        {
            assert!(with(field, MAX_PATTERNS, MAX_PATTERN_BYTES), "{field}");
            assert!(!with(field, MAX_PATTERNS + 1, 1), "{field}");
            assert!(!with(field, 1, MAX_PATTERN_BYTES + 1), "{field}");
        }
    }
}
