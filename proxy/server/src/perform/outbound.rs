//! What of a request goes to the origin: all of it, but for what concerns the rig alone or only the rig's address brought about.
//!
//! Invariant: everything that is taken off or put in is a remark of the record. A URL that a playlist declared as it is spelt is the
//! origin's and keeps every parameter. Deliberately absent: headers of the hop (see `origin/hop.rs`).

use http::header::{COOKIE, HeaderValue, ORIGIN};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Uri};
use rebuffer_media::{Expected, IDENTITY_PARAMETERS, without_identity};
use rebuffer_model::Remark;

use super::revalidation::Condition;
use super::target::Target;
use crate::cors::{self, Cors, Page};
use crate::identity::PLAYER_ID_HEADER;
use crate::record::Recorder;
use crate::upload::Upload;

/// What is to be remembered of a request until its answer comes.
pub(super) struct Outbound {
    /// The page that asks, when it is one of another origin than the rig's.
    pub(super) page: Option<Page>,
    /// What the player asked for under, and the origin was not told.
    pub(super) condition: Option<Condition>,
    /// Whether the rig has to answer a preflight itself.
    pub(super) needs_no_preflight: bool,
}

/// Makes a request ready for the origin.
pub(super) fn prepare(request: &mut Request<Upload>, target: &Target, recorder: &mut Recorder) -> Outbound {
    remove_identity(request, target, recorder);
    let page = ask_for_page(request, target, recorder);
    withhold_cookies(request.headers_mut(), recorder);
    let is_preflight = cors::is_preflight(request.method(), request.headers());
    let needs_no_preflight =
        is_preflight && page.as_ref().is_some_and(|page| page.needs_no_preflight(request.headers()));
    let condition =
        if must_be_read(request.method(), target) { Condition::take(request.headers_mut()) } else { None };
    if condition.is_some() {
        recorder.remark(Remark::ConditionRemoved);
    }
    Outbound { page, condition, needs_no_preflight }
}

fn remove_identity(request: &mut Request<Upload>, target: &Target, recorder: &mut Recorder) {
    let query = target.query().unwrap_or_default();
    let in_query = IDENTITY_PARAMETERS.iter().any(|name| query.contains(name));
    let in_header = request.headers().contains_key(PLAYER_ID_HEADER);
    if !in_query && !in_header {
        return;
    }
    let endpoint = recorder.session();
    if endpoint.learned.graph.lock().is_declared_as(endpoint.origin_id(), target.as_str()) {
        return;
    }
    let stripped = without_identity(request.uri().path_and_query().map_or("", PathAndQuery::as_str));
    let stripped = stripped.and_then(|target| target.parse::<PathAndQuery>().ok());
    let changed = stripped.is_some() || in_header;
    request.headers_mut().remove(PLAYER_ID_HEADER);
    if let Some(stripped) = stripped {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(stripped);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    if changed {
        recorder.remark(Remark::IdentityRemoved);
    }
}

fn withhold_cookies(headers: &mut HeaderMap, recorder: &mut Recorder) {
    let endpoint = recorder.session();
    if recorder.rig().cookies.withhold(headers, endpoint.player_id(), &endpoint.origin().address) {
        recorder.remark(Remark::CookieWithheld);
    }
}

/// Asks in the name of the page that really asks.
fn ask_for_page(request: &mut Request<Upload>, target: &Target, recorder: &mut Recorder) -> Option<Page> {
    if recorder.rig().config.cors == Cors::Origin {
        return None;
    }
    let sent = request.headers().get(ORIGIN)?.clone();
    let endpoint = recorder.session();
    let led = endpoint.led_pages.to(&endpoint.address(target.as_str()));
    let with_credentials = request.headers().contains_key(COOKIE);
    let page =
        Page::of(&sent, led, loaded_through(recorder, &sent), &endpoint.origin().base(), with_credentials);
    if page.is_restored() {
        let method = request.method().clone();
        page.ask(request.headers_mut(), &method);
        recorder.remark(Remark::OriginRestored);
    }
    Some(page)
}

/// The origin of a page that was loaded through a port of the session.
fn loaded_through(recorder: &Recorder, sent: &HeaderValue) -> Option<HeaderValue> {
    let ports = recorder.session().ports();
    let at = ports.iter().find(|at| recorder.caller().address_of(at.port).as_bytes() == sent.as_bytes())?;
    HeaderValue::from_str(&at.origin.base()).ok()
}

/// Whether the answer has to come whole, because it may be a playlist whose content is not known.
fn must_be_read(method: &Method, target: &Target) -> bool {
    let may_be_playlist = match target.expected() {
        Expected::Playlist | Expected::AssetList | Expected::Steering => true,
        Expected::Unknown => target.looks_like_playlist(),
        Expected::Other => false,
    };
    method == Method::GET && may_be_playlist && !target.is_read()
}
