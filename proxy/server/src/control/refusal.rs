//! Problems as answers of the API.
//!
//! Invariant: the one mapping from what can go wrong in a change to `application/problem+json`.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{StatusCode, header};
use rebuffer_api::{Problem, ProblemKind};
use rebuffer_engine::RuleError;
use rebuffer_model::{ControlError, IdError, PlayerId, RuleId};
use rebuffer_shaper::ShaperError;

use crate::sessions::CannotSet;
use crate::store::StoreError;

/// A problem on its way out.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Problem);

impl Refusal {
    pub(crate) fn no_player(id: PlayerId) -> Self {
        let detail = format!(
            "no player {id}; it appears with its first request, or make it with POST /api/v2/players"
        );
        Self(Problem::new(ProblemKind::PlayerNotFound, detail).parameter("player_id"))
    }

    pub(crate) fn no_rule(id: &RuleId) -> Self {
        let detail = format!("the player has no rule {:?}; GET the player to see its rules", id.as_str());
        Self(Problem::new(ProblemKind::RuleNotFound, detail).parameter("rule_id"))
    }

    pub(crate) fn bad_parameter(name: &str, error: &IdError) -> Self {
        Self(Problem::bad_request(error.to_string()).parameter(name))
    }
}

impl Refusal {
    /// The same to who sent only what is at this place.
    pub(super) fn within(mut self, place: &str) -> Self {
        let inner = self.0.pointer.as_deref().and_then(|pointer| pointer.strip_prefix(place));
        if let Some(inner) = inner.filter(|inner| inner.is_empty() || inner.starts_with('/')) {
            self.0.pointer = Some(inner.to_owned());
        }
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        Self(Problem::bad_request(error.message).pointer(error.pointer))
    }
}

impl From<RuleError> for Refusal {
    fn from(error: RuleError) -> Self {
        let pattern = error.source.index.map(|index| format!("/{index}")).unwrap_or_default();
        let pointer = format!("/fault_rules/{}/filter/url_match/patterns{pattern}", error.index);
        Self(Problem::bad_request(error.to_string()).pointer(pointer))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self(Problem::new(ProblemKind::Internal, format!("{error}; nothing was changed")))
    }
}

impl From<CannotSet> for Refusal {
    fn from(CannotSet { pointer, error }: CannotSet) -> Self {
        Self(Self::from(error).0.pointer(pointer))
    }
}

impl From<ShaperError> for Refusal {
    fn from(error: ShaperError) -> Self {
        let pointer = match &error {
            ShaperError::OutOfRange { knob, .. } | ShaperError::NotHere { knob, .. } => {
                format!("/shape/{knob}")
            }
            ShaperError::NotPermitted(_)
            | ShaperError::Unsupported(_)
            | ShaperError::ForeignQdisc { .. }
            | ShaperError::NoInterface(_)
            | ShaperError::Taken
            | ShaperError::Exhausted
            | ShaperError::PortTaken { .. }
            | ShaperError::TooManyPorts { .. }
            | ShaperError::LastPort { .. }
            | ShaperError::NotItsPort { .. }
            | ShaperError::Detached
            | ShaperError::Closed
            | ShaperError::Kernel { .. } => "/shape".to_owned(),
        };
        let kind = match &error {
            ShaperError::NotHere { .. }
            | ShaperError::NotPermitted(_)
            | ShaperError::Unsupported(_)
            | ShaperError::ForeignQdisc { .. }
            | ShaperError::NoInterface(_)
            | ShaperError::Taken => ProblemKind::NotHere,
            ShaperError::OutOfRange { .. } => ProblemKind::BadRequest,
            ShaperError::Exhausted | ShaperError::TooManyPorts { .. } => ProblemKind::SessionLimit,
            ShaperError::PortTaken { .. }
            | ShaperError::LastPort { .. }
            | ShaperError::NotItsPort { .. }
            | ShaperError::Detached
            | ShaperError::Closed => ProblemKind::Unavailable,
            ShaperError::Kernel { .. } => ProblemKind::ShaperRefused,
        };
        Self(Problem::new(kind, format!("{error}; nothing was changed")).pointer(pointer))
    }
}
