//! `POST /api/v2/players/{player_id}/metrics`: one report, one sample.
//!
//! Invariant: an accepted report is on disk before it is answered; the rig's clock dates it, the device's is a column.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;
use rebuffer_api::{Problem, from_json};
use rebuffer_model::{AttemptId, IdError, PlayId, PlayerMetrics, RecordBody, RigMetrics, Sample};

use super::Refusal;
use crate::clock;
use crate::identity::{self, Named};
use crate::redact;
use crate::rig::Rig;

/// Fields a report may have beyond those with a column.
const MAX_EXTRAS: usize = 64;

/// Takes a report. Unknown numbers and texts are kept; anything else that is unknown is refused.
#[utoipa::path(post, path = "/api/v2/players/{player_id}/metrics", tag = "reports", operation_id = "postMetrics",
    params(
        ("player_id" = String, Path, description = "Any name the player uses"),
        ("play_id" = Option<String>, Query, description = "The play, as the client names it"),
        ("attempt_id" = Option<u32>, Query, description = "The attempt within the play")),
    request_body = PlayerMetrics,
    responses(
        (status = 204, description = "Kept"),
        (status = 400, description = "Not a report; `pointer` says where", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large")))]
pub(super) async fn report(
    State(rig): State<Arc<Rig>>,
    Path(raw): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let named = Named::of(&raw).map_err(|error| Refusal::bad_parameter("player_id", &error))?;
    let play = parameter(query.as_deref(), "play_id", PlayId::new)?;
    let attempt = parameter(query.as_deref(), "attempt_id", str::parse::<AttemptId>)?;
    let mut metrics: PlayerMetrics = from_json(&body)?;
    if metrics.extras.len() > MAX_EXTRAS {
        let detail = format!("a report may have at most {MAX_EXTRAS} fields without a column of their own");
        return Err(Problem::bad_request(detail).pointer("").into());
    }
    redact::metrics(&mut metrics);
    let player = identity::meet(&rig, &named);
    identity::mention_play(&rig, &player, play, attempt);
    player.touch();
    let session = player.session();
    if let Some(session) = &session {
        session.touch();
    }
    let sample = Sample {
        who: player.who(),
        player: metrics.clone(),
        rig: session.map_or_else(RigMetrics::default, |session| session.metrics()),
    };
    player.report(metrics);
    rig.meters.reports.inc();
    rig.feed.append(clock::now(), &RecordBody::Sample(Box::new(sample)));
    rig.events.player_updated(&player);
    rig.feed.settled().await;
    Ok(StatusCode::NO_CONTENT)
}

fn parameter<T>(
    query: Option<&str>,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, IdError>,
) -> Result<Option<T>, Refusal> {
    identity::query_value(query, name)
        .filter(|text| !text.is_empty())
        .map(|text| parse(&text).map_err(|error| Refusal::bad_parameter(name, &error)))
        .transpose()
}
