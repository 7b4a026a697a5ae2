//! Answers the rig makes itself: injected statuses, and what it says when the origin says nothing.
//!
//! Invariant: a page of any origin may read them, also one that sends credentials (CORS), because it cannot know what the origin
//! would have allowed.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use http::response::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rebuffer_api::{Problem, ProblemKind};
use rebuffer_model::{Canned, RuleId};

use super::target::Target;
use super::{ReplyBody, empty};
use crate::caller::Caller;
use crate::cors;
use crate::identity;
use crate::origin::Silence;
use crate::record::{Recorder, has_body};

/// What marks a request as led here by a redirect of the rig's; its value is the rule.
const LOOP: &str = "rebuffer_loop";

/// The step: an answer of the rule's own.
pub(super) fn canned(canned: &Canned, mut recorder: Recorder) -> Response<ReplyBody> {
    // A rule's status is from 400 to 599 by construction.
    let status = StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = own_answer(status, recorder.caller());
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(canned.body.len()));
    if let Some(seconds) = canned.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if !canned.body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    recorder.answers(status, response.headers(), true);
    if !canned.body.is_empty() && has_body(recorder.caller().method(), status) {
        recorder.sent(canned.body.len());
        *response.body_mut() = whole(canned.body.clone().into());
    }
    recorder.complete();
    response
}

/// The step: 302 to what was asked for, marked, so that the next request is led here again.
pub(super) fn redirect_here(
    target: &Target,
    rule_id: Option<&RuleId>,
    mut recorder: Recorder,
) -> Response<ReplyBody> {
    let rule = rule_id.map(RuleId::as_str).unwrap_or_default();
    let sign = if target.query().is_some() { '&' } else { '?' };
    // Absolute, because a path that begins with two slashes would be a host.
    let here = recorder.caller().address_of(recorder.session().port());
    let mark = utf8_percent_encode(rule, NON_ALPHANUMERIC);
    let location = format!("{here}{}{sign}{LOOP}={mark}", target.as_str());
    let mut response = own_answer(StatusCode::FOUND, recorder.caller());
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    match HeaderValue::from_str(&location) {
        Ok(location) => {
            headers.insert(LOCATION, location);
        }
        Err(_) => recorder.not_performed("not_performed_no_location"),
    }
    recorder.answers(StatusCode::FOUND, response.headers(), true);
    recorder.complete();
    response
}

/// The rule that led this request here, and the target as it was before.
pub(crate) fn loop_of(target: &PathAndQuery) -> Option<(RuleId, PathAndQuery)> {
    let led = identity::query_value(target.query(), LOOP)?;
    let rule_id = RuleId::new(&led).ok()?;
    let others = target.query()?.split('&').filter(|pair| pair.split('=').next() != Some(LOOP));
    let query = others.collect::<Vec<_>>().join("&");
    let sign = if query.is_empty() { "" } else { "?" };
    Some((rule_id, format!("{}{sign}{query}", target.path()).parse().ok()?))
}

/// 502 or 504, saying that it is the rig that speaks.
pub(super) fn in_place_of_the_origin(silence: &Silence, mut recorder: Recorder) -> Response<ReplyBody> {
    let kind = match silence {
        Silence::Unreachable { .. } => ProblemKind::BadGateway,
        Silence::BrokenUpload => ProblemKind::BadRequest,
        Silence::TooLate { .. } | Silence::Expired => ProblemKind::GatewayTimeout,
    };
    let (response, bytes) = problem(&Problem::new(kind, format!("the rig {silence}")), recorder.caller());
    match silence {
        Silence::Unreachable { .. } | Silence::TooLate { .. } => recorder.silent(),
        Silence::Expired => recorder.expired(),
        Silence::BrokenUpload => recorder.client_broke(),
    }
    recorder.answers(response.status(), response.headers(), true);
    recorder.sent(bytes);
    recorder.complete();
    response
}

/// A script that cannot be performed is a bug of the rig, and says so.
pub(super) fn broken_script(mut recorder: Recorder) -> Response<ReplyBody> {
    let (response, bytes) = problem(
        &Problem::new(ProblemKind::Internal, "a fault's script begins in its middle"),
        recorder.caller(),
    );
    recorder.answers(response.status(), response.headers(), true);
    recorder.sent(bytes);
    recorder.not_performed("not_performed");
    recorder.cut();
    response
}

/// The answer to a preflight that its page would not have sent to the origin.
pub(super) fn own_preflight(asked: &HeaderMap, caller: &Caller) -> Parts {
    let (mut head, _empty) = own_answer(StatusCode::NO_CONTENT, caller).into_parts();
    cors::allow_what_is_asked(&mut head.headers, asked);
    head
}

/// The head of an answer the rig makes itself, without a body.
pub(crate) fn own_answer(status: StatusCode, caller: &Caller) -> Response<ReplyBody> {
    let mut response = Response::new(empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    cors::open_to_all(headers, caller.page());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A problem as an answer to a player, with the length of its body.
pub(crate) fn problem(problem: &Problem, caller: &Caller) -> (Response<ReplyBody>, usize) {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Bytes::from(serde_json::to_vec(problem).unwrap_or_default());
    let length = body.len();
    let mut response = own_answer(status, caller);
    *response.body_mut() = whole(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    (response, length)
}

fn whole(body: Bytes) -> ReplyBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_request_names_its_rule_and_what_it_was() {
        let found = |target: &str| {
            let (rule, was) = loop_of(&target.parse().unwrap())?;
            Some((rule.as_str().to_owned(), was.to_string()))
        };
        let expected = |rule: &str, was: &str| Some((rule.to_owned(), was.to_owned()));
        assert_eq!(found("/a?rebuffer_loop=rule-1"), expected("rule-1", "/a"));
        assert_eq!(found("/a?x=1&rebuffer_loop=rule%2D1&y=2"), expected("rule-1", "/a?x=1&y=2"));
        assert_eq!(found("/a?x=1"), None);
        assert_eq!(found("/a?rebuffer_loop="), None);
    }
}
