//! `/api/v2/players/{player_id}/fault_rules`.
//!
//! Invariant: a rule is edited by its id and alone; edits of sibling rules never conflict.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderMap, LOCATION};
use rebuffer_api::{MergePatch, Problem, ProblemKind, from_json};
use rebuffer_model::{Control, Rule, RuleId};

use super::Refusal;
use super::apply::{Change, apply};
use super::players::{etag, named};
use super::precondition::Read;
use crate::rig::Rig;

fn rule_id(raw: &str) -> Result<RuleId, Refusal> {
    RuleId::new(raw).map_err(|error| Refusal::bad_parameter("rule_id", &error))
}

fn place_of(control: &Control, id: &RuleId) -> Result<usize, Refusal> {
    control.fault_rules.iter().position(|rule| rule.id == *id).ok_or_else(|| Refusal::no_rule(id))
}

fn at(place: usize) -> String {
    format!("/fault_rules/{place}")
}

/// Adds a rule at the end of the list.
#[utoipa::path(post, path = "/api/v2/players/{player_id}/fault_rules", tag = "fault rules", operation_id = "addFaultRule",
    params(
        ("player_id" = String, Path, description = "Any name the player uses"),
        ("If-Match" = String, Header, description = "The control_revision that was read, in quotes")),
    request_body = Rule,
    responses(
        (status = 201, description = "In force", body = Rule, headers(("ETag" = String))),
        (status = 400, description = "Not a rule; `pointer` says where", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A rule of this id is there already", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody replaced the whole list", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large"),
        (status = 428, description = "If-Match is missing", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn add(
    State(rig): State<Arc<Rig>>,
    Path(raw): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let player = named(&rig, &raw)?;
    let read = Read::from_headers(&headers)?;
    let rule: Rule = from_json(&body)?;
    let _changing = player.change.lock().await;
    let current = player.controlled();
    let mut control = current.control.clone();
    if rule.id != RuleId::default() && control.fault_rules.iter().any(|other| other.id == rule.id) {
        let detail = format!("a rule {:?} is there already; PATCH it, or leave the id out", rule.id.as_str());
        return Err(Problem::new(ProblemKind::Conflict, detail).pointer("/id").into());
    }
    let place = control.fault_rules.len();
    control.fault_rules.push(rule);
    control.name_rules();
    let id = control.fault_rules.last().map(|rule| rule.id.clone()).unwrap_or_default();
    let leaves = vec![format!("fault_rules.{id}")];
    read.check(&current.fields, &leaves)?;
    let applied = apply(&rig, &player, Change { control, leaves }).await;
    let record = applied.map_err(|refusal| refusal.within(&at(place)))?;
    let rule = player.rule(&id).ok_or_else(|| Refusal::no_rule(&id))?;
    let location = (LOCATION, format!("/api/v2/players/{}/fault_rules/{id}", player.id));
    Ok((StatusCode::CREATED, [etag(&record.control_revision), location], Json(rule)).into_response())
}

/// Edits a rule with a JSON merge patch. Its cadence begins anew only when type, cadence or filter change.
#[utoipa::path(patch, path = "/api/v2/players/{player_id}/fault_rules/{rule_id}", tag = "fault rules", operation_id = "patchFaultRule",
    params(
        ("player_id" = String, Path, description = "Any name the player uses"),
        ("rule_id" = String, Path, description = "The rule"),
        ("If-Match" = String, Header, description = "The control_revision that was read, in quotes")),
    request_body(content = Rule, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "In force", body = Rule, headers(("ETag" = String))),
        (status = 400, description = "Not a change that can be made; `pointer` says where", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player or rule", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody changed the same rule", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large"),
        (status = 428, description = "If-Match is missing", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn patch(
    State(rig): State<Arc<Rig>>,
    Path((raw, raw_rule)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let player = named(&rig, &raw)?;
    let id = rule_id(&raw_rule)?;
    let read = Read::from_headers(&headers)?;
    let patch = MergePatch::parse(&body)?;
    let _changing = player.change.lock().await;
    let current = player.controlled();
    let mut control = current.control.clone();
    let place = place_of(&control, &id)?;
    let rule = &mut control.fault_rules[place];
    *rule = patch.apply(rule)?;
    if rule.id != id {
        return Err(Problem::bad_request("a rule keeps its id; remove it and add another")
            .pointer("/id")
            .into());
    }
    let rule = rule.clone();
    let leaves = vec![format!("fault_rules.{id}")];
    read.check(&current.fields, &leaves)?;
    let applied = apply(&rig, &player, Change { control, leaves }).await;
    let record = applied.map_err(|refusal| refusal.within(&at(place)))?;
    Ok((StatusCode::OK, [etag(&record.control_revision)], Json(rule)).into_response())
}

/// Removes a rule.
#[utoipa::path(delete, path = "/api/v2/players/{player_id}/fault_rules/{rule_id}", tag = "fault rules", operation_id = "deleteFaultRule",
    params(
        ("player_id" = String, Path, description = "Any name the player uses"),
        ("rule_id" = String, Path, description = "The rule"),
        ("If-Match" = String, Header, description = "The control_revision that was read, in quotes")),
    responses(
        (status = 204, description = "Gone", headers(("ETag" = String))),
        (status = 400, description = "Not an id", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player or rule", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody changed the same rule", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "If-Match is missing", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(rig): State<Arc<Rig>>,
    Path((raw, raw_rule)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let player = named(&rig, &raw)?;
    let id = rule_id(&raw_rule)?;
    let read = Read::from_headers(&headers)?;
    let _changing = player.change.lock().await;
    let current = player.controlled();
    let mut control = current.control.clone();
    control.fault_rules.remove(place_of(&control, &id)?);
    let leaves = vec![format!("fault_rules.{id}")];
    read.check(&current.fields, &leaves)?;
    let record = apply(&rig, &player, Change { control, leaves }).await?;
    Ok((StatusCode::NO_CONTENT, [etag(&record.control_revision)]).into_response())
}
