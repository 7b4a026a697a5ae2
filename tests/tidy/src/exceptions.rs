//! The places where a rule bends, each with its reason.
//!
//! Keep it short: an entry is a debt. A size exception is for tables only. An entry that no longer forgives anything is
//! reported, so the list cannot outlive its reasons.

use crate::Finding;

#[derive(Debug, Clone, Copy)]
pub struct Exception {
    pub rule: &'static str,
    /// The `place` of the findings, or a folder of them when it ends in `/`.
    pub place: &'static str,
    pub reason: &'static str,
}

pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "words",
        place: "tests/tidy/src/words.rs",
        reason: "spells the forbidden words to find them",
    },
    Exception {
        rule: "steady",
        place: "tests/tidy/src/steady.rs",
        reason: "quotes unsteady tests to find them",
    },
    Exception { rule: "unsafe", place: "tests/tidy/src/reserved.rs", reason: "quotes the marker to find it" },
    Exception {
        rule: "sql",
        place: "forwarder/embedded/src/engine.rs",
        reason: "asks the engine who it is, no table",
    },
    Exception {
        rule: "duplicates",
        place: "base64",
        reason: "hyper-util is one release ahead of tower-http",
    },
    Exception {
        rule: "duplicates",
        place: "getrandom",
        reason: "ring and the rand of clickhouse are each a release behind uuid",
    },
    Exception { rule: "duplicates", place: "rand", reason: "clickhouse is one release behind" },
    Exception { rule: "duplicates", place: "rand_core", reason: "comes with both releases of rand" },
];

/// What is left of `findings`, and one more finding for each exception that is not needed.
pub fn apply(findings: Vec<Finding>, exceptions: &[Exception]) -> Vec<Finding> {
    let unused = exceptions
        .iter()
        .filter(|exception| !findings.iter().any(|finding| covers(exception, finding)))
        .map(|exception| {
            Finding::new(
                "exceptions",
                exception.place,
                format!("needs no exception from `{}`: remove it", exception.rule),
            )
        })
        .collect::<Vec<_>>();
    let mut left = findings;
    left.retain(|finding| !exceptions.iter().any(|exception| covers(exception, finding)));
    left.extend(unused);
    left
}

fn covers(exception: &Exception, finding: &Finding) -> bool {
    let inside = exception.place.ends_with('/') && finding.place.starts_with(exception.place);
    exception.rule == finding.rule && (inside || exception.place == finding.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Exception = Exception { rule: "size", place: "schema/tables/", reason: "one row per column" };

    #[test]
    fn an_exception_forgives_its_rule_at_its_place_and_nothing_else() {
        let findings = vec![
            Finding::new("size", "schema/tables/src/events.rs", ""),
            Finding::new("size", "schema/model/src/lib.rs", ""),
            Finding::new("words", "schema/tables/src/events.rs", ""),
        ];
        let left = apply(findings.clone(), &[WIDE]);
        assert_eq!(left, findings[1..]);
    }

    #[test]
    fn an_exception_that_forgives_nothing_is_a_finding() {
        let left = apply(Vec::new(), &[WIDE]);
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].rule, left[0].place.as_str()), ("exceptions", "schema/tables/"));
    }

    #[test]
    fn every_exception_says_why() {
        for exception in EXCEPTIONS {
            assert!(exception.reason.len() > 10, "{exception:?}");
        }
    }
}
