//! What an operator set for a player: labels, fault rules, shape. This is the document a merge patch edits and the rig stores.
//!
//! Invariant: a `Control` that passed `check` can be put in force as it stands.
//! Deliberately absent: revisions and counters, which are the rig's and not the operator's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use serde::de::MapAccess;

use crate::flat::{Flat, fields, read_flat};
use crate::redact;
use crate::{Content, Filter, Pattern, PresetName, Rule, RuleId, Shape, TransferTimeouts, TransportFault};

/// The most labels a player may carry.
pub const MAX_LABELS: usize = 32;
/// The most rules a player may carry.
pub const MAX_RULES: usize = 256;

/// The most patterns all rules of a player may hold together.
const MAX_PATTERNS_OF_ALL: usize = 512;

/// Everything an operator set for one player.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// Free labels of the player; at most 32.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: BTreeMap<LabelKey, LabelValue>,
    /// Fault rules, in order; at most 256, with at most 512 patterns in all their filters together.
    pub fault_rules: Vec<Rule>,
    /// The link.
    pub shape: ShapeControl,
    /// How long transfers may take.
    pub transfer_timeouts: TransferTimeouts,
    /// How playlists and MPDs are edited.
    pub content: Content,
}

/// Everything an operator set for the link of one player.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct ShapeControl {
    /// The link while no pattern says otherwise; over the preset, if one is named.
    #[serde(flatten)]
    pub shape: Shape,
    /// A link with a name, `source/name` of `GET /api/v2/link-presets`; knobs given beside it win.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub preset: Option<PresetName>,
    /// How the link changes over time; absent leaves it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// What the kernel does to the session's packets; absent is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport_fault: Option<TransportFault>,
    /// Whether what this machine cannot do is left out, knob by knob and direction by direction, instead of refusing the
    /// whole; `link.left_out` names it. What is stored stays what was asked, and each session tries all of it again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub partial: bool,
}

/// A label's key: a lower-case letter, then at most 62 of letters, digits, `_`, `.`, `/`, `-`; `harness.` is reserved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabelKey(String);

/// A label's value: at most 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabelValue(String);

/// Why a document cannot be put in force.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    /// JSON pointer of the offending field.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Control {
    /// Gives every rule that came without a name the first free one of `rule-1`, `rule-2` and so on.
    pub fn name_rules(&mut self) {
        let mut taken: BTreeSet<RuleId> = self.fault_rules.iter().map(|rule| rule.id.clone()).collect();
        let mut names = (1_u32..).filter_map(|n| RuleId::new(&format!("rule-{n}")).ok());
        for rule in self.fault_rules.iter_mut().filter(|rule| rule.id == RuleId::default()) {
            if let Some(name) = names.find(|name| !taken.contains(name)) {
                taken.insert(name.clone());
                rule.id = name;
            }
        }
    }

    /// Checks what spans fields: bounds, counts, unique rule ids.
    pub fn check(&self) -> Result<(), ControlError> {
        let error = |pointer: String, message: String| Err(ControlError { pointer, message });
        if self.labels.len() > MAX_LABELS {
            return error(
                "/labels".into(),
                format!("at most {MAX_LABELS} labels; got {}", self.labels.len()),
            );
        }
        if self.fault_rules.len() > MAX_RULES {
            let got = self.fault_rules.len();
            return error("/fault_rules".into(), format!("at most {MAX_RULES} rules; got {got}"));
        }
        let mut seen = BTreeSet::new();
        let mut patterns = 0;
        for (index, rule) in self.fault_rules.iter().enumerate() {
            if !seen.insert(&rule.id) {
                return error(
                    format!("/fault_rules/{index}/id"),
                    format!("two rules are called {:?}; ids are unique within a player", rule.id.as_str()),
                );
            }
            patterns += rule.filter.as_ref().map_or(0, Filter::patterns);
            if patterns > MAX_PATTERNS_OF_ALL {
                let message = format!("the rules of a player hold at most {MAX_PATTERNS_OF_ALL} patterns");
                return error(format!("/fault_rules/{index}/filter"), message);
            }
            if let Err((field, message)) = rule.check() {
                return error(format!("/fault_rules/{index}/{field}"), message);
            }
        }
        if let Err((field, message)) = self.transfer_timeouts.check() {
            return error(format!("/transfer_timeouts/{field}"), message);
        }
        if let Err((field, message)) = self.content.check() {
            return error(format!("/content/{field}"), message);
        }
        self.shape.check()
    }
}

