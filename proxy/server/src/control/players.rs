//! `/api/v2/players`.
//!
//! Invariant: reading shows what was set and what is in force; making a player that exists with the same settings is no error.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ETAG, HeaderMap, HeaderName, LOCATION};
use rebuffer_api::{Frame, Items, MergePatch, PlayerCreate, PlayerRecord, Problem, ProblemKind, from_json};
use rebuffer_model::{Control, PlayerId, PlayerName};
use serde::Deserialize;

use super::apply::{Change, apply};
use super::precondition::Read;
use super::search::Search;
use super::{Refusal, delete_player};
use crate::rig::Rig;
use crate::sessions::Player;

/// What a player that is made is called; its id alone does not say that.
#[derive(Deserialize)]
struct Called {
    player_id: String,
}

/// The player a path names.
pub(super) fn named(rig: &Rig, raw: &str) -> Result<Arc<Player>, Refusal> {
    let id = PlayerId::canonical(raw).map_err(|error| Refusal::bad_parameter("player_id", &error))?;
    rig.players.get(id).ok_or_else(|| Refusal::no_player(id))
}

/// The ETag of a player.
pub(super) fn etag(revision: &str) -> (HeaderName, String) {
    (ETAG, format!("\"{revision}\""))
}

fn shown(status: StatusCode, record: PlayerRecord) -> Response {
    (status, [etag(&record.control_revision)], Json(record)).into_response()
}

/// Everybody the rig knows, by their number; with `name`, those who are called so.
#[utoipa::path(get, path = "/api/v2/players", tag = "players", operation_id = "listPlayers",
    params(("name" = Option<String>, Query, description = "Only players whose label `name`, `player_name` or id contains this text, whatever its case. With `*` for any letters, or `?` for one, it is a pattern of the whole name")),
    responses(
        (status = 200, description = "The players", body = Items<PlayerRecord>),
        (status = 400, description = "Another parameter", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(
    State(rig): State<Arc<Rig>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Items<PlayerRecord>>, Refusal> {
    let search = Search::read(query.as_deref())?;
    let records = rig.players.list().into_iter().map(|player| player.record());
    Ok(Json(Items { items: records.filter(|record| search.finds(record)).collect() }))
}

/// Makes a player before it comes by itself, so that rules and link are there from its first request.
#[utoipa::path(post, path = "/api/v2/players", tag = "players", operation_id = "createPlayer",
    request_body = PlayerCreate,
    responses(
        (status = 201, description = "Made", body = PlayerRecord),
        (status = 200, description = "It was there already, just like this", body = PlayerRecord),
        (status = 400, description = "Not a player", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is there with other settings, or cannot be shaped here", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large")))]
pub(super) async fn create(State(rig): State<Arc<Rig>>, body: Bytes) -> Result<Response, Refusal> {
    let wanted: PlayerCreate = from_json(&body)?;
    let called: Called =
        serde_json::from_slice(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
    let id = wanted.player_id;
    let mut control = wanted.control();
    control.name_rules();
    control.check()?;
    let (player, met) = rig.players.meet(id);
    if let Some(name) = PlayerName::of(&called.player_id) {
        player.call(name);
    }
    let _changing = player.change.lock().await;
    let current = player.controlled();
    if !met && current.control != Control::default() {
        if current.control == control {
            return Ok(shown(StatusCode::OK, player.record()));
        }
        let detail = format!("player {id} is there with other settings; PATCH it instead");
        return Err(Problem::new(ProblemKind::Conflict, detail).into());
    }
    let fields = ["labels", "fault_rules", "shape", "transfer_timeouts", "content"];
    let leaves = fields.map(str::to_owned).to_vec();
    let made = apply(&rig, &player, Change { control, leaves }).await;
    let record = match made {
        Ok(record) => record,
        Err(refusal) => {
            if met {
                rig.players.remove(id);
            }
            return Err(refusal);
        }
    };
    if !met {
        return Ok(shown(StatusCode::OK, record));
    }
    rig.events.publish(&Frame::PlayerCreated(Box::new(record.clone())));
    let location = (LOCATION, format!("/api/v2/players/{id}"));
    Ok((StatusCode::CREATED, [etag(&record.control_revision), location], Json(record)).into_response())
}

/// One player.
#[utoipa::path(get, path = "/api/v2/players/{player_id}", tag = "players", operation_id = "getPlayer",
    params(("player_id" = String, Path, description = "Any name the player uses")),
    responses(
        (status = 200, description = "The player; its ETag goes into If-Match", body = PlayerRecord, headers(("ETag" = String))),
        (status = 400, description = "Not an id", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn get(State(rig): State<Arc<Rig>>, Path(raw): Path<String>) -> Result<Response, Refusal> {
    Ok(shown(StatusCode::OK, named(&rig, &raw)?.record()))
}

/// Edits labels, fault rules, shape, transfer timeouts and content with a JSON merge patch. Answers when the change is in force
/// and stored.
#[utoipa::path(patch, path = "/api/v2/players/{player_id}", tag = "players", operation_id = "patchPlayer",
    params(
        ("player_id" = String, Path, description = "Any name the player uses"),
        ("If-Match" = String, Header, description = "The control_revision that was read, in quotes")),
    request_body(content = Control, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "In force", body = PlayerRecord, headers(("ETag" = String))),
        (status = 400, description = "Not a change that can be made; `pointer` says where", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "This machine cannot do it", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody changed the same fields", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large"),
        (status = 428, description = "If-Match is missing", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The kernel refused; nothing was changed", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn patch(
    State(rig): State<Arc<Rig>>,
    Path(raw): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let player = named(&rig, &raw)?;
    let read = Read::from_headers(&headers)?;
    let patch = MergePatch::parse(&body)?;
    let _changing = player.change.lock().await;
    let current = player.controlled();
    let leaves = patch.leaves();
    let control = patch.apply(&current.control)?;
    read.check(&current.fields, &leaves)?;
    let record = apply(&rig, &player, Change { control, leaves }).await?;
    Ok(shown(StatusCode::OK, record))
}

/// Removes a player: its session ends, its rules, link and labels are forgotten.
#[utoipa::path(delete, path = "/api/v2/players/{player_id}", tag = "players", operation_id = "deletePlayer",
    params(("player_id" = String, Path, description = "Any name the player uses")),
    responses(
        (status = 204, description = "Gone"),
        (status = 400, description = "Not an id", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(rig): State<Arc<Rig>>,
    Path(raw): Path<String>,
) -> Result<StatusCode, Refusal> {
    let id = PlayerId::canonical(&raw).map_err(|error| Refusal::bad_parameter("player_id", &error))?;
    delete_player(&rig, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
