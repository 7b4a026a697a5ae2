//! The step that asks the origin: its head passes, its body is handed on, its playlists are read on the way.
//!
//! Invariant: one upstream request per client request that is answered. A body is held back only when it is a playlist that must
//! be read (see `playlist.rs`). Nothing of a head changes but the headers of the hop, what described a playlist that was edited,
//! whether caches may keep what a fault changed, and a redirect that would leave the rig for the origin itself.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION};
use http::response::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use hyper::body::Body;
use rebuffer_media::classify_fallback;

use super::ending::Breach;
use super::playlist::{self, Collected};
use crate::origin::{OriginBody, Silence, strip_hop_by_hop, target_of};
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
    Origin { read: Bytes, rest: Option<OriginBody> },
    /// What was read already; then it broke.
    BrokenOff { read: Bytes, how: Breach },
}

impl Forwarded {
    /// It is not what the origin said, and no cache may say it again: a fault strikes as often as its rule fires.
    pub(super) fn is_a_fault(&mut self) {
        self.head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.edited = true;
    }

    pub(super) fn has_a_body(&self) -> bool {
        !matches!(self.source, Source::Nothing)
    }

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
pub(super) async fn forward(
    request: Box<Request<Upload>>,
    recorder: &mut Recorder,
) -> Result<Box<Forwarded>, Silence> {
    let session = recorder.session().clone();
    let target = target_of(request.uri());
    let url = crate::redact::path_and_query(request.uri());
    let method = request.method().clone();
    let heard = session.origin.ask(request).await?;
    recorder.heard(&session.origin, &url, &heard);
    let (mut head, body) = heard.response.into_parts();
    strip_hop_by_hop(&mut head.headers);
    keep_redirect_here(&session, &mut head.headers);
    let may_have_body = has_body(&method, head.status);
    let of_playlist = is_playlist(&head, target.as_str());
    if !may_have_body || body.is_end_stream() {
        let source = Source::Nothing;
        let edited = method == Method::HEAD && of_playlist && !session.player.content().is_neutral();
        if edited {
            playlist::say_nothing_of_the_body(&mut head.headers);
        }
        return Ok(Box::new(Forwarded { head, source, may_have_body, playlist: false, edited }));
    }
    if method != Method::GET || !of_playlist {
        let source = Source::Origin { read: Bytes::new(), rest: Some(body) };
        return Ok(Box::new(Forwarded { head, source, may_have_body, playlist: false, edited: false }));
    }
    let (mut whole, mut edited) = (false, false);
    let source = match Box::pin(playlist::collect(body, session.origin.stall())).await {
        Collected::Whole(body) => {
            whole = true;
            let (read, changed) = playlist::read(&session, recorder, target.as_str(), &mut head, body);
            edited = changed;
            Source::Origin { read, rest: None }
        }
        Collected::TooLong(read, rest) => {
            playlist::pass_unread(&session, recorder);
            Source::Origin { read, rest: Some(rest) }
        }
        Collected::Broken(read, how) => Source::BrokenOff { read, how },
    };
    Ok(Box::new(Forwarded { head, source, may_have_body, playlist: whole, edited }))
}

fn is_playlist(head: &Parts, target: &str) -> bool {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    head.status == StatusCode::OK && classify_fallback(target, content_type).is_manifest()
}

/// A redirect to the origin itself stays on the session.
fn keep_redirect_here(session: &Session, headers: &mut HeaderMap) {
    let Some(location) = headers.get(LOCATION).and_then(|location| location.to_str().ok()) else { return };
    let here = location
        .strip_prefix(&session.origin.base())
        .filter(|rest| rest.starts_with('/'))
        .and_then(|rest| HeaderValue::from_str(rest).ok());
    if let Some(here) = here {
        headers.insert(LOCATION, here);
    }
}
