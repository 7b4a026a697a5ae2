//! Accepting connections: the base port, where players start, and the session ports, each with its own accept loop.
//!
//! Invariant: a connection on a session port is adopted by the session's link before its first answer; a connection that fails
//! concerns nobody but itself. Deliberately absent: what is answered (see `bootstrap.rs` and `exchange.rs`), and how it goes
//! out (see `listen/`).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

mod http1;
mod http2;
mod secure;

use secure::Greeted;

use crate::bootstrap;
use crate::caller::Caller;
use crate::connection::{Connection, ConnectionIo};
use crate::exchange::exchange;
use crate::lane::Lane;
use crate::perform::Reply;
use crate::rig::Rig;
use crate::upload::Upload;

/// How long a client may take over the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(60);
/// When the system has no more descriptors, accepting pauses.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a connection arrived.
#[derive(Debug, Clone, Copy)]
enum Port {
    Base,
    Session(u16),
}

/// Serves the base port until the rig closes.
pub(crate) async fn base_port(rig: Arc<Rig>, listener: TcpListener) {
    accept(rig, listener, Port::Base).await;
}

/// Serves one session port until the rig closes. Boxed, because serving a session may open the next one.
pub(crate) fn session_port(
    rig: Arc<Rig>,
    listener: TcpListener,
    port: u16,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(accept(rig, listener, Port::Session(port)))
}

async fn accept(rig: Arc<Rig>, listener: TcpListener, port: Port) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = rig.closing.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Whoever serves it is woken by it, and not by this listener.
                let Ok(stream) = stream.into_std() else { continue };
                let serving = serve(Arc::clone(&rig), stream, peer, port);
                match port {
                    Port::Base => rig.spawn("connection", serving),
                    Port::Session(_) => rig.spawn_on_a_thread("connection", move || serving),
                }
            }
            Err(error) => {
                tracing::warn!(?port, %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(rig: Arc<Rig>, stream: std::net::TcpStream, peer: SocketAddr, port: Port) {
    let connection = TcpStream::from_std(stream).and_then(|stream| Connection::new(stream, peer));
    // It may be gone before it is looked at.
    let Ok(connection) = connection.map(Arc::new) else { return };
    rig.meters.connections.inc();
    tokio::select! {
        biased;
        () = rig.closing.cancelled() => {}
        () = speak(&rig, &connection, port) => {}
    }
    rig.meters.connections.dec();
}

/// Serves a connection in the protocol its client speaks.
async fn speak(rig: &Arc<Rig>, connection: &Arc<Connection>, port: Port) {
    let ended = match &rig.config.tls {
        None => http1::serve(rig, connection, port, clear(connection)).await,
        // A client that says nothing, or nothing that can be understood, concerns nobody but itself.
        Some(tls) => match tokio::time::timeout(HEAD_LIMIT, secure::greet(tls, connection)).await {
            Ok(Ok(Greeted::Clear)) => http1::serve(rig, connection, port, clear(connection)).await,
            Ok(Ok(Greeted::Http1(io))) => http1::serve(rig, connection, port, TokioIo::new(io)).await,
            Ok(Ok(Greeted::Http2(io))) => return http2::serve(rig, connection, port, io).await,
            Ok(Err(error)) => return tracing::debug!(peer = %connection.peer, %error, "no TLS came about"),
            Err(_elapsed) => return,
        },
    };
    // What else a client does to its connection is its business; the exchange has recorded it.
    if let (Err(error), Port::Session(port)) = (ended, port)
        && error.is_parse()
    {
        bootstrap::request_unread(rig, port, &error.to_string());
    }
}

fn clear(connection: &Arc<Connection>) -> TokioIo<ConnectionIo> {
    TokioIo::new(ConnectionIo(Arc::clone(connection)))
}

async fn answer(rig: &Arc<Rig>, lane: &Lane, port: Port, request: Request<Upload>) -> Reply {
    let caller = Caller::of(&request, lane.connection());
    if let Some(refusal) = bootstrap::refuse_malformed(&request, &caller) {
        return Ok(refusal);
    }
    let port = match port {
        Port::Base => return Ok(Box::pin(bootstrap::base(rig, lane.connection(), &request, &caller)).await),
        Port::Session(port) => port,
    };
    match bootstrap::session_at(rig, lane.connection(), port, &request, &caller).await {
        Ok(endpoint) => exchange(rig, endpoint, lane, Box::new(request), caller).await,
        Err(answer) => Ok(*answer),
    }
}
