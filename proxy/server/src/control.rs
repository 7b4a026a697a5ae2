//! The control API v2: one file per resource, one path for every change.
//!
//! Invariant: a change is in force and stored before it is answered; what is refused changed nothing. The document is generated
//! from these handlers. Deliberately absent: the archive's half of the API, which the forwarder serves under the same address.

mod apply;
mod cmcd;
mod events;
mod feed;
mod har;
mod info;
mod players;
mod possible;
mod precondition;
mod presets;
mod refusal;
mod reports;
mod rules;
mod search;
mod traces;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::options;
use rebuffer_shape::trace::MAX_BYTES;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use apply::delete_player;
pub(crate) use refusal::Refusal;

use crate::rig::Rig;

/// What a body of the control API may weigh.
const BODY_LIMIT: usize = 1 << 20;

/// The description the generated document begins with.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rebuffer control API",
        description = "Players, their fault rules and links, and what happens to them, live. Errors are `application/problem+json`. Rates are in 10^6 bit/s, times in milliseconds or RFC 3339 with `Z`."
    ),
    tags(
        (name = "players", description = "Who is there, and what was set for them."),
        (name = "fault rules", description = "What breaks, on which requests, how often."),
        (name = "links", description = "Links with a name, and links over time."),
        (name = "reports", description = "What players say of themselves."),
        (name = "live", description = "What happens, as it happens."),
        (name = "rig", description = "What this rig is and can do.")
    )
)]
struct Document;

/// The routes, with their document.
pub(crate) fn routes() -> OpenApiRouter<Arc<Rig>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(info::info))
        .routes(routes!(players::list, players::create))
        .routes(routes!(players::get, players::patch, players::delete))
        .routes(routes!(rules::add))
        .routes(routes!(rules::patch, rules::delete))
        .routes(routes!(reports::report))
        .routes(routes!(cmcd::report))
        .route("/cmcd", options(cmcd::preflight))
        .routes(routes!(har::har))
        .routes(routes!(events::events))
        .routes(routes!(feed::feed))
        .routes(routes!(presets::list))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(traces::list))
                .routes(routes!(traces::get, traces::put, traces::delete))
                .layer(DefaultBodyLimit::max(MAX_BYTES)),
        )
        .layer(middleware::from_fn(to_the_end))
}

/// A change that began is made to its end, also when its caller hangs up half-way.
async fn to_the_end(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
