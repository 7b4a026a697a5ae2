//! The HTTP face: the router, and an accept loop that ends when it is told to.
//!
//! Invariant: after `serve` returns, none of its connections is left; one still busy after the grace is dropped.
//! Any page may read any answer (CORS), errors included, as players run on pages of other origins.
//! What does not exist yet and will soon is waited for here, for three target durations at most.
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
use tokio::time::Instant;
use tower_http::cors::{Any, CorsLayer};
use tracing::Instrument;

use crate::conditional::{Selection, is_known, select};
use crate::growing::Growing;
use crate::payload::Payload;
use crate::site::{Answer, Content, Document, Refusal, Site};
use crate::timeline::{SEGMENT_SECONDS, UnixMillis};

struct Origin<C> {
    site: Site,
    clock: C,
}

/// Also ends idle connections; longer than client pools keep one, so it is they who close and no request is lost.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// A clock that runs gets there sooner; one that stands still or was set back does not (draft-pantos-hls-rfc8216bis,
/// 6.2.5.2).
const PATIENCE: Duration = Duration::from_secs(3 * SEGMENT_SECONDS);
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
/// A failed accept is nearly always a lack of descriptors, which only time mends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The origin under `/live`, `/ll` and `/vod`; `clock` says what time it is, [`UnixMillis::now`] outside tests.
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
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = (origin.clock)();
        match origin.site.find(path, query, now) {
            Ok(Answer::Now(document)) => return present(&request, document, now),
            Ok(Answer::Later(moment)) => {
                if Instant::now() >= deadline {
                    return explain(StatusCode::SERVICE_UNAVAILABLE, "what was asked for is overdue");
                }
                tokio::time::sleep_until(instant(moment, now).min(deadline)).await;
            }
            Err(refusal) => return refuse(&refusal),
        }
    }
}

/// When `moment` comes, given that it is `now`.
fn instant(moment: UnixMillis, now: UnixMillis) -> Instant {
    Instant::now() + Duration::from_millis(moment.0.saturating_sub(now.0))
}

fn present(request: &Request, document: Document, now: UnixMillis) -> Response {
    let response =
        Response::builder().header(CACHE_CONTROL, document.cache_control).header(ETAG, &document.etag);
    let response = match document.content {
        Content::Whole(payload) => {
            let response = response.header(ACCEPT_RANGES, "bytes");
            let length = payload.len();
            match select(request.method(), request.headers(), &document.etag, length) {
                Selection::Whole => {
                    response.header(CONTENT_TYPE, document.content_type).body(Body::new(payload))
                }
                Selection::Part(range) => response
                    .status(StatusCode::PARTIAL_CONTENT)
                    .header(CONTENT_TYPE, document.content_type)
                    .header(CONTENT_RANGE, format!("bytes {}-{}/{length}", range.start, range.end - 1))
                    .body(Body::new(payload.slice(range))),
                Selection::NotModified => response.status(StatusCode::NOT_MODIFIED).body(Body::empty()),
                Selection::NotSatisfiable => response
                    .status(StatusCode::RANGE_NOT_SATISFIABLE)
                    .header(CONTENT_RANGE, format!("bytes */{length}"))
                    .body(Body::empty()),
            }
        }
        Content::Growing(_) if is_known(request.headers(), &document.etag) => {
            response.status(StatusCode::NOT_MODIFIED).body(Body::empty())
        }
        Content::Growing(pieces) => {
            let pieces = pieces.into_iter().map(|(moment, piece)| (instant(moment, now), piece));
            response.header(CONTENT_TYPE, document.content_type).body(Body::new(Growing::new(pieces)))
        }
    };
    response.expect("each header value is made of visible ASCII")
}

fn refuse(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::Path | Refusal::Segment { .. } | Refusal::Part { .. } => StatusCode::NOT_FOUND,
        Refusal::Directive(_) => StatusCode::BAD_REQUEST,
    };
    explain(status, &refusal.to_string())
}

fn explain(status: StatusCode, reason: &str) -> Response {
    Response::builder()
        .status(status)
        // A segment that is too early now exists in a moment.
        .header(CACHE_CONTROL, "no-store")
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Body::new(Payload::from(format!("{reason}\n"))))
        .expect("each header value is made of visible ASCII")
}
