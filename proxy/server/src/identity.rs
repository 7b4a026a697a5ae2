//! Who asks: the player, play and attempt that a request names, in the query or in headers.
//!
//! Invariant: a play or attempt the client did not name is not invented; a name that is no id is ignored, not guessed at.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::USER_AGENT;
use percent_encoding::percent_decode_str;
use rebuffer_api::Frame;
use rebuffer_model::{AttemptId, PlayId, PlayerId};

use crate::clock;
use crate::rig::Rig;
use crate::sessions::{PlayEdge, Player};

const PLAYER_HEADERS: [&str; 2] = ["player-id", "x-playback-session-id"];

/// The value of a query parameter, decoded.
pub(crate) fn query_value<'q>(query: Option<&'q str>, name: &str) -> Option<Cow<'q, str>> {
    query?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| percent_decode_str(value).decode_utf8().ok()).flatten()
    })
}

/// The player a request names in its query.
pub(crate) fn named_player(query: Option<&str>) -> Option<PlayerId> {
    PlayerId::canonical(&query_value(query, "player_id")?).ok()
}

/// The player a request names, in its query or in a header.
pub(crate) fn named(query: Option<&str>, headers: &HeaderMap) -> Option<PlayerId> {
    let by_header = || {
        PLAYER_HEADERS.iter().find_map(|name| PlayerId::canonical(headers.get(*name)?.to_str().ok()?).ok())
    };
    named_player(query).or_else(by_header)
}

/// The player of a request: as it is named, or derived from address and User-Agent.
pub(crate) fn player_of(query: Option<&str>, headers: &HeaderMap, ip: IpAddr) -> PlayerId {
    named(query, headers).unwrap_or_else(|| PlayerId::derived(&ip.to_string(), user_agent(headers)))
}

/// The User-Agent, or nothing.
pub(crate) fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Takes note of the play and attempt a request names.
pub(crate) fn note_play(rig: &Rig, player: &Arc<Player>, query: Option<&str>) {
    if query.is_none() {
        return;
    }
    let play = query_value(query, "play_id").and_then(|text| PlayId::new(&text).ok());
    let attempt = query_value(query, "attempt_id").and_then(|text| text.parse::<AttemptId>().ok());
    mention_play(rig, player, play, attempt);
}

/// Takes note of a play and attempt, and tells subscribers of the edge.
pub(crate) fn mention_play(
    rig: &Rig,
    player: &Arc<Player>,
    play: Option<PlayId>,
    attempt: Option<AttemptId>,
) {
    tell_edge(rig, player, player.mention_play(play, attempt));
}

/// Tells subscribers that a play ended or began.
pub(crate) fn tell_edge(rig: &Rig, player: &Arc<Player>, edge: PlayEdge) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_wins_over_headers_and_nothing_is_derived_from_a_name() {
        let ip: IpAddr = "192.0.2.7".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("player-id", "from-header".parse().unwrap());
        let canonical = |name: &str| PlayerId::canonical(name).unwrap();
        assert_eq!(player_of(Some("a=1&player_id=tv%201"), &headers, ip), canonical("tv 1"));
        assert_eq!(player_of(Some("player_id="), &headers, ip), canonical("from-header"));
        headers.clear();
        assert_eq!(player_of(None, &headers, ip), PlayerId::derived("192.0.2.7", ""));
    }
}
