//! When a request is asked once more: the origin closed a connection that waited, just as it was used again.
//!
//! Invariant: only what changes nothing, and only when the connection had served before, so that its end says nothing of this
//! request. Deliberately absent: asking (see `way.rs`).

use std::error::Error;
use std::io;

use http::Request;
use hyper::body::Body;

use super::connect::FirstUse;
use crate::upload::Upload;

/// The same request once more, if asking it twice is asking it once: nothing changes by it, and it has no body.
pub(super) fn twin(request: &Request<Upload>) -> Option<Box<Request<Upload>>> {
    if !request.method().is_safe() || !request.body().is_end_stream() {
        return None;
    }
    let mut twin = Box::new(Request::new(Upload::Nothing));
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

/// Whether the other side closed the connection instead of answering.
pub(super) fn was_closed(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let by_http = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        let by_tcp = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if by_http || matches!(by_tcp, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)) {
            return true;
        }
        cause = error.source();
    }
    false
}