impl ShapeControl {
    /// Whether nothing is asked of the link.
    pub fn is_neutral(&self) -> bool {
        self.base().is_neutral() && self.pattern.is_none() && self.transport_fault.is_none()
    }

    /// The link while no pattern says otherwise: the preset, with the knobs over it.
    pub fn base(&self) -> Shape {
        self.preset.map_or(self.shape, |name| name.preset().shape().overlaid(&self.shape))
    }

    fn check(&self) -> Result<(), ControlError> {
        let error = |pointer: String, message: String| ControlError { pointer, message };
        let base = self.base();
        base.check().map_err(|(knob, message)| error(format!("/shape/{knob}"), message))?;
        if let Some(pattern) = &self.pattern {
            let at = |field: &str| format!("/shape/pattern{field}");
            pattern.check().map_err(|(field, message)| error(at(&field), message))?;
            for (index, step) in pattern.steps.iter().enumerate() {
                let at = |knob| at(&format!("/steps/{index}/{knob}"));
                step.over(&base).check().map_err(|(knob, message)| error(at(knob), message))?;
            }
        }
        if let Some(fault) = &self.transport_fault {
            let at = |field| format!("/shape/transport_fault/{field}");
            fault.check().map_err(|(field, message)| error(at(field), message))?;
        }
        Ok(())
    }
}

impl Flat for ShapeControl {
    const WHAT: &'static str = "a shape";

    fn names() -> Vec<&'static str> {
        [vec!["preset", "pattern", "transport_fault", "partial"], Shape::names()].concat()
    }

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        fields!(self, name, map: preset, pattern, transport_fault, partial else self.shape.read(name, map));
        Ok(true)
    }
}

read_flat!(ShapeControl);

