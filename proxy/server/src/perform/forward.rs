//! The step that asks the origin: its head passes, its body is handed on, its playlists are read on the way.
//!
//! Invariant: one upstream request per client request that is answered. A body is held back only when it is a playlist that must
//! be read (see `reading.rs`). Nothing of a head changes but the headers of the hop, what described a playlist that was changed,
//! whether caches may keep what a fault changed, and what the rig's address makes untrue: a redirect, cookies, and the page that
//! may read it; each of these is a remark of the record.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::response::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Body;
use hyper::upgrade::OnUpgrade;
use rebuffer_media::{Address, Sniffed, classify_fallback, sniff};
use rebuffer_model::{Known, Remark, RequestKind};

use super::answer::own_preflight;
use super::ending::Breach;
use super::outbound::{self, Outbound};
use super::playlist::{self, Passed};
use super::reading::{self, Looked};
use super::target::Target;
use super::tunnel::Tunnel;
use super::{location, revalidation};
use crate::cors::Verdict;
use crate::origin::{NextProtocol, OriginBody, OriginUpgrade, Silence, strip_hop_by_hop, unite_lengths};
use crate::record::{Recorder, has_body};
use crate::upload::Upload;

/// An answer of the origin on its way.
#[derive(Debug)]
pub(crate) struct Forwarded {
    pub(super) head: Parts,
    pub(super) source: Source,
    /// Whether a body may follow at all: not for HEAD, 204 and 304.
    pub(super) may_have_body: bool,
    /// Whether the body is a playlist that was read whole.
    pub(super) playlist: bool,
    /// Whether the head is another one than the origin's.
    pub(super) edited: bool,
    /// Where it leads, when it is a redirect that stays at the rig.
    pub(super) led: Option<Address>,
}

/// Where the body comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// There is none.
    Nothing,
    /// What was read already, then the rest of the origin's.
    Origin { read: Bytes, rest: Option<OriginBody> },
    /// What was read already; then it broke.
    BrokenOff { read: Bytes, how: Breach },
    /// There is none; the connection goes on in another protocol.
    Tunnel(Box<Tunnel>),
}

impl Source {
    /// Nothing of it was read.
    pub(super) fn unread(body: OriginBody) -> Self {
        Self::Origin { read: Bytes::new(), rest: Some(body) }
    }

    /// All of it was read.
    pub(super) fn read(read: Bytes) -> Self {
        Self::Origin { read, rest: None }
    }

    pub(super) fn broken_off(read: Bytes, how: Breach) -> Self {
        Self::BrokenOff { read, how }
    }
}

impl Forwarded {
    pub(super) fn without_body(head: Parts, may_have_body: bool, edited: bool) -> Self {
        Self { head, source: Source::Nothing, may_have_body, playlist: false, edited, led: None }
    }

    /// It is not what the origin said, and no cache may say it again: a fault strikes as often as its rule fires.
    pub(super) fn is_a_fault(&mut self) {
        self.head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.edited = true;
    }

    pub(super) fn has_a_body(&self) -> bool {
        !matches!(self.source, Source::Nothing | Source::Tunnel(_))
    }

    /// Whether it is a redirect that stays at the rig.
    pub(crate) fn leads_on(&self) -> bool {
        self.led.is_some()
    }

    /// The body, when it is a playlist that was read whole.
    pub(super) fn playlist(&self) -> Option<&Bytes> {
        match &self.source {
            Source::Origin { read, rest: None } if self.playlist => Some(read),
            Source::Origin { .. } | Source::Nothing | Source::BrokenOff { .. } | Source::Tunnel(_) => None,
        }
    }
}

/// Whether the first bytes of a body that nobody read look like a playlist.
pub(super) fn looks_like_playlist(first: &[u8]) -> bool {
    matches!(first, [b'#' | b'<' | 0xef | 0xfe | 0xff | b'\n' | b'\r' | b' ' | b'\t', ..])
        && sniff(first) == Sniffed::Playlist
}

