//! The archive API: what is asked for over HTTP, as questions to the archive and to the ledger.
//!
//! Invariant: a parameter is understood or refused by name; rows are passed on as the archive wrote them.
//! Deliberately absent: SQL, and anything that changes the archive.

mod failure;
mod labels;
mod page;
mod plays;
mod query;
mod rows;
mod timeseries;

use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::core::Shared;

/// The routes, ready to serve.
pub(crate) fn router(core: Shared) -> OpenApiRouter {
    routes().with_state(core)
}

/// The description of the archive API, for the generated documents.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// What the generated document begins with.
#[derive(OpenApi)]
#[openapi(info(
    title = "Rebuffer archive API",
    description = "What was kept: plays, requests, reports and actions, labelled, and their time series. Errors are `application/problem+json`. Times are RFC 3339 with `Z`, `from` is inclusive and `to` exclusive, 64-bit integers are strings."
))]
struct Document;

fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(plays::list))
        .routes(routes!(plays::get))
        .routes(routes!(rows::events))
        .routes(routes!(rows::network_requests))
        .routes(routes!(rows::control_events))
        .routes(routes!(timeseries::get))
        .routes(routes!(labels::list))
}