impl LabelKey {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LabelValue {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LabelKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let tail_ok =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '/' | '-');
        let starts = text.chars().next().is_some_and(|c| c.is_ascii_lowercase());
        if !starts || text.len() > 63 || !text.chars().all(tail_ok) {
            return Err(format!(
                "a label key is a lower-case letter and up to 62 more of a-z, 0-9, '_', '.', '/', '-'; got {text:?}"
            ));
        }
        if text.starts_with("harness.") {
            return Err("label keys that begin with \"harness.\" are reserved".to_owned());
        }
        if redact::is_secret(&text) {
            return Err(format!(
                "labels are kept and shown to everybody, and {text:?} sounds like a secret; call it otherwise"
            ));
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for LabelValue {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.chars().count() > 256 {
            return Err("a label value has at most 256 characters".to_owned());
        }
        Ok(Self(text))
    }
}

impl From<LabelKey> for String {
    fn from(key: LabelKey) -> String {
        key.0
    }
}

impl From<LabelValue> for String {
    fn from(value: LabelValue) -> String {
        value.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KNOBS;

    #[test]
    fn two_rules_of_one_name_are_refused_with_a_pointer() {
        let control: Control =
            serde_json::from_str(r#"{"fault_rules":[{"id":"a","type":"404"},{"id":"a","type":"503"}]}"#)
                .unwrap();
        assert_eq!(control.check().unwrap_err().pointer, "/fault_rules/1/id");
    }

    #[test]
    fn unnamed_rules_get_the_first_free_names() {
        let mut control: Control = serde_json::from_str(
            r#"{"fault_rules":[{"type":"404"},{"id":"rule-1","type":"503"},{"type":"500"}]}"#,
        )
        .unwrap();
        control.name_rules();
        let names: Vec<_> = control.fault_rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(names, ["rule-2", "rule-1", "rule-3"]);
        assert!(control.check().is_ok());
    }

    #[test]
    fn label_keys_follow_the_rule() {
        let key = |text: &str| LabelKey::try_from(text.to_owned());
        assert!(key("run/7.a-b_c").is_ok());
        for bad in ["", "Run", "7a", "_x", "a b", "harness.x"] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
        assert!(key(&"a".repeat(64)).is_err());
    }

    #[test]
    fn a_knob_beside_a_preset_wins_and_what_it_needs_may_stand_in_the_preset() {
        let shape: ShapeControl =
            serde_json::from_str(r#"{"preset":"atc/dsl","jitter_ms":5,"rate_mbps":1}"#).unwrap();
        assert!(shape.check().is_ok() && !shape.is_neutral());
        let base = r#"{"rate_mbps":1,"delay_ms":5,"jitter_ms":5,"uplink":{"rate_mbps":0.256,"delay_ms":5}}"#;
        assert_eq!(shape.base(), serde_json::from_str(base).unwrap());
        let json = serde_json::to_string(&shape).unwrap();
        assert_eq!(serde_json::from_str::<ShapeControl>(&json).unwrap(), shape);
        let step = r#"{"delay_ms":9,"pattern":{"steps":[{"duration_seconds":1,"jitter_ms":9}]}}"#;
        assert!(serde_json::from_str::<ShapeControl>(step).unwrap().check().is_ok());
    }

    #[test]
    fn partial_belongs_to_the_shape_and_is_no_knob() {
        let read = |json: &str| serde_json::from_str::<ShapeControl>(json);
        let shape = read(r#"{"preset":"atc/dsl","partial":true}"#).unwrap();
        let json = serde_json::to_string(&shape).unwrap();
        assert_eq!((read(&json).unwrap(), json.matches("\"partial\":true").count()), (shape.clone(), 1));
        assert!(shape.partial && read(r#"{"partial":true}"#).unwrap().is_neutral());
        assert_eq!(serde_json::to_string(&read(r#"{"partial":false}"#).unwrap()).unwrap(), "{}");
        assert_eq!(read(r#"{"partial":null}"#).unwrap(), ShapeControl::default());
        for bad in [
            r#"{"partial":1}"#,
            r#"{"partial":"yes"}"#,
            r#"{"uplink":{"partial":true}}"#,
            r#"{"pattern":{"steps":[{"duration_seconds":1,"partial":true}]}}"#,
            r#"{"pattern":{"template":"pyramid","partial":true}}"#,
            r#"{"transport_fault":{"type":"drop","partial":true}}"#,
            r#"{"partial":true,"partially":true}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(KNOBS.iter().all(|knob| knob.name != "partial"));
        // What lies outside its bounds is wrong on every machine.
        let error = read(r#"{"rate_mbps":20000,"partial":true}"#).unwrap().check().unwrap_err();
        assert_eq!(error.pointer, "/shape/rate_mbps");
    }

    #[test]
    fn a_bound_of_a_knob_points_at_the_knob() {
        for (json, at) in [
            (r#"{"rate_mbps":20000}"#, "/shape/rate_mbps"),
            (r#"{"uplink":{"rate_mbps":20000}}"#, "/shape/uplink/rate_mbps"),
            (r#"{"pattern":{}}"#, "/shape/pattern"),
            (r#"{"pattern":{"steps":[{"duration_seconds":0}]}}"#, "/shape/pattern/steps/0/duration_seconds"),
            (
                r#"{"pattern":{"steps":[{"duration_seconds":1,"uplink":{"jitter_ms":5}}]}}"#,
                "/shape/pattern/steps/0/uplink/jitter_ms",
            ),
            (r#"{"preset":"atc/dsl","jitter_ms":6}"#, "/shape/jitter_ms"),
            (r#"{"transport_fault":{"type":"drop","frequency":90000}}"#, "/shape/transport_fault/frequency"),
        ] {
            let control: Control = serde_json::from_str(&format!(r#"{{"shape":{json}}}"#)).unwrap();
            assert_eq!(control.check().unwrap_err().pointer, at, "{json}");
        }
    }
}
