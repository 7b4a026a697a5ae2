//! `POST /cmcd`: reports of CMCD's event mode.
//!
//! Invariant: an accepted report is on disk before it is answered. Whose it is, the query says, or the play that its `sid` names;
//! a report of nobody is refused. Deliberately absent: the syntax (see the media room).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN};
use http::{HeaderMap, StatusCode};
use rebuffer_api::{Problem, ProblemKind};
use rebuffer_media::cmcd::read_report;
use rebuffer_model::Cmcd;

use super::Refusal;
use crate::cmcd;
use crate::identity::{self, Named};
use crate::rig::Rig;
use crate::sessions::Player;

/// Players report from pages of any origin.
type Cors = [(http::HeaderName, &'static str); 3];

const CORS: Cors = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "*"),
];

/// Takes a report of CMCD version 2: a dictionary on each line (`application/cmcd`), or a JSON object or an array of them. Each
/// record becomes a sample whose source is `cmcd`.
#[utoipa::path(post, path = "/cmcd", tag = "reports", operation_id = "postCmcd",
    params(
        ("player_id" = Option<String>, Query, description = "Any name the player uses; else its play is found by the `sid` of the records"),
        ("play_id" = Option<String>, Query, description = "The play, as the client names it; else the `sid` of each record")),
    request_body(content = String, content_type = "application/cmcd"),
    responses(
        (status = 204, description = "Kept"),
        (status = 400, description = "Not a report", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nobody plays what the report is about", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large")))]
pub(super) async fn report(
    State(rig): State<Arc<Rig>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Cors), Refusal> {
    let Some(report) = read_report(&body).filter(|report| !report.records.is_empty()) else {
        let detail = "a report is a dictionary of CMCD on each line, or JSON objects, with at least one key that can be read";
        return Err(Problem::bad_request(detail).into());
    };
    let query = query.as_deref();
    let named = identity::named(query, &headers);
    // All of it is somebody's, or none of it is kept.
    let owned = report.records.into_iter().map(|record| Ok((whose(&rig, named.as_ref(), &record)?, record)));
    for (player, record) in owned.collect::<Result<Vec<_>, Refusal>>()? {
        identity::note_play(&rig, &player, query);
        cmcd::note_play(&rig, &player, &record, identity::query_value(query, "play_id").is_some());
        player.touch();
        if let Some(session) = player.session() {
            session.touch();
        }
        cmcd::keep_reported(&rig, &player, record);
        rig.meters.reports.inc();
    }
    rig.feed.settled().await;
    Ok((StatusCode::NO_CONTENT, CORS))
}

/// Lets pages of any origin report.
pub(super) async fn preflight() -> (StatusCode, Cors) {
    (StatusCode::NO_CONTENT, CORS)
}

fn whose(rig: &Rig, named: Option<&Named>, record: &Cmcd) -> Result<Arc<Player>, Refusal> {
    if let Some(named) = named {
        return Ok(identity::meet(rig, named));
    }
    let sid = record.session.session_id.as_deref();
    let player = sid.and_then(|sid| rig.players.list().into_iter().find(|player| player.plays(sid)));
    player.ok_or_else(|| {
        let detail = "no player plays what `sid` names; say whose the report is with ?player_id=";
        Problem::new(ProblemKind::PlayerNotFound, detail).parameter("player_id").into()
    })
}
