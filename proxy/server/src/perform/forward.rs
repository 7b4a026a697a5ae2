//! The step that asks the origin: its head passes, its body is handed on, its playlists are read on the way.
//!
//! Invariant: one upstream request per client request. A body is held back only when it is a playlist that must be read, at
//! most [`MAX_PLAYLIST_BYTES`] of it; what is longer passes unread. Nothing of a head changes but the headers of the hop, the
//! length of a playlist that was edited, and a redirect that would leave the rig for the origin itself.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, LOCATION};
use http::response::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use rebuffer_media::{MAX_PLAYLIST_BYTES, classify_fallback, localise};
use rebuffer_model::{Action, ActionKind, ActionSource, RecordBody, RequestKind};

use super::ending::Breach;
use crate::clock;
use crate::origin::{Silence, strip_hop_by_hop};
use crate::record::{Recorder, has_body};
use crate::sessions::Session;
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
}

/// Where the body comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// There is none.
    Nothing,
    /// What was read already, then the rest of the origin's.
    Origin { read: Bytes, rest: Option<Incoming> },
    /// What was read already; then it broke.
    BrokenOff { read: Bytes, how: Breach },
}

impl Forwarded {
    /// The body, when it is a playlist that was read whole.
    pub(super) fn playlist(&self) -> Option<&Bytes> {
        match &self.source {
            Source::Origin { read, rest: None } if self.playlist => Some(read),
            Source::Origin { .. } | Source::Nothing | Source::BrokenOff { .. } => None,
        }
    }
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
pub(super) async fn forward(request: Request<Upload>, recorder: &mut Recorder) -> Result<Forwarded, Silence> {
    let session = recorder.session().clone();
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
    let url = crate::redact::path_and_query(request.uri());
    let method = request.method().clone();
    let heard = session.origin.ask(request).await?;
    recorder.heard(&session.origin, &url, &heard);
    let (mut head, body) = heard.response.into_parts();
    strip_hop_by_hop(&mut head.headers);
    keep_redirect_here(&session, &mut head.headers);
    let may_have_body = has_body(&method, head.status);
    if !may_have_body || body.is_end_stream() {
        let source = Source::Nothing;
        return Ok(Forwarded { head, source, may_have_body, playlist: false, edited: false });
    }
    if !is_playlist(&method, &head, &target) {
        let source = Source::Origin { read: Bytes::new(), rest: Some(body) };
        return Ok(Forwarded { head, source, may_have_body, playlist: false, edited: false });
    }
    let (mut whole, mut edited) = (false, false);
    let source = match collect(body, session.origin.stall()).await {
        Collected::Whole(playlist) => {
            whole = true;
            let (read, changed) = absorb(&session, recorder, &target, &mut head, playlist);
            edited = changed;
            Source::Origin { read, rest: None }
        }
        Collected::TooLong(read, rest) => Source::Origin { read, rest: Some(rest) },
        Collected::Broken(read, how) => Source::BrokenOff { read, how },
    };
    Ok(Forwarded { head, source, may_have_body, playlist: whole, edited })
}

fn is_playlist(method: &Method, head: &Parts, target: &str) -> bool {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    method == Method::GET
        && head.status == StatusCode::OK
        && classify_fallback(target, content_type).is_manifest()
}

/// A redirect to the origin itself stays on the session.
fn keep_redirect_here(session: &Session, headers: &mut HeaderMap) {
    let base = session.origin.base();
    let here = headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok()?.strip_prefix(&base))
        .filter(|rest| rest.starts_with('/'))
        .and_then(|rest| HeaderValue::from_str(rest).ok());
    if let Some(here) = here {
        headers.insert(LOCATION, here);
    }
}

enum Collected {
    Whole(Bytes),
    TooLong(Bytes, Incoming),
    Broken(Bytes, Breach),
}

async fn collect(mut body: Incoming, stall: std::time::Duration) -> Collected {
    let mut read = BytesMut::new();
    loop {
        match tokio::time::timeout(stall, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    read.extend_from_slice(&data);
                }
            }
            Ok(None) => return Collected::Whole(read.freeze()),
            Ok(Some(Err(error))) => return Collected::Broken(read.freeze(), Breach::of(&error)),
            Err(_elapsed) => return Collected::Broken(read.freeze(), Breach::Ended),
        }
        if read.len() > MAX_PLAYLIST_BYTES {
            return Collected::TooLong(read.freeze(), body);
        }
    }
}

/// Reads a playlist, and returns the bytes that go to the client, with whether they are others than the origin's.
fn absorb(
    session: &Session,
    recorder: &mut Recorder,
    target: &str,
    head: &mut Parts,
    playlist: Bytes,
) -> (Bytes, bool) {
    let Some(readable) = decoded(&head.headers, &playlist) else { return (playlist, false) };
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut graph = session.graph.lock();
    let absorbed = graph.absorb(target, content_type, &readable);
    let ladder = graph.ladder().iter().map(|variant| (**variant).clone()).collect();
    drop(graph);
    if absorbed.ladder_changed {
        session.player.set_ladder(ladder);
        recorder.rig().events.player_updated(&session.player);
    }
    if absorbed.kind == RequestKind::MasterManifest {
        let path = target.split('?').next().unwrap_or(target);
        session.telemetry.master.store(std::sync::Arc::new(path.to_owned()));
    }
    recorder.classified(absorbed.kind, absorbed.variant.as_deref());
    for host in absorbed.foreign {
        note_foreign(session, recorder, host);
    }
    let localised = localise(&readable, &session.origin.media_origins());
    if localised.changed == 0 {
        return (playlist, false);
    }
    let headers = &mut head.headers;
    headers.remove(CONTENT_ENCODING);
    // A validator of the origin does not describe an edited body, save weakly.
    weaken(headers);
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(localised.body.len()));
    }
    (localised.body, true)
}

fn weaken(headers: &mut HeaderMap) {
    let strong = headers.get(ETAG).and_then(|etag| etag.to_str().ok()).filter(|etag| etag.starts_with('"'));
    if let Some(weak) = strong.and_then(|etag| HeaderValue::from_str(&format!("W/{etag}")).ok()) {
        headers.insert(ETAG, weak);
    }
}

fn note_foreign(session: &Session, recorder: &Recorder, host: String) {
    if !session.telemetry.first_mention(&host) {
        return;
    }
    let kind = ActionKind::OriginLeft { host };
    let action = Action { who: session.player.who(), source: ActionSource::Proxy, kind };
    recorder.rig().feed.append(clock::now(), RecordBody::Action(Box::new(action)));
}

/// The playlist as text; `None` when its encoding is not known or not honoured.
fn decoded(headers: &HeaderMap, body: &Bytes) -> Option<Bytes> {
    let mut text = Vec::new();
    let limit = MAX_PLAYLIST_BYTES as u64;
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => return Some(body.clone()),
        Some(b"gzip" | b"x-gzip") => {
            flate2::read::MultiGzDecoder::new(&body[..]).take(limit).read_to_end(&mut text).ok()?
        }
        Some(b"deflate") => {
            flate2::read::ZlibDecoder::new(&body[..]).take(limit).read_to_end(&mut text).ok()?
        }
        Some(_) => return None,
    };
    Some(text.into())
}
