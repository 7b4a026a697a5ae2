//! What the API says when nothing else does: unknown paths and methods, and refusals of the machinery, all as problems.
//!
//! Invariant: no answer of the API with a status of 400 or more is anything but `application/problem+json`.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rebuffer_api::{Problem, ProblemKind};

const TEXT_LIMIT: usize = 4 * 1024;

/// A problem as an answer.
pub(super) fn answer(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, serde_json::to_vec(problem).unwrap_or_default()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(axum::http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// No route has this path.
pub(super) async fn no_such_path(uri: Uri) -> Response {
    let detail =
        format!("there is nothing at {}; GET /api/v2/openapi/proxy.json lists what there is", uri.path());
    answer(&Problem::new(ProblemKind::NotFound, detail))
}

/// The path is there, the method is not.
pub(super) async fn no_such_method(method: Method, uri: Uri) -> Response {
    let detail = format!("{} does not take {method}", uri.path());
    answer(&Problem::new(ProblemKind::MethodNotAllowed, detail))
}

/// Turns plain refusals of the machinery (a body too large, a path that is not UTF-8) into problems.
pub(super) async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let plain =
        response.headers().get(CONTENT_TYPE).is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    if !(plain && (status.is_client_error() || status.is_server_error())) {
        return response;
    }
    let kind = match status {
        StatusCode::NOT_FOUND => ProblemKind::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ProblemKind::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ProblemKind::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemKind::UnsupportedMediaType,
        other if other.is_client_error() => ProblemKind::BadRequest,
        _ => ProblemKind::Internal,
    };
    let allow = response.headers().get(axum::http::header::ALLOW).cloned();
    let text = to_bytes(response.into_body(), TEXT_LIMIT).await.unwrap_or_default();
    let mut response = answer(&Problem::new(kind, String::from_utf8_lossy(&text).into_owned()));
    if let Some(allow) = allow {
        response.headers_mut().insert(axum::http::header::ALLOW, allow);
    }
    response.map(Body::new)
}
