//! The one mapping from what goes wrong to `application/problem+json`.
//!
//! Invariant: what the archive itself says goes to the log, not to the caller.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use rebuffer_api::{Problem, ProblemKind};

use crate::core::Core;

/// A problem on its way to the caller.
#[derive(Debug)]
pub(crate) struct Failure(Box<Problem>);

/// Seconds after which an archive that was down may be back.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

impl Failure {
    /// A 400 about one parameter.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Problem::bad_request(detail).parameter(name).into()
    }

    /// Refuses while there is no archive to ask.
    pub(crate) fn unless_ready(core: &Core) -> Result<(), Self> {
        if core.ledger.resumed() {
            return Ok(());
        }
        let reason = core.refresh().reason.unwrap_or_default();
        Err(Problem::new(ProblemKind::Unavailable, format!("the archive is not ready: {reason}")).into())
    }

    #[cfg(test)]
    pub(crate) fn problem(&self) -> &Problem {
        &self.0
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<rebuffer_archive::Error> for Failure {
    fn from(error: rebuffer_archive::Error) -> Self {
        use rebuffer_archive::Error;
        tracing::warn!(error = error.in_full(), "the archive could not answer");
        match error {
            Error::Unreachable(_) => {
                Problem::new(ProblemKind::Unavailable, "the archive does not answer; try again in a moment")
            }
            Error::Refused(_)
            | Error::SchemaNewer { .. }
            | Error::SchemaDiffers { .. }
            | Error::DatabaseName(_) => Problem::new(
                ProblemKind::Internal,
                "the archive refuses the question; the log of the rig says why",
            ),
        }
        .into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&*self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
