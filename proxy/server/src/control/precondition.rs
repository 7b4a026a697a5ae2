//! `If-Match`: whether what the caller wants to change was changed by somebody else since it read.
//!
//! Invariant: only related fields conflict. Two fields are related when one is the other or lies within it.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::IF_MATCH;
use rebuffer_api::{Problem, ProblemKind};

/// The revision a caller read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read(u64);

impl Read {
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let required = |detail| Problem::new(ProblemKind::PreconditionRequired, detail);
        let value = headers.get(IF_MATCH).ok_or_else(|| {
            required("send If-Match with the control_revision you read, for example If-Match: \"3\"")
        })?;
        let text = value.to_str().unwrap_or_default().split(',').next().unwrap_or_default().trim();
        text.trim_matches('"').parse().map(Self).map_err(|_| {
            required("If-Match is not a control_revision of a player; read the player and send its own")
        })
    }

    /// Refuses when one of `leaves` is related to a field that changed after this revision.
    pub(super) fn check(self, fields: &BTreeMap<String, u64>, leaves: &[String]) -> Result<(), Problem> {
        let changed: Vec<_> = fields.iter().filter(|(_, revision)| **revision > self.0).collect();
        let conflicts: Vec<String> = leaves
            .iter()
            .filter(|leaf| changed.iter().any(|(field, _)| related(field, leaf)))
            .cloned()
            .collect();
        if conflicts.is_empty() {
            return Ok(());
        }
        let current = fields.values().max().copied().unwrap_or(0);
        Err(Problem::changed_meanwhile(current.to_string(), conflicts))
    }
}

/// Whether one dotted path is the other or lies within it; `fault_rules.<id>` lies within `fault_rules`.
fn related(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    within(one, other) || within(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflicts(read: u64, leaf: &str) -> bool {
        let fields = BTreeMap::from([
            ("shape.rate_mbps".to_owned(), 5),
            ("fault_rules.a".to_owned(), 6),
            ("labels.run".to_owned(), 2),
        ]);
        Read(read).check(&fields, &[leaf.to_owned()]).is_err()
    }

    #[test]
    fn only_related_fields_that_changed_since_conflict() {
        assert!(conflicts(4, "shape.rate_mbps") && conflicts(4, "shape"));
        assert!(!conflicts(5, "shape.rate_mbps") && !conflicts(4, "labels.run"));
        assert!(
            conflicts(5, "fault_rules") && conflicts(5, "fault_rules.a") && !conflicts(5, "fault_rules.b")
        );
        assert!(!conflicts(0, "labels.running"));
    }

    #[test]
    fn a_missing_or_foreign_revision_is_428() {
        let mut headers = HeaderMap::new();
        assert_eq!(Read::from_headers(&headers).unwrap_err().status, 428);
        headers.insert(IF_MATCH, "*".parse().unwrap());
        assert_eq!(Read::from_headers(&headers).unwrap_err().status, 428);
        headers.insert(IF_MATCH, "\"7\"".parse().unwrap());
        assert_eq!(Read::from_headers(&headers), Ok(Read(7)));
    }
}
