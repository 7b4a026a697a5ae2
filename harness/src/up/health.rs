//! `/healthz`, `/readyz`, `/metrics`, and the documents of the API.
//!
//! Invariant: ready means that every part that is wanted works; each part says why it does or does not.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clap::ValueEnum;
use prometheus_client::registry::Registry;
use rebuffer_api::{PartView, Problem, ProblemKind, Readiness};
use rebuffer_proxy::Proxy;

use super::archive::Keeping;
use super::errors;
use crate::document::{self, Which};

type Parts = Box<dyn Fn() -> Vec<PartView> + Send + Sync>;

/// Knows how the parts are.
pub(super) struct Health {
    parts: Parts,
    archive: Parts,
    archive_wanted: bool,
    registry: Registry,
}

impl Health {
    pub(super) fn new(proxy: &Proxy, keeping: &Keeping, registry: Registry) -> Self {
        let outlook = keeping.outlook();
        Self {
            parts: Box::new(proxy.outlook()),
            archive: Box::new(move || vec![outlook()]),
            archive_wanted: keeping.is_wanted(),
            registry,
        }
    }

    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .route("/api/v2/openapi/{which}", get(openapi))
            .with_state(Arc::new(self))
    }

    fn readiness(&self) -> Readiness {
        let mut parts = (self.parts)();
        let archive = (self.archive)();
        let ready = parts.iter().all(|part| part.ready)
            && (!self.archive_wanted || archive.iter().all(|part| part.ready));
        parts.extend(archive);
        Readiness { ready, parts }
    }
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    let readiness = health.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &health.registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => errors::answer(&Problem::new(ProblemKind::Internal, error.to_string())),
    }
}

async fn openapi(Path(which): Path<String>) -> Response {
    let name = which.trim_end_matches(".json");
    let Ok(which) = Which::from_str(name, true) else {
        let detail = "the documents are proxy.json and archive.json";
        return errors::answer(&Problem::new(ProblemKind::NotFound, detail));
    };
    match document::text(which) {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => errors::answer(&Problem::new(ProblemKind::Internal, error.to_string())),
    }
}
