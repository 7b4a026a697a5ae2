//! The two halves of the API under one address: the live rig and the archive.
//!
//! Invariant: the live rig is asked first, what it does not know goes to the archive. Both have an `/api/v2/events`: who accepts
//! an event stream gets what happens, everybody else gets the rows that were kept.

use std::convert::Infallible;

use axum::Router;
use axum::extract::Request;
use axum::http::header::ACCEPT;
use axum::middleware::map_response;
use axum::response::Response;
use tower::ServiceExt;

use super::errors;

const SHARED: &str = "/api/v2/events";

/// One router for both.
pub(super) fn joined(live: Router, archive: Router) -> Router {
    let archive = archive.fallback(errors::no_such_path).method_not_allowed_fallback(errors::no_such_method);
    let live = live.method_not_allowed_fallback(errors::no_such_method).fallback_service(archive.clone());
    let choose = tower::service_fn(move |request: Request| {
        let half = if wants_rows(&request) { archive.clone() } else { live.clone() };
        async move { half.oneshot(request).await as Result<Response, Infallible> }
    });
    Router::new().fallback_service(choose).layer(map_response(errors::as_problem))
}

fn wants_rows(request: &Request) -> bool {
    let streams = request
        .headers()
        .get_all(ACCEPT)
        .iter()
        .filter_map(|accept| accept.to_str().ok())
        .any(|accept| accept.contains("text/event-stream"));
    request.uri().path() == SHARED && !streams
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;

    use super::*;

    async fn ask(path: &str, accept: &str) -> (u16, String) {
        let live = Router::new().route(SHARED, get(async || "live"));
        let archive =
            Router::new().route(SHARED, get(async || "rows")).route("/api/v2/plays", get(async || "plays"));
        let request = Request::get(path).header(ACCEPT, accept).body(Body::empty()).unwrap();
        let response = joined(live, archive).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, String::from_utf8(to_bytes(response.into_body(), 1_000).await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn events_are_live_for_who_accepts_a_stream_and_rows_for_everybody_else() {
        assert_eq!(ask(SHARED, "text/event-stream").await.1, "live");
        assert_eq!(ask(SHARED, "application/json").await.1, "rows");
        assert_eq!(ask("/api/v2/plays", "*/*").await.1, "plays");
    }

    #[tokio::test]
    async fn what_nobody_knows_is_a_problem() {
        let (status, body) = ask("/api/v2/nothing", "*/*").await;
        assert_eq!(status, 404);
        assert!(body.contains("urn:rebuffer:problem:not-found"), "{body}");
    }
}
