//! `GET /api/v2/feed`: the feed over SSE, for the forwarder and whoever else keeps a copy.
//!
//! Invariant: every record after the asked position, once and in order, without a hole that is not said.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use http::HeaderMap;
use rebuffer_api::Problem;
use rebuffer_model::{Position, Record};
use serde::Serialize;

use super::Refusal;
use crate::feed::Reader;
use crate::identity;
use crate::rig::Rig;

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the feed holds at this moment.
#[derive(Debug, Serialize)]
struct Meta {
    oldest: Position,
    newest: Position,
}

/// Records in order, from after a position on, for ever. First `meta`, then one `record` each.
#[utoipa::path(get, path = "/api/v2/feed", tag = "live", operation_id = "followFeed",
    params(
        ("after" = Option<String>, Query, description = "The last position that was seen; 0 is from the oldest held"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as a client that comes back sends it")),
    responses(
        (status = 200, description = "Records", content_type = "text/event-stream", body = Record),
        (status = 400, description = "Not a position", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn feed(
    State(rig): State<Arc<Rig>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let after: Position = match resumed {
        Some(position) => position,
        None => identity::query_value(query.as_deref(), "after")
            .map_or(Ok(Position(0)), |text| text.parse())
            .map_err(|error| Refusal::bad_parameter("after", &error))?,
    };
    let extent = rig.feed.extent();
    // Nobody missed what was there before anybody asked.
    let after = if after == Position(0) { Position(extent.oldest.0.saturating_sub(1)) } else { after };
    let meta = Meta { oldest: extent.oldest, newest: Position(extent.next.0.saturating_sub(1)) };
    let meta = Event::default().event("meta").data(serde_json::to_string(&meta).unwrap_or_default());
    let records = stream::unfold(Some(rig.feed.read_after(after)), next_batch).flat_map(stream::iter);
    let events = stream::once(std::future::ready(meta)).chain(records).map(Ok);
    let events = events.take_until(rig.followers_leave.clone().cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

async fn next_batch(reader: Option<Reader>) -> Option<(Vec<Event>, Option<Reader>)> {
    let (reader, batch) = reader?.batch().await;
    match batch {
        Ok(entries) if entries.is_empty() => None,
        Ok(entries) => {
            let events = entries.into_iter().map(|entry| {
                Event::default().event("record").id(entry.position.to_string()).data(entry.json)
            });
            Some((events.collect(), Some(reader)))
        }
        Err(error) => {
            tracing::error!(%error, "the feed cannot be read; its follower is sent away and will come back");
            None
        }
    }
}
