//! The one shape of an error: RFC 9457 `application/problem+json`.
//!
//! Invariant: `kind` decides status and type URI together, so they cannot disagree; `detail` tells the caller what to do.
//! Deliberately absent: any mapping from a crate's own errors, which lives beside the handlers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What exactly, and what to do about it.
    pub detail: String,
    /// JSON pointer of the offending field of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The offending query or path parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// With 412: the revision to read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_revision: Option<String>,
    /// With 412: the fields somebody else changed meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
}

/// The kinds of problem: each has one status and one type URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The request cannot be understood or is not allowed as it stands.
    BadRequest,
    /// No such player.
    PlayerNotFound,
    /// No such rule.
    RuleNotFound,
    /// No such play.
    PlayNotFound,
    /// No such trace.
    TraceNotFound,
    /// No such path.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// It exists already, differently.
    Conflict,
    /// This machine cannot do it.
    NotHere,
    /// `If-Match` is missing.
    PreconditionRequired,
    /// Somebody changed the same fields meanwhile.
    PreconditionFailed,
    /// The body is too large.
    TooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The rig failed.
    Internal,
    /// The kernel refused.
    ShaperRefused,
    /// The origin cannot be reached.
    BadGateway,
    /// The origin did not answer in time.
    GatewayTimeout,
    /// A part is not ready; try again.
    Unavailable,
    /// Every session port is taken.
    SessionLimit,
}

impl ProblemKind {
    fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest => (400, "bad-request", "Bad request"),
            Self::PlayerNotFound => (404, "player-not-found", "No such player"),
            Self::RuleNotFound => (404, "fault-rule-not-found", "No such fault rule"),
            Self::PlayNotFound => (404, "play-not-found", "No such play"),
            Self::TraceNotFound => (404, "trace-not-found", "No such trace"),
            Self::NotFound => (404, "not-found", "No such path"),
            Self::MethodNotAllowed => (405, "method-not-allowed", "Method not allowed"),
            Self::Conflict => (409, "conflict", "Exists already, differently"),
            Self::NotHere => (409, "not-here", "This machine cannot do that"),
            Self::PreconditionFailed => (412, "precondition-failed", "Changed meanwhile"),
            Self::TooLarge => (413, "too-large", "Body too large"),
            Self::UnsupportedMediaType => (415, "unsupported-media-type", "Unsupported media type"),
            Self::PreconditionRequired => (428, "precondition-required", "If-Match required"),
            Self::Internal => (500, "internal", "The rig failed"),
            Self::ShaperRefused => (500, "shaper-refused", "The link could not be set"),
            Self::BadGateway => (502, "bad-gateway", "The origin cannot be reached"),
            Self::Unavailable => (503, "unavailable", "Not ready"),
            Self::SessionLimit => (503, "session-limit", "Every session port is taken"),
            Self::GatewayTimeout => (504, "gateway-timeout", "The origin did not answer in time"),
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.facts().0
    }
}

impl Problem {
    /// A problem of this kind; `detail` says what to do.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let (status, slug, title) = kind.facts();
        Self {
            type_uri: format!("urn:rebuffer:problem:{slug}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            pointer: None,
            parameter: None,
            current_revision: None,
            conflicts: Vec::new(),
        }
    }

    /// A 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadRequest, detail)
    }

    /// Names the offending field of the body, as a JSON pointer.
    #[must_use]
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Names the offending query or path parameter.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>) -> Self {
        self.parameter = Some(name.into());
        self
    }

    /// A 412 with what to read again.
    pub fn changed_meanwhile(current: impl Into<String>, conflicts: Vec<String>) -> Self {
        let fields = conflicts.join(", ");
        let mut problem = Self::new(
            ProblemKind::PreconditionFailed,
            format!(
                "somebody changed {fields} since the revision in If-Match; read the player again and repeat"
            ),
        );
        problem.current_revision = Some(current.into());
        problem.conflicts = conflicts;
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_decides_status_and_type_together() {
        let problem = Problem::bad_request("no").pointer("/shape/rate_mbps");
        assert_eq!((problem.status, problem.type_uri.as_str()), (400, "urn:rebuffer:problem:bad-request"));
        let json = serde_json::to_string(&problem).unwrap();
        assert!(json.contains("\"pointer\":\"/shape/rate_mbps\"") && !json.contains("conflicts"), "{json}");
    }
}
