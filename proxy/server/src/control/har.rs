//! `GET /api/v2/players/{player_id}/network.har`: the recent exchanges of a player's session, from the feed.
//!
//! Invariant: what is shown is what is kept, redacted at capture; how much is read and how much is shown are bounded, and what a
//! bound costs is said in the archive. Deliberately absent: what HAR looks like (see the API's views).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_DISPOSITION;
use rebuffer_api::{Har, HarCreator, HarEntry, HarLog, Problem, ProblemKind};
use rebuffer_model::{Exchange, PlayerId, Position, Record, RecordBody, SessionId};

use super::Refusal;
use super::players::named;
use crate::feed::Feed;
use crate::rig::Rig;

/// Records that are read, the newest ones of everybody.
const READ_RECORDS: u64 = 100_000;
/// How long the disk may take over a batch.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// Exchanges that are shown, the newest ones.
const MAX_ENTRIES: usize = 5_000;

/// The recent exchanges of the player's session, or of its last one, as HAR 1.2.
#[utoipa::path(get, path = "/api/v2/players/{player_id}/network.har", tag = "players", operation_id = "getNetworkHar",
    params(("player_id" = String, Path, description = "Any name the player uses")),
    responses(
        (status = 200, description = "The archive; `comment` says what is left out", body = Har),
        (status = 400, description = "Not an id", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such player", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The feed cannot be read", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn har(State(rig): State<Arc<Rig>>, Path(raw): Path<String>) -> Result<Response, Refusal> {
    let player = named(&rig, &raw)?;
    rig.feed.settled().await;
    let mut found = recent(&rig.feed, player.id).await?;
    let live = player.session();
    let session = live.as_ref().map(|session| session.id);
    found.keep_session(session);
    let host = host(&rig, live.as_ref().map_or(rig.base_port, |session| session.ports()[0].port));
    let log = HarLog {
        version: "1.2".to_owned(),
        creator: HarCreator { name: "Rebuffer".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        comment: found.comment(),
        entries: found.exchanges.into_iter().map(|exchange| HarEntry::of(exchange, &host)).collect(),
    };
    let name = format!("attachment; filename=\"{}.har\"", player.id);
    Ok(([(CONTENT_DISPOSITION, name)], Json(Har { log })).into_response())
}

/// Where a client asks that did not say where, as those of HTTP/2 do not.
fn host(rig: &Rig, port: u16) -> String {
    let ip = rig.config.session_ip();
    if ip.is_unspecified() { format!("localhost:{port}") } else { SocketAddr::new(ip, port).to_string() }
}

/// What was found in the feed.
#[derive(Debug, Default)]
struct Found {
    exchanges: VecDeque<Exchange>,
    /// Whether older records than those read are held.
    more: bool,
    /// Exchanges left out because there were too many.
    left_out: usize,
}

impl Found {
    fn push(&mut self, exchange: Exchange) {
        if self.exchanges.len() >= MAX_ENTRIES {
            self.exchanges.pop_front();
            self.left_out += 1;
        }
        self.exchanges.push_back(exchange);
    }

    /// Keeps the exchanges of this session, or of the last one, in the order in which they began.
    fn keep_session(&mut self, session: Option<SessionId>) {
        let last = || self.exchanges.back().and_then(|exchange| exchange.who.session_id);
        let kept = session.or_else(last);
        self.exchanges.retain(|exchange| exchange.who.session_id == kept);
        self.exchanges.make_contiguous().sort_by_key(|exchange| exchange.started_at);
    }

    fn comment(&self) -> Option<String> {
        if self.left_out > 0 {
            return Some(format!("{} older exchanges are left out", self.left_out));
        }
        self.more.then(|| format!("looked for among the newest {READ_RECORDS} records of the rig"))
    }
}

/// The newest exchanges of a player.
async fn recent(feed: &Feed, player: PlayerId) -> Result<Found, Refusal> {
    let extent = feed.extent();
    let from = Position(extent.next.0.saturating_sub(READ_RECORDS)).max(extent.oldest);
    let mut found = Found { more: from > extent.oldest, ..Found::default() };
    let mut reader = feed.read_after(Position(from.0.saturating_sub(1)));
    let mut next = from;
    // Most records are somebody else's; those are not read as JSON.
    let id = player.to_string();
    while next < extent.next {
        // Numbers may be left out at the end, and then nothing comes.
        let Ok((reading, batch)) = tokio::time::timeout(READ_WITHIN, reader.batch()).await else { break };
        reader = reading;
        let batch = batch.map_err(|error| {
            Problem::new(ProblemKind::Unavailable, format!("the feed cannot be read: {error}"))
        })?;
        let Some(last) = batch.last() else { break };
        next = last.position.next();
        for entry in batch.iter().filter(|entry| entry.position < extent.next && entry.json.contains(&id)) {
            let record = serde_json::from_str(&entry.json).ok();
            if let Some(Record { body: RecordBody::Exchange(exchange), .. }) = record
                && exchange.who.player_id == player
            {
                found.push(*exchange);
            }
        }
    }
    Ok(found)
}
