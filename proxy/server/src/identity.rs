//! Who asks: the player, play and attempt that a request names, in the query or in headers.
//!
//! Invariant: a play or attempt the client did not name is not invented; a name that is no id is ignored, not guessed at.
//! `X-Playback-Session-Id` names a player only at the base port and only where nothing else does: Apple's devices send another one
//! with each playback.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::USER_AGENT;
use percent_encoding::percent_decode_str;
use rebuffer_api::{CurrentPlay, Frame};
use rebuffer_model::redact;
use rebuffer_model::{AttemptId, IdError, PlayId, PlayerId, PlayerName};

use crate::clock;
use crate::rig::Rig;
use crate::sessions::{PlayEdge, Player};

/// The header by which a client names its player at any port.
pub(crate) const PLAYER_ID_HEADER: &str = "player-id";
const PLAYBACK_SESSION_ID: &str = "x-playback-session-id";

/// A player as a client names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: PlayerId,
    /// What it was called, where that is more than its id.
    pub(crate) name: Option<PlayerName>,
}

impl Named {
    /// The player of this id or name.
    pub(crate) fn of(raw: &str) -> Result<Self, IdError> {
        Ok(Self { id: PlayerId::canonical(raw)?, name: PlayerName::of(&redact::said(raw)) })
    }

    fn by_header(headers: &HeaderMap, name: &str) -> Option<Self> {
        // Header values are bytes; names beyond ASCII come as UTF-8.
        Self::of(std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?).ok()
    }
}

/// The value of a query parameter, decoded.
pub(crate) fn query_value<'q>(query: Option<&'q str>, name: &str) -> Option<Cow<'q, str>> {
    query?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| percent_decode_str(value).decode_utf8().ok()).flatten()
    })
}

/// The player a request names in its query.
pub(crate) fn named_in_query(query: Option<&str>) -> Option<Named> {
    Named::of(&query_value(query, "player_id")?).ok()
}

/// The player a request names in the header that is meant for it.
pub(crate) fn named_in_header(headers: &HeaderMap) -> Option<Named> {
    Named::by_header(headers, PLAYER_ID_HEADER)
}

/// The player a request names, in its query or in a header.
pub(crate) fn named(query: Option<&str>, headers: &HeaderMap) -> Option<Named> {
    named_in_query(query).or_else(|| named_in_header(headers))
}

/// The player that the id of a playback session stands for. Only at the base port, and only where nothing else names or tells it.
pub(crate) fn named_by_playback_session(headers: &HeaderMap) -> Option<Named> {
    Named::by_header(headers, PLAYBACK_SESSION_ID)
}

/// The player that goes by this name, met for the first time if need be, and called so from now on.
pub(crate) fn meet(rig: &Rig, named: &Named) -> Arc<Player> {
    let (player, met) = rig.players.meet(named.id);
    let called = named.name.clone().filter(|name| player.name().as_ref() != Some(name));
    let is_news = called.is_some();
    if let Some(name) = called {
        player.call(name);
    }
    if met {
        rig.events.publish(&Frame::PlayerCreated(Box::new(player.record())));
    } else if is_news {
        rig.events.player_updated(&player);
    }
    player
}

/// The player of a client that names none: derived from address and User-Agent.
pub(crate) fn unnamed(headers: &HeaderMap, ip: IpAddr) -> Named {
    Named { id: PlayerId::derived(&ip.to_string(), &user_agent(headers)), name: None }
}

/// The User-Agent as it may be shown, or nothing.
pub(crate) fn user_agent(headers: &HeaderMap) -> Cow<'_, str> {
    redact::text(headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default())
}

/// Takes note of the play and attempt a request names. Returns the play that the request belongs to beside the current one.
pub(crate) fn note_play(rig: &Rig, player: &Arc<Player>, query: Option<&str>) -> Option<CurrentPlay> {
    query?;
    let play = query_value(query, "play_id").and_then(|text| PlayId::new(&text).ok());
    let attempt = query_value(query, "attempt_id").and_then(|text| text.parse::<AttemptId>().ok());
    mention_play(rig, player, play, attempt)
}

/// Takes note of a play and attempt, and tells subscribers of the edge. Returns the play that is meant beside the current one.
pub(crate) fn mention_play(
    rig: &Rig,
    player: &Arc<Player>,
    play: Option<PlayId>,
    attempt: Option<AttemptId>,
) -> Option<CurrentPlay> {
    tell_edge(rig, player, player.mention_play(play, attempt))
}

/// Tells subscribers that a play ended or began. Returns the play that is meant beside the current one.
pub(crate) fn tell_edge(rig: &Rig, player: &Arc<Player>, edge: PlayEdge) -> Option<CurrentPlay> {
    if let Some(play_id) = edge.ended {
        let ended = rebuffer_api::PlayEnded { player_id: player.id, play_id, ended_at: clock::now() };
        rig.events.publish(&Frame::PlayEnded(ended));
    }
    if let Some(play) = edge.started {
        rig.events.publish(&Frame::PlayStarted(rebuffer_api::PlayStarted {
            player_id: player.id,
            play_id: play.id,
            attempt_id: play.attempt_id,
            started_at: play.started_at,
        }));
    }
    edge.beside
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_query_wins_over_headers_and_nothing_is_derived_from_a_name() {
        let ip: IpAddr = "192.0.2.7".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(PLAYER_ID_HEADER, "from-header".parse().unwrap());
        headers.insert(PLAYBACK_SESSION_ID, "5b0f3e3e-0000-4000-8000-000000000000".parse().unwrap());
        let id = |name: &str| Some(PlayerId::canonical(name).unwrap());
        let by = |query| named(query, &headers).map(|named| named.id);
        assert_eq!(by(Some("a=1&player_id=tv%201")), id("tv 1"));
        assert_eq!(by(Some("player_id=")), id("from-header"));
        headers.insert(PLAYER_ID_HEADER, HeaderValue::from_bytes("Größe".as_bytes()).unwrap());
        let by_header = named(None, &headers).unwrap();
        assert_eq!((Some(by_header.id), by_header.name), (id("Größe"), PlayerName::of("Größe")));
        headers.remove(PLAYER_ID_HEADER);
        assert_eq!(
            named_by_playback_session(&headers).map(|named| named.id),
            id("5b0f3e3e-0000-4000-8000-000000000000")
        );
        assert_eq!(named(None, &headers), None, "it names no player elsewhere");
        headers.clear();
        assert_eq!(unnamed(&headers, ip).id, PlayerId::derived("192.0.2.7", ""));
    }

    #[test]
    fn a_name_is_kept_as_it_was_given() {
        let named = named_in_query(Some("player_id=Big%20TV")).unwrap();
        assert_eq!(named.name.as_ref().map(PlayerName::as_str), Some("Big TV"));
        let uuid = named_in_query(Some("player_id=A3BB189E-8BF9-3888-9912-ACE4E6543002")).unwrap();
        assert_eq!(uuid.name, None);
    }
}
