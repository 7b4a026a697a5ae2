//! `/api/v2/traces`.
//!
//! Invariant: a file is read whole before anything is changed; a trace that a player's pattern names is not removed.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use rebuffer_api::{Items, Problem, ProblemKind, TraceDetail, TraceView};
use rebuffer_model::{Trace, TraceFormat, TraceName};
use rebuffer_shape::trace;

use super::Refusal;
use crate::identity;
use crate::rig::Rig;
use crate::traces::MAX_TRACES;

fn named(raw: &str) -> Result<TraceName, Refusal> {
    TraceName::new(raw).map_err(|message| Problem::bad_request(message).parameter("name").into())
}

fn kept(rig: &Rig, name: &TraceName) -> Result<Arc<Trace>, Refusal> {
    rig.traces.get(name).ok_or_else(|| {
        let detail = format!("no trace {name}; PUT its file to /api/v2/traces/{name}");
        Problem::new(ProblemKind::TraceNotFound, detail).parameter("name").into()
    })
}

fn view(name: TraceName, kept: &Trace) -> TraceView {
    let steps = u32::try_from(kept.steps.len()).unwrap_or(u32::MAX);
    TraceView { name, format: kept.format, steps, stats: trace::stats(kept) }
}

/// The traces that are kept, by name.
#[utoipa::path(get, path = "/api/v2/traces", tag = "links", operation_id = "listTraces",
    responses((status = 200, description = "The traces", body = Items<TraceView>)))]
pub(super) async fn list(State(rig): State<Arc<Rig>>) -> Json<Items<TraceView>> {
    Json(Items { items: rig.traces.list().into_iter().map(|(name, kept)| view(name, &kept)).collect() })
}

/// One trace with its steps.
#[utoipa::path(get, path = "/api/v2/traces/{name}", tag = "links", operation_id = "getTrace",
    params(("name" = String, Path, description = "The trace")),
    responses(
        (status = 200, description = "The trace", body = TraceDetail),
        (status = 400, description = "Not a name", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such trace", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn get(
    State(rig): State<Arc<Rig>>,
    Path(raw): Path<String>,
) -> Result<Json<TraceDetail>, Refusal> {
    let name = named(&raw)?;
    let kept = kept(&rig, &name)?;
    let stats = trace::stats(&kept);
    Ok(Json(TraceDetail { name, format: kept.format, stats, steps: kept.steps.clone() }))
}

/// Keeps a trace under a name: the body is its file, at most 8 MiB. A pattern that plays it takes it up with its next round.
#[utoipa::path(put, path = "/api/v2/traces/{name}", tag = "links", operation_id = "putTrace",
    params(
        ("name" = String, Path, description = "What to call it: 1 to 63 of a-z, 0-9, `_`, `.`, `-`"),
        ("format" = Option<TraceFormat>, Query, description = "How the file is written; guessed if absent")),
    request_body(content = String, content_type = "text/plain", description = "The file"),
    responses(
        (status = 201, description = "Kept", body = TraceView),
        (status = 200, description = "Kept in place of another", body = TraceView),
        (status = 400, description = "Not a trace; the detail names the line", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "As many as can be kept are there", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The file is too large")))]
pub(super) async fn put(
    State(rig): State<Arc<Rig>>,
    Path(raw): Path<String>,
    RawQuery(query): RawQuery,
    file: Bytes,
) -> Result<Response, Refusal> {
    let name = named(&raw)?;
    let format = identity::query_value(query.as_deref(), "format")
        .map(|format| format.parse::<TraceFormat>())
        .transpose()
        .map_err(|message| Problem::bad_request(message).parameter("format"))?;
    // A file of 8 MiB takes a while to read, in which nobody else should wait.
    let read = tokio::task::spawn_blocking(move || trace::read(&file, format)).await;
    let read = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    let read = Arc::new(read.map_err(|error| Problem::bad_request(format!("the file: {error}")))?);

    let _changing = rig.traces.naming.write().await;
    if rig.traces.get(&name).is_none() && rig.traces.is_full() {
        let detail = format!("{MAX_TRACES} traces are kept, and no more can be; DELETE one first");
        return Err(Problem::new(ProblemKind::Conflict, detail).into());
    }
    rig.store.save_trace(name.clone(), Arc::clone(&read)).await?;
    let is_new = rig.traces.put(name.clone(), Arc::clone(&read));
    let location = (LOCATION, format!("/api/v2/traces/{name}"));
    let shown = Json(view(name, &read));
    Ok(match is_new {
        true => (StatusCode::CREATED, [location], shown).into_response(),
        false => shown.into_response(),
    })
}

/// Forgets a trace that no player's pattern names.
#[utoipa::path(delete, path = "/api/v2/traces/{name}", tag = "links", operation_id = "deleteTrace",
    params(("name" = String, Path, description = "The trace")),
    responses(
        (status = 204, description = "Gone"),
        (status = 400, description = "Not a name", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such trace", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A player's pattern names it", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(rig): State<Arc<Rig>>,
    Path(raw): Path<String>,
) -> Result<StatusCode, Refusal> {
    let name = named(&raw)?;
    let _changing = rig.traces.naming.write().await;
    kept(&rig, &name)?;
    let names = |player: &crate::sessions::Player| {
        let controlled = player.controlled();
        controlled.control.shape.pattern.as_ref().is_some_and(|pattern| pattern.trace.as_ref() == Some(&name))
    };
    if let Some(player) = rig.players.list().iter().find(|player| names(player)) {
        let detail = format!("the pattern of player {} names it; change that first", player.id);
        return Err(Problem::new(ProblemKind::Conflict, detail).into());
    }
    rig.store.remove_trace(name.clone()).await?;
    rig.traces.remove(&name);
    Ok(StatusCode::NO_CONTENT)
}
