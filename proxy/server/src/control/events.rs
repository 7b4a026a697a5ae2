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
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

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
    let follower = Follower { live, only, held: None };
    let backlog: Vec<_> = backlog.into_iter().filter(|sent| follower.wants(sent)).map(Live::Frame).collect();
    let live = stream::unfold(follower, |mut follower| async { Some((follower.next().await?, follower)) });
    let frames = stream::iter(backlog).chain(live).map(move |live| match live {
        Live::Frame(sent) => sent_event(epoch, &sent),
        Live::Lost { missed, resumes_at } => {
            gap_event(ReplayGap { reason: "slow_subscriber", missed: Some(missed), resumes_at })
        }
        Live::Heartbeat => frame_event(&Frame::Heartbeat { ts: clock::now() }),
    });
    let events = stream::iter(gap).chain(frames).map(Ok).take_until(closing.cancelled_owned());
    Ok(Sse::new(events))
}

/// One subscriber's place among the live frames.
struct Follower {
    live: broadcast::Receiver<Sent>,
    only: Option<PlayerId>,
    /// The first frame after a loss, once the loss was told.
    held: Option<Sent>,
}

enum Live {
    Frame(Sent),
    Lost { missed: u64, resumes_at: Position },
    Heartbeat,
}

impl Follower {
    fn wants(&self, sent: &Sent) -> bool {
        self.only.is_none() || sent.player_id.is_none() || sent.player_id == self.only
    }

    /// What this subscriber hears next; a heartbeat when it heard nothing for a while, whatever others heard.
    async fn next(&mut self) -> Option<Live> {
        if let Some(sent) = self.held.take().filter(|sent| self.wants(sent)) {
            return Some(Live::Frame(sent));
        }
        let silent_until = Instant::now() + HEARTBEAT;
        let mut missed = 0;
        loop {
            match tokio::time::timeout_at(silent_until, self.live.recv()).await {
                Ok(Ok(sent)) if missed > 0 => {
                    let resumes_at = Position(sent.number);
                    self.held = Some(sent);
                    return Some(Live::Lost { missed, resumes_at });
                }
                Ok(Ok(sent)) if self.wants(&sent) => return Some(Live::Frame(sent)),
                Ok(Ok(_)) => {}
                Ok(Err(RecvError::Lagged(more))) => missed += more,
                Ok(Err(RecvError::Closed)) => return None,
                Err(_elapsed) => return Some(Live::Heartbeat),
            }
        }
    }
}

fn parse_id(text: &str) -> Option<(i64, u64)> {
    let (epoch, number) = text.split_once('-')?;
    Some((epoch.parse().ok()?, number.parse().ok()?))
}

fn sent_event(epoch: i64, sent: &Sent) -> Event {
    let event = Event::default().event(sent.name).data(&*sent.json);
    // Without an id, the client's place stays where it was.
    if sent.kept { event.id(format!("{epoch}-{}", sent.number)) } else { event }
}

fn gap_event(gap: ReplayGap) -> Event {
    frame_event(&Frame::ReplayGap(gap))
}

fn frame_event(frame: &Frame) -> Event {
    Event::default().event(frame.name()).data(serde_json::to_string(frame).unwrap_or_default())
}
