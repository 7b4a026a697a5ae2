//! The grammar of labels: `<severity>=<event>`, with `*` before an event the rig worked out itself.
//!
//! Invariant: a label that exists has a known severity and an event without `,` and `=`.
//! Deliberately absent: the vocabulary, which is a table of its own in the labels room.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How bad it is; the order is the order of the variants, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something is off.
    Warning,
    /// Something failed.
    Error,
    /// The viewer suffered.
    Critical,
}

/// A label of an event.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label {
    severity: Severity,
    event: String,
}

impl Severity {
    /// The public name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    fn from_name(text: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Error, Self::Critical].into_iter().find(|s| s.as_str() == text)
    }
}

impl Label {
    /// A label; refuses an empty event and the characters of the grammar.
    pub fn new(severity: Severity, event: &str) -> Result<Self, String> {
        if event.is_empty() || event.contains([',', '=']) || event.chars().any(char::is_whitespace) {
            return Err(format!("a label's event is not empty and has no ',', '=' or space; got {event:?}"));
        }
        Ok(Self { severity, event: event.to_owned() })
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What happened, with the `*` of a synthesized event.
    pub fn event(&self) -> &str {
        &self.event
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.severity.as_str(), self.event)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Label {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let (severity, event) = text
            .split_once('=')
            .and_then(|(severity, event)| Some((Severity::from_name(severity)?, event)))
            .ok_or_else(|| {
                format!("a label is <severity>=<event>, for example error=http_5xx; got {text:?}")
            })?;
        Self::new(severity, event)
    }
}

impl From<Label> for String {
    fn from(label: Label) -> String {
        label.to_string()
    }
}

impl utoipa::PartialSchema for Label {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^(info|warning|error|critical)=[^,=\\s]+$"))
            .description(Some("`<severity>=<event>`; `*` before an event the rig worked out itself."))
            .into()
    }
}

impl ToSchema for Label {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_both_ways() {
        let label = Label::try_from("info=*request_retry".to_owned()).unwrap();
        assert_eq!((label.severity(), label.event()), (Severity::Info, "*request_retry"));
        assert_eq!(label.to_string(), "info=*request_retry");
        for bad in ["http_4xx", "bad=x", "info=", "info=a,b", "info=a b"] {
            assert!(Label::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(Severity::Critical > Severity::Error && Severity::Warning > Severity::Info);
    }
}
