//! What players say of themselves with their requests and in reports (CMCD): into the row, and as samples.
//!
//! Invariant: what is kept holds no credential. A player that posts its own metrics is not sampled beside them; of the others, at
//! most one sample a second is taken from requests, unless the player says that something happened.
//! Deliberately absent: the keys and their syntax (see the media room).

use std::sync::Arc;

use http::{HeaderMap, Request};
use rebuffer_api::CurrentPlay;
use rebuffer_media::cmcd;
use rebuffer_model::redact::said;
use rebuffer_model::{Cmcd, PlayId, RecordBody, RigMetrics, Sample};

use crate::clock;
use crate::identity;
use crate::record::Recorder;
use crate::redact;
use crate::rig::Rig;
use crate::sessions::{Player, Session};

/// Events of a report that only say that time went by.
const NO_NEWS: [&str; 2] = ["t", "rr"];

/// What a request says of its player; `None` when it says nothing.
pub(crate) fn of<B>(request: &Request<B>) -> Option<Cmcd> {
    cmcd::of_request(texts(request.headers()), request.uri().query())
}

fn texts(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}

/// The play is the one that CMCD names, when nothing else names one.
/// Returns the play that is meant beside the current one.
pub(crate) fn note_play(
    rig: &Rig,
    player: &Arc<Player>,
    said: &Cmcd,
    named_otherwise: bool,
) -> Option<CurrentPlay> {
    let play = PlayId::new(said.session.session_id.as_deref()?).ok()?;
    identity::tell_edge(rig, player, player.mention_sid(play, named_otherwise))
}

/// Keeps what a request says: in its row, and as a sample if one is due.
pub(crate) fn keep(rig: &Rig, session: &Arc<Session>, recorder: &mut Recorder, mut said: Cmcd) {
    redacted(&mut said);
    if session.player.sample_is_due(said.request.state, is_news(&said), clock::moment()) {
        sample(rig, &session.player, &said);
    }
    recorder.told(said);
}

/// Keeps a record of a report.
pub(crate) fn keep_reported(rig: &Rig, player: &Arc<Player>, mut said: Cmcd) {
    redacted(&mut said);
    let happened = said.event.event.as_deref().is_some_and(|event| event != "rr");
    if happened || player.sample_is_due(said.request.state, is_news(&said), clock::moment()) {
        sample(rig, player, &said);
    }
}

/// Whether the player says that something happened.
fn is_news(said: &Cmcd) -> bool {
    let event = said.event.event.as_deref();
    said.status.starved == Some(true) || event.is_some_and(|event| !NO_NEWS.contains(&event))
}

fn sample(rig: &Rig, player: &Arc<Player>, said: &Cmcd) {
    let metrics = cmcd::to_metrics(said);
    let session = player.session();
    let sample = Sample {
        who: player.who(),
        player: metrics.clone(),
        rig: session.map_or_else(RigMetrics::default, |session| session.metrics()),
    };
    player.sampled(metrics);
    rig.feed.append(clock::now(), &RecordBody::Sample(Box::new(sample)));
    rig.events.player_updated(player);
}

/// URLs may hold credentials.
fn redacted(cmcd: &mut Cmcd) {
    for next in &mut cmcd.request.next_objects {
        next.path = said(&next.path).into_owned();
    }
    for (name, value) in &mut cmcd.extras {
        redact::extra(name, value);
    }
    if let Some(url) = &mut cmcd.response.url {
        *url = said(url).into_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_their_credentials() {
        let mut said =
            cmcd::of_dictionary(r#"nor="../next.mp4?token=abc",url="http://a/b?sig=1&c=2",sid="s""#);
        redacted(&mut said);
        assert_eq!(said.request.next_objects[0].path, "../next.mp4?token=[redacted]");
        assert_eq!(said.response.url.as_deref(), Some("http://a/b?sig=[redacted]&c=2"));
    }

    #[test]
    fn an_event_is_news_and_the_passing_of_time_is_not() {
        for (said, expected) in
            [("e=ps,sta=p", true), ("e=t", false), ("e=rr", false), ("bs", true), ("bl=900", false)]
        {
            assert_eq!(is_news(&cmcd::of_dictionary(said)), expected, "{said}");
        }
    }
}
