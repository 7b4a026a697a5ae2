//! The HTTP face: the router, and an accept loop that ends when it is told to.
//!
//! Invariant: after `serve` returns, none of its connections is left; one still busy after the grace is dropped.
//! Any page may read any answer (CORS), errors included, as players run on pages of other origins.
//! Deliberately absent: a limit on how slowly a client may read, as slow links are what the rig is for.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG};
use http::{Method, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tower_http::cors::{Any, CorsLayer};
use tracing::Instrument;

use crate::conditional::{Selection, select};
use crate::payload::Payload;
use crate::site::{Document, Missing, Site};
use crate::timeline::UnixMillis;

struct Origin<C> {
    site: Site,
    clock: C,
}

/// Also ends idle connections; longer than client pools keep one, so it is they who close and no request is lost.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(120);
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
/// A failed accept is nearly always a lack of descriptors, which only time mends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The origin under `/live` and `/vod`; `clock` says what time it is, [`UnixMillis::now`] outside tests.
pub fn router<C>(clock: C) -> Router
where
    C: Fn() -> UnixMillis + Send + Sync + 'static,
{
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(Any)
        // No answer depends on who asks.
        .vary([])
        .expose_headers([ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG]);
    let origin = Arc::new(Origin { site: Site::new(), clock });
    Router::new().fallback_service(get(answer::<C>).with_state(origin)).layer(cors)
}

/// Serves `router` on `listener` until `shutdown` completes, then lets open requests end for at most a second.
pub async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let span = tracing::debug_span!("demo connection", %peer);
                    connections.spawn(converse(stream, router.clone(), &graceful).instrument(span));
                }
                Err(error) => {
                    tracing::warn!(%error, "demo origin cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let ended = async {
        graceful.shutdown().await;
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(SHUTDOWN_GRACE, ended).await.is_err() {
        tracing::debug!("demo origin drops what is still open");
    }
    connections.shutdown().await;
}

fn converse(
    stream: TcpStream,
    router: Router,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(REQUEST_HEAD_TIMEOUT);
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "demo connection keeps its delay");
    }
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = graceful.watch(connection.into_owned());
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "demo connection broke off");
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "demo connection panicked");
    }
}

async fn answer<C: Fn() -> UnixMillis>(State(origin): State<Arc<Origin<C>>>, request: Request) -> Response {
    match origin.site.find(request.uri().path(), (origin.clock)()) {
        Ok(document) => present(&request, document),
        Err(missing) => refuse(&missing),
    }
}

fn present(request: &Request, document: Document) -> Response {
    let length = document.payload.len();
    let response = Response::builder()
        .header(ACCEPT_RANGES, "bytes")
        .header(CACHE_CONTROL, document.cache_control)
        .header(ETAG, &document.etag);
    let response = match select(request.method(), request.headers(), &document.etag, length) {
        Selection::Whole => {
            response.header(CONTENT_TYPE, document.content_type).body(Body::new(document.payload))
        }
        Selection::Part(range) => response
            .status(StatusCode::PARTIAL_CONTENT)
            .header(CONTENT_TYPE, document.content_type)
            .header(CONTENT_RANGE, format!("bytes {}-{}/{length}", range.start, range.end - 1))
            .body(Body::new(document.payload.slice(range))),
        Selection::NotModified => response.status(StatusCode::NOT_MODIFIED).body(Body::empty()),
        Selection::NotSatisfiable => response
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(CONTENT_RANGE, format!("bytes */{length}"))
            .body(Body::empty()),
    };
    response.expect("each header value is made of visible ASCII")
}

fn refuse(missing: &Missing) -> Response {
    Response::builder()
        .status(StatusCode::NOT_FOUND)
        // A segment that is too early now exists in a moment.
        .header(CACHE_CONTROL, "no-store")
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Body::new(Payload::from(format!("{missing}\n"))))
        .expect("each header value is made of visible ASCII")
}
