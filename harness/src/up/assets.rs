//! The dashboard, out of the binary: it works in a lab without any other network.
//!
//! Invariant: a path below the dashboard that is no file is the page itself, because the page has routes of its own. Files whose
//! names carry a hash are kept by browsers for good, everything else is asked for again.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

const HOME: &str = "/dashboard/v3/";
const PAGE: &str = "index.html";
const NOT_BUILT: &str = "<!doctype html><title>Rebuffer</title><p>The dashboard was not built into this binary. \
Run <code>make run</code>, or <code>npm ci && npm run build</code> in <code>dashboard/</code> and build again.";

#[derive(RustEmbed)]
#[folder = "../dashboard/dist"]
#[allow_missing = true]
struct Dist;

/// The dashboard's routes.
pub(super) fn router() -> Router {
    Router::new()
        .route("/", get(async || Redirect::temporary(HOME)))
        .route("/dashboard", get(async || Redirect::temporary(HOME)))
        .route("/dashboard/v3", get(async || Redirect::temporary(HOME)))
        .route(HOME, get(async |headers: HeaderMap| serve(PAGE, &headers)))
        .route("/dashboard/v3/{*path}", get(file))
}

async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let is_file = Dist::get(&path).is_some();
    let looks_like_one = path.starts_with("assets/");
    match (is_file, looks_like_one) {
        (true, _) => serve(&path, &headers),
        (false, true) => StatusCode::NOT_FOUND.into_response(),
        (false, false) => serve(PAGE, &headers),
    }
}

fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Some(EmbeddedFile { data, metadata }) = Dist::get(path) else {
        return (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response();
    };
    let hash: String = metadata.sha256_hash().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    if headers.get(IF_NONE_MATCH).is_some_and(|seen| seen.as_bytes() == etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag), (CACHE_CONTROL, cache.to_owned())]).into_response();
    }
    let kind = metadata.mimetype().to_owned();
    ([(CONTENT_TYPE, kind), (ETAG, etag), (CACHE_CONTROL, cache.to_owned())], data).into_response()
}
