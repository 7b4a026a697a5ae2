//! `GET /api/v2/plays` and `/api/v2/plays/{play_id}`: plays, summed up.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use rebuffer_api::archive::{Page, Paging, PlayFilter, PlaySummary, ScopeQuery};
use rebuffer_api::{Problem, ProblemKind};
use rebuffer_archive::{PlayCursor, PlayKey, PlaysQuery};
use rebuffer_model::PlayId;

use super::failure::Failure;
use super::page::{self, Limits};
use super::query::Query;
use super::rows::{name_and_tier, scope_filter};
use crate::core::{Core, Shared};
use crate::row::Stream;

const PAGE: Limits = Limits { usual: 100, most: 1_000 };

/// Plays, the newest first.
#[utoipa::path(
    get,
    path = "/api/v2/plays",
    tag = "archive",
    operation_id = "listPlays",
    params(ScopeQuery, Paging),
    responses(
        (status = 200, description = "Plays with rows in the window. The numbers are of the whole play.", body = Page<PlaySummary>),
        (status = 400, description = "A parameter is not understood.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The archive is down.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(core): State<Shared>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Page<PlaySummary>>, Failure> {
    let mut query = Query::new(raw.as_deref());
    let scope = query.part::<ScopeQuery>()?;
    let paging = query.part::<Paging>()?;
    query.finish()?;
    let limit = PAGE.choose(paging.limit)?;
    let wanted = PlaysQuery {
        limit,
        after: paging.cursor.as_deref().map(page::read_play_cursor).transpose()?,
        ..plays_query(&scope, &paging)
    };
    let chosen = choose(&core, &wanted).await?;
    let full = chosen.len() == usize::try_from(limit).unwrap_or(usize::MAX);
    let next_cursor = chosen.last().filter(|_| full).map(page::write_play_cursor);
    Ok(Json(Page { items: summaries(&core, chosen).await?, next_cursor }))
}

/// One play.
#[utoipa::path(
    get,
    path = "/api/v2/plays/{play_id}",
    tag = "archive",
    operation_id = "getPlay",
    params(("play_id" = String, Path, description = "The play."), PlayFilter),
    responses(
        (status = 200, description = "The play.", body = PlaySummary),
        (status = 404, description = "No such play.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The archive is down.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get(
    State(core): State<Shared>,
    Path(play_id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Json<PlaySummary>, Failure> {
    let mut query = Query::new(raw.as_deref());
    let PlayFilter { player_id } = query.part::<PlayFilter>()?;
    query.finish()?;
    let play_id = PlayId::new(&play_id).map_err(|error| Failure::parameter("play_id", error.to_string()))?;
    let missing = Problem::new(ProblemKind::PlayNotFound, format!("no play is called {play_id}"));
    let scope = ScopeQuery { player_id, play_id: Some(play_id), ..ScopeQuery::default() };
    let wanted = PlaysQuery { limit: 1, ..plays_query(&scope, &Paging::default()) };
    let chosen = choose(&core, &wanted).await?;
    summaries(&core, chosen).await?.pop().map(Json).ok_or(missing.into())
}

fn plays_query(scope: &ScopeQuery, paging: &Paging) -> PlaysQuery {
    let table = Stream::Events.table();
    let mut filter = scope_filter(table, scope);
    name_and_tier(&mut filter, table, paging);
    let texts = |labels: &[rebuffer_model::Label]| labels.iter().map(ToString::to_string).collect();
    PlaysQuery {
        filter,
        label_has: texts(&paging.label_has),
        label_not: texts(&paging.label_not),
        ..PlaysQuery::default()
    }
}

async fn choose(core: &Core, wanted: &PlaysQuery) -> Result<Vec<PlayCursor>, Failure> {
    Failure::unless_ready(core)?;
    Ok(core.archive.choose_plays(wanted).await?)
}

/// The summaries of these plays, in their order.
async fn summaries(core: &Core, chosen: Vec<PlayCursor>) -> Result<Vec<PlaySummary>, Failure> {
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<_> = chosen.into_iter().map(|play| play.key).collect();
    let rows = core.archive.summaries(&keys)?.collect().await?;
    let mut found = HashMap::new();
    for row in rows {
        let summary = serde_json::from_slice::<PlaySummary>(&row).map_err(|error| {
            tracing::error!(%error, row = %String::from_utf8_lossy(&row), "a summary is not understood");
            Problem::new(ProblemKind::Internal, "the archive sent a play that is not understood")
        })?;
        let play_id = summary.play_id.to_string();
        found.insert(PlayKey { play_id, player_id: summary.player_id.to_string() }, summary);
    }
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}
