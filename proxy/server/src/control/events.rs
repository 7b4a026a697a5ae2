//! `GET /api/v2/events`: the live frames over SSE.
//!
//! Invariant: a subscriber gets every frame of its filter in order, or is told how many it lost; ids are `<epoch>-<number>`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, Sse};
use futures_util::{Stream, StreamExt, stream};
use http::HeaderMap;
use rebuffer_api::{Frame, Problem, ReplayGap};
use rebuffer_model::{PlayerId, Position};
use tokio::sync::broadcast::error::RecvError;

use super::Refusal;
use crate::clock;
use crate::events::{Sent, Subscription};
use crate::identity;
use crate::rig::Rig;

const HEARTBEAT: Duration = Duration::from_secs(15);

/// What happens, as it happens. Resumes after `Last-Event-ID`.
#[utoipa::path(get, path = "/api/v2/events", tag = "live", operation_id = "streamEvents",
    params(
        ("player_id" = Option<String>, Query, description = "Only this player"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last frame that was seen")),
    responses(
        (status = 200, description = "Frames", content_type = "text/event-stream", body = Frame),
        (status = 400, description = "Not a filter", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn events(
    State(rig): State<Arc<Rig>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let only = identity::query_value(query.as_deref(), "player_id")
        .map(|raw| PlayerId::canonical(&raw).map_err(|error| Refusal::bad_parameter("player_id", &error)))
        .transpose()?;
    let last_seen = headers.get("last-event-id").and_then(|id| parse_id(id.to_str().ok()?));
    let epoch = rig.events.epoch;
    let Subscription { backlog, missed, live, next } = rig.events.subscribe(last_seen);
    let gap = (missed != Some(0)).then(|| {
        let reason = if missed.is_none() { "restart" } else { "expired" };
        gap_event(ReplayGap {
            reason,
            missed,
            resumes_at: Position(backlog.first().map_or(next, |f| f.number)),
        })
    });
    let closing = rig.closing.clone();
    let live = stream::unfold(live, |mut live| async move {
        let event = match tokio::time::timeout(HEARTBEAT, live.recv()).await {
            Ok(Ok(sent)) => Live::Frame(sent),
            Ok(Err(RecvError::Lagged(missed))) => Live::Lost(missed),
            Ok(Err(RecvError::Closed)) => return None,
            Err(_elapsed) => Live::Heartbeat,
        };
        Some((event, live))
    });
    let wanted = move |frame: Option<PlayerId>| only.is_none() || frame.is_none() || frame == only;
    let backlog = stream::iter(backlog).map(Live::Frame);
    let frames = backlog.chain(live).filter_map(move |live| {
        let event = match live {
            Live::Frame(sent) => wanted(sent.player_id).then(|| sent_event(epoch, &sent)),
            Live::Lost(missed) => Some(gap_event(ReplayGap {
                reason: "slow_subscriber",
                missed: Some(missed),
                resumes_at: Position(next),
            })),
            Live::Heartbeat => Some(frame_event(&Frame::Heartbeat { ts: clock::now() })),
        };
        std::future::ready(event)
    });
    let events = stream::iter(gap).chain(frames).map(Ok).take_until(closing.cancelled_owned());
    Ok(Sse::new(events))
}

enum Live {
    Frame(Sent),
    Lost(u64),
    Heartbeat,
}

fn parse_id(text: &str) -> Option<(i64, u64)> {
    let (epoch, number) = text.split_once('-')?;
    Some((epoch.parse().ok()?, number.parse().ok()?))
}

fn sent_event(epoch: i64, sent: &Sent) -> Event {
    Event::default().id(format!("{epoch}-{}", sent.number)).event(sent.name).data(&*sent.json)
}

fn gap_event(gap: ReplayGap) -> Event {
    frame_event(&Frame::ReplayGap(gap))
}

fn frame_event(frame: &Frame) -> Event {
    Event::default().event(frame.name()).data(serde_json::to_string(frame).unwrap_or_default())
}
