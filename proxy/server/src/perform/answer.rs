//! Answers the rig makes itself: injected statuses, and what it says when the origin says nothing.
//!
//! Invariant: a page of any origin may read them (CORS), because it cannot know what the origin would have allowed.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
    HeaderValue,
};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use rebuffer_api::{Problem, ProblemKind};

use super::{ReplyBody, empty};
use crate::origin::Silence;
use crate::record::Recorder;

/// The step: a status and nothing else.
pub(super) fn answer(status: u16, mut recorder: Recorder) -> Response<ReplyBody> {
    // A rule's status is from 400 to 599 by construction.
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = own_answer(status);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    recorder.answers(status, response.headers(), true);
    recorder.complete();
    response
}

/// 502 or 504, saying that it is the rig that speaks.
pub(super) fn in_place_of_the_origin(silence: &Silence, mut recorder: Recorder) -> Response<ReplyBody> {
    let kind = match silence {
        Silence::Unreachable { .. } => ProblemKind::BadGateway,
        Silence::TooLate { .. } => ProblemKind::GatewayTimeout,
    };
    let (response, bytes) = problem(&Problem::new(kind, format!("the rig {silence}")));
    recorder.silent();
    recorder.answers(response.status(), response.headers(), true);
    recorder.sent(bytes);
    recorder.complete();
    response
}

/// A script that cannot be performed is a bug of the rig, and says so.
pub(super) fn broken_script(mut recorder: Recorder) -> Response<ReplyBody> {
    let (response, bytes) =
        problem(&Problem::new(ProblemKind::Internal, "a fault's script begins in its middle"));
    recorder.answers(response.status(), response.headers(), true);
    recorder.sent(bytes);
    recorder.not_performed("not_performed");
    recorder.cut();
    response
}

/// The head of an answer the rig makes itself, without a body.
pub(crate) fn own_answer(status: StatusCode) -> Response<ReplyBody> {
    let mut response = Response::new(empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A problem as an answer to a player, with the length of its body.
pub(crate) fn problem(problem: &Problem) -> (Response<ReplyBody>, usize) {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Bytes::from(serde_json::to_vec(problem).unwrap_or_default());
    let length = body.len();
    let mut response = own_answer(status);
    *response.body_mut() = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    (response, length)
}
