//! Asking, and asking again when the origin closed a connection that waited just as it was used again: no origin answered then.
//!
//! Invariant: asked again is only what changes nothing, when the connection had served before and its end came at once; where
//! connections are not shared, the next attempt goes over a new one. An origin that breaks off in the head of its answer cannot be
//! told apart.
//! Deliberately absent: how an origin is reached (see `way.rs`).

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use h2::Reason;
use http::uri::{Authority, Scheme};
use http::{Request, Response};
use hyper::body::Body;

use super::connect::{FirstUse, Phases};
use super::way::{OriginBody, Way};
use crate::upload::{Upload, UploadError};

/// An end that comes later is the origin's answer to this request: it had the time to read it.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What came of asking.
pub(super) struct Answered {
    pub(super) response: Response<OriginBody>,
    /// How the connection came about, when this is its first use.
    pub(super) phases: Option<Phases>,
    /// When the request was asked that was answered.
    pub(super) asked: Instant,
    /// How many connections swallowed it before.
    pub(super) swallowed: u64,
}

/// Why there is no answer.
pub(super) struct Failed {
    pub(super) reason: String,
    /// The origin closed a connection that had served before; that may have had nothing to do with this request.
    pub(super) by_an_old_connection: bool,
    /// The client did not send the body it had announced.
    pub(super) by_client: bool,
}

/// Asks; again where that is allowed (RFC 9110, 9.2.2; RFC 9112, 9.3.1).
pub(super) async fn ask(
    way: &Way,
    (scheme, authority): (&Scheme, &Authority),
    mut request: Box<Request<Upload>>,
) -> Result<Answered, Failed> {
    let mut swallowed = 0;
    loop {
        let again = twin(&request);
        let asked = Instant::now();
        match (way.ask(scheme, authority, request, swallowed > 0).await, again) {
            (Ok((response, phases)), _) => return Ok(Answered { response, phases, asked, swallowed }),
            (Err(failed), Some(again)) if failed.by_an_old_connection && asked.elapsed() < AT_ONCE => {
                request = again;
                swallowed += 1;
            }
            (Err(failed), _) => return Err(failed),
        }
    }
}

/// The same request once more, if asking it twice is asking it once: nothing changes by it, and it has no body.
fn twin(request: &Request<Upload>) -> Option<Box<Request<Upload>>> {
    if !request.method().is_safe() || !request.body().is_end_stream() {
        return None;
    }
    let mut twin = Box::new(Request::new(Upload::nothing()));
    *twin.method_mut() = request.method().clone();
    *twin.uri_mut() = request.uri().clone();
    *twin.headers_mut() = request.headers().clone();
    *twin.extensions_mut() = request.extensions().clone();
    Some(twin)
}

/// Whether the connection that failed had served a request before.
pub(super) fn had_served(error: &hyper_util::client::legacy::Error) -> bool {
    let mut extensions = http::Extensions::new();
    if let Some(connected) = error.connect_info() {
        connected.get_extras(&mut extensions);
    }
    extensions.get::<FirstUse>().is_some_and(|first_use| first_use.take().is_none())
}

/// Whether the body of the request is what failed.
pub(super) fn was_upload(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<UploadError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether the other side closed the connection instead of answering.
pub(super) fn was_closed(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let by_http1 = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        let by_http2 = error.downcast_ref::<h2::Error>().is_some_and(refuses);
        let below = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if by_http1 || by_http2 || below.is_some_and(|kind| ENDS.contains(&kind)) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// How a connection ends below HTTP. The last is TLS without a farewell.
const ENDS: [io::ErrorKind; 3] =
    [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe, io::ErrorKind::UnexpectedEof];

/// Whether the other side says that it did nothing for this request (RFC 9113, 8.7).
fn refuses(error: &h2::Error) -> bool {
    let left = error.is_go_away() && error.reason() == Some(Reason::NO_ERROR);
    error.is_remote() && (left || error.reason() == Some(Reason::REFUSED_STREAM))
}