/// Takes the directives of a blocking reload out of a request, which then is one for the playlist as it is.
pub(super) fn drop_directives(request: &mut Request<Upload>) {
    let uri = request.uri();
    let Some(query) = uri.query() else { return };
    let others =
        query.split('&').filter(|pair| !pair.starts_with("_HLS_msn=") && !pair.starts_with("_HLS_part="));
    let query = others.collect::<Vec<_>>().join("&");
    let sign = if query.is_empty() { "" } else { "?" };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = format!("{}{sign}{query}", uri.path()).parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Asks the origin.
pub(super) async fn forward(
    target: &Target,
    mut request: Box<Request<Upload>>,
    recorder: &mut Recorder,
) -> Result<Box<Forwarded>, Silence> {
    let outbound = outbound::prepare(&mut request, target, recorder);
    if outbound.needs_no_preflight {
        recorder.remark(Remark::PreflightAnswered);
        let head = own_preflight(request.headers(), recorder.caller());
        return Ok(Box::new(Forwarded::without_body(head, false, true)));
    }
    let endpoint = recorder.session().clone();
    let url = crate::redact::path_and_query(request.uri());
    let client = NextProtocol::of(request.headers()).map(|_| hyper::upgrade::on(&mut *request));
    let heard = endpoint.origin().ask(request).await?;
    recorder.heard(endpoint.origin(), &url, &heard);
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(client)) = (heard.response.status(), client) {
        return Ok(Box::new(switch(heard.response, client)));
    }
    let (mut head, body) = heard.response.into_parts();
    unite_lengths(&mut head.headers);
    strip_hop_by_hop(&mut head.headers);
    let led = location::lead(&mut head, target, recorder).await;
    let may_have_body = has_body(recorder.caller().method(), head.status);
    let mut forwarded = if !may_have_body || body.is_end_stream() {
        without_body(head, may_have_body, target, recorder)
    } else {
        with_body(head, body, target, &outbound, recorder).await
    };
    forwarded.led = led;
    fit_to_client(&mut forwarded, &outbound, recorder);
    Ok(Box::new(forwarded))
}

/// The connection goes on in another protocol.
fn switch(response: Response<OriginBody>, client: OnUpgrade) -> Forwarded {
    let (mut head, origin) = OriginUpgrade::of(response);
    let next = NextProtocol::of(&head.headers);
    strip_hop_by_hop(&mut head.headers);
    if let Some(next) = next {
        next.say(&mut head.headers);
    }
    let source = Source::Tunnel(Box::new(Tunnel { client, origin }));
    Forwarded { source, ..Forwarded::without_body(head, false, false) }
}

fn without_body(mut head: Parts, may_have_body: bool, target: &Target, recorder: &Recorder) -> Forwarded {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let of_playlist = classify_fallback(target.as_str(), content_type).is_manifest() || target.is_read();
    let edited = recorder.caller().method() == Method::HEAD
        && head.status.is_success()
        && of_playlist
        && !recorder.session().player.content().is_neutral();
    if edited {
        playlist::say_nothing_of_the_body(&mut head.headers);
    }
    Forwarded::without_body(head, may_have_body, edited)
}

async fn with_body(
    mut head: Parts,
    body: OriginBody,
    target: &Target,
    outbound: &Outbound,
    recorder: &mut Recorder,
) -> Forwarded {
    let is_met = head.status.is_success()
        && outbound.condition.as_ref().is_some_and(|condition| condition.is_met_by(&head.headers));
    let (source, playlist, edited) = match Box::pin(reading::look(&head, body, target, recorder)).await {
        Looked::Playlist { playlist, coded, share } => {
            let passed = Box::pin(playlist::pass(playlist, coded, share, &mut head, target, recorder)).await;
            let Passed { body, changed } = passed;
            (Source::read(body), true, changed)
        }
        Looked::Passes { source, unread, is_other } => {
            if let Some(reason) = unread {
                playlist::pass_unread(&reason, target, recorder);
            } else if !target.is_declared() && recorder.seen().kind.is_manifest() {
                // Its name was a playlist's, and neither its type nor its first bytes are.
                let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let kind = classify_fallback(target.as_str(), content_type);
                let kind = if is_other && kind.is_manifest() { RequestKind::Other } else { kind };
                recorder.classified(kind, Known::Guessed, None, None);
            }
            (source, false, false)
        }
    };
    // What is changed in another way in each session is not what the client has.
    if is_met
        && (!edited
            || head.headers.contains_key(http::header::ETAG)
            || head.headers.contains_key(http::header::LAST_MODIFIED))
    {
        recorder.remark(Remark::NotModifiedByRig);
        head.status = StatusCode::NOT_MODIFIED;
        revalidation::describe_nothing(&mut head.headers);
        return Forwarded::without_body(head, false, true);
    }
    Forwarded { head, source, may_have_body: true, playlist, edited, led: None }
}

/// What the origin says to its clients, said to a client of the rig.
fn fit_to_client(forwarded: &mut Forwarded, outbound: &Outbound, recorder: &mut Recorder) {
    let (rig, endpoint) = (recorder.rig().clone(), recorder.session().clone());
    let secure = recorder.caller().is_secure();
    let (player, origin) = (endpoint.player_id(), &endpoint.origin().address);
    let mut remarks = Vec::new();
    let headers = &mut forwarded.head.headers;
    rig.cookies.rewrite_set(headers, player, origin, secure, |remark| remarks.push(remark));
    forwarded.edited |= !remarks.is_empty();
    if let Some(page) = &outbound.page {
        match page.answer(headers) {
            Verdict::AsItIs => {}
            Verdict::Rewritten => {
                forwarded.edited = true;
                remarks.push(Remark::CorsRewritten);
            }
            Verdict::Refused => remarks.push(Remark::CorsRefused),
        }
    }
    forwarded.edited |= recorder.has_remark(Remark::LocationRewritten);
    remarks.into_iter().for_each(|remark| recorder.remark(remark));
}
