//! HTTP/2 on an encrypted connection: many exchanges at once, each on a stream of its own.
//!
//! Invariant: what ends an exchange ends its stream, by the table in [`reason`], and its neighbours go on; only a lane that asks
//! for the end of the connection gets that. A piece of a body is handed over when the client's window has room for it, so nothing
//! but one piece per stream is held here. Deliberately absent: clear-text HTTP/2 and pushes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection as H2Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::header::{COOKIE, HeaderValue};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{HEAD_LIMIT, Port, answer};
use crate::connection::Connection;
use crate::lane::Lane;
use crate::perform::{Broken, ReplyBody};
use crate::record::{content_length, has_body};
use crate::rig::Rig;
use crate::upload::Upload;

const MAX_STREAMS: u32 = 128;
/// The most that one stream may wait with.
const SEND_BUFFER: usize = 64 * 1024;
const MAX_HEADERS: u32 = 64 * 1024;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a stream ends before its answer does.
enum Stopped {
    /// The client reset the stream, or the connection is gone.
    ByClient,
    /// Somebody cut the lane.
    Cut,
}

/// How a stream is reset when its answer breaks; `None` ends it as if the answer were whole.
fn reason(broken: Broken) -> Option<Reason> {
    match broken {
        Broken::Origin | Broken::Reset => Some(Reason::INTERNAL_ERROR),
        Broken::Closed => Some(Reason::CANCEL),
        Broken::EndedEarly => None,
    }
}

pub(super) async fn serve<T: AsyncRead + AsyncWrite + Unpin>(
    rig: &Arc<Rig>,
    connection: &Arc<Connection>,
    port: Port,
    io: T,
) {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(MAX_STREAMS).max_send_buffer_size(SEND_BUFFER);
    builder.max_header_list_size(MAX_HEADERS);
    let Ok(Ok(mut http2)) = tokio::time::timeout(HEAD_LIMIT, builder.handshake(io)).await else { return };
    let mut streams = JoinSet::new();
    let why = loop {
        tokio::select! {
            // The end first: nothing of the streams may go out once it was asked for.
            biased;
            () = connection.ending() => break Reason::INTERNAL_ERROR,
            Some(ended) = streams.join_next() => {
                if let Err(failure) = ended && failure.is_panic() {
                    rig.meters.panics.inc();
                    tracing::error!(task = "stream", "a task panicked");
                }
            }
            accepted = http2.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    streams.spawn(stream(Arc::clone(rig), Arc::clone(connection), port, request, respond));
                }
                Some(Err(_)) | None => return,
            },
            () = tokio::time::sleep(HEAD_LIMIT), if streams.is_empty() => break Reason::NO_ERROR,
        }
    };
    streams.shutdown().await;
    if !connection.resets_on_close() {
        let _patience = tokio::time::timeout(FAREWELL, say_farewell(&mut http2, why)).await;
    }
}

async fn say_farewell<T: AsyncRead + AsyncWrite + Unpin>(http2: &mut H2Connection<T, Bytes>, why: Reason) {
    http2.abrupt_shutdown(why);
    // A client that does not listen any more needs no farewell.
    let _gone = poll_fn(|cx| http2.poll_closed(cx)).await;
}

async fn stream(
    rig: Arc<Rig>,
    connection: Arc<Connection>,
    port: Port,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let cut = CancellationToken::new();
    let lane = Lane::stream(connection, cut.clone());
    let method = request.method().clone();
    let reply = tokio::select! {
        biased;
        () = cut.cancelled() => return respond.send_reset(Reason::CANCEL),
        _reset = poll_fn(|cx| respond.poll_reset(cx)) => return,
        reply = answer(&rig, &lane, port, understood(request)) => reply,
    };
    match reply {
        Ok(response) => send(response, &method, respond, &cut).await,
        Err(broken) => respond.send_reset(reason(broken).unwrap_or(Reason::INTERNAL_ERROR)),
    }
}

/// The request as it is asked over HTTP/1.1.
fn understood(request: Request<RecvStream>) -> Request<Upload> {
    let (mut head, stream) = request.into_parts();
    let length = content_length(&head.headers);
    join_cookies(&mut head.headers);
    Request::from_parts(head, Upload::http2(stream, length))
}

/// HTTP/2 may send cookies one by one (RFC 9113 §8.2.3); HTTP/1.1 has one field of them.
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    if let Ok(cookies) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookies);
    }
}

async fn send(
    response: Response<ReplyBody>,
    method: &Method,
    mut respond: SendResponse<Bytes>,
    cut: &CancellationToken,
) {
    let (head, mut body) = response.into_parts();
    let over = body.is_end_stream() || !has_body(method, head.status);
    // An error here is a stream or connection that is gone; dropping the body has it recorded.
    let Ok(mut out) = respond.send_response(Response::from_parts(head, ()), over) else { return };
    if over {
        return;
    }
    loop {
        let frame = tokio::select! {
            biased;
            () = cut.cancelled() => return out.send_reset(Reason::CANCEL),
            _reset = poll_fn(|cx| out.poll_reset(cx)) => return,
            frame = body.frame() => frame,
        };
        let frame = match frame {
            None => return drop(out.send_data(Bytes::new(), true)),
            Some(Ok(frame)) => frame,
            Some(Err(broken)) => {
                return match reason(broken) {
                    Some(reason) => out.send_reset(reason),
                    None => drop(out.send_data(Bytes::new(), true)),
                };
            }
        };
        match frame.into_data() {
            Ok(data) => match hand_over(&mut out, data, cut).await {
                Ok(()) => {}
                Err(Stopped::ByClient) => return,
                Err(Stopped::Cut) => return out.send_reset(Reason::CANCEL),
            },
            Err(other) => {
                if let Ok(trailers) = other.into_trailers() {
                    return drop(out.send_trailers(trailers));
                }
            }
        }
    }
}

/// Hands a piece over as the client's window takes it.
async fn hand_over(
    out: &mut SendStream<Bytes>,
    mut data: Bytes,
    cut: &CancellationToken,
) -> Result<(), Stopped> {
    while !data.is_empty() {
        out.reserve_capacity(data.len());
        while out.capacity() == 0 {
            tokio::select! {
                biased;
                () = cut.cancelled() => return Err(Stopped::Cut),
                room = poll_fn(|cx| poll_room(out, cx)) => room?,
            }
        }
        let piece = data.split_to(out.capacity().min(data.len()));
        out.send_data(piece, false).map_err(|_| Stopped::ByClient)?;
    }
    Ok(())
}

/// Ready when the window has other room than before.
fn poll_room(out: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
    if out.poll_reset(cx).is_ready() {
        return Poll::Ready(Err(Stopped::ByClient));
    }
    match ready!(out.poll_capacity(cx)) {
        Some(Ok(_)) => Poll::Ready(Ok(())),
        Some(Err(_)) | None => Poll::Ready(Err(Stopped::ByClient)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crumbs_of_cookies_become_one_field() {
        let mut headers = HeaderMap::new();
        for crumb in ["a=1", "b=2", "c=3"] {
            headers.append(COOKIE, HeaderValue::from_static(crumb));
        }
        join_cookies(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
    }
}
