//! *The* path of a request on a session port, readable from top to bottom: classify, decide, perform, record.
//!
//! Invariant: the request is decided once, from what earlier playlists declared, before the origin is asked. One case needs the
//! answer first: a playlist that nothing declared yet, asked for by a player that has rules, because only its content says
//! whether it is a master, unless it is asked to wait. The record is the recorder's and is written whatever happens.
//! Deliberately absent: sockets (see `listen.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header::RANGE;
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Uri};
use rebuffer_api::{Frame, RuleFired};
use rebuffer_engine::{Decision, RequestView, Sequence};
use rebuffer_media::hls::Directives;
use rebuffer_media::{ByteRange, Classified, SegmentPlace, Source};
use rebuffer_model::{Cmcd, PlayId, RequestKind, Variant};

use crate::clock;
use crate::cmcd;
use crate::identity;
use crate::lane::Lane;
use crate::origin::target_of;
use crate::perform::{Asked, Reply, ask_first, ask_for_text, loop_of, perform};
use crate::record::Recorder;
use crate::rig::Rig;
use crate::sessions::Session;
use crate::upload::Upload;

/// Answers one request of a player.
pub(crate) async fn exchange(
    rig: &Arc<Rig>,
    session: &Arc<Session>,
    lane: &Lane,
    mut request: Box<Request<Upload>>,
) -> Reply {
    let said = note_who(rig, session, &request);
    let mut recorder = Recorder::begin(rig, session, lane, &request);
    if let Some(said) = said {
        cmcd::keep(rig, session, &mut recorder, said);
    }
    let (target, led_here) = asked_for(session, &mut request);

    let classified = classify(session, &target, request.headers(), recorder.play());
    recorder.classified(classified.kind, classified.variant.as_deref());
    recorder.limited(classified.kind);
    if classified.kind.is_manifest() && !session.player.content().is_neutral() {
        ask_for_text(request.headers_mut());
    }

    let (asked, kind, decision) = if let Some(decision) = led_here {
        (Asked::NotYet(request), classified.kind, decision)
    } else if only_the_answer_can_tell(session, &classified) && !is_blocking(&target) {
        let (forwarded, told) = match Box::pin(ask_first(request, recorder)).await {
            Ok(heard) => heard,
            Err(answer) => return Ok(*answer),
        };
        recorder = told;
        let (kind, variant) = recorder.seen();
        recorder.limited(kind);
        let decision = decide(session, &target, kind, variant.as_ref(), &classified);
        (Asked::Already(forwarded), kind, decision)
    } else {
        let variant = classified.variant.as_deref();
        let decision = decide(session, &target, classified.kind, variant, &classified);
        (Asked::NotYet(request), classified.kind, decision)
    };
    recorder.decided(&decision);
    announce(rig, session, &decision, kind);

    perform(&decision, &target, asked, recorder).await
}

/// What is asked for. When a redirect of the rig's led the request here, its mark is taken off, and the rule that led it decides
/// as long as it stands.
fn asked_for(session: &Session, request: &mut Request<Upload>) -> (PathAndQuery, Option<Decision>) {
    let target = target_of(request.uri());
    let Some((rule_id, was)) = loop_of(&target) else { return (target, None) };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(was.clone());
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    (was, session.player.goes_on(&rule_id))
}

fn only_the_answer_can_tell(session: &Session, classified: &Placed) -> bool {
    classified.source == Source::Guessed && classified.kind.is_manifest() && session.player.has_rules()
}

/// Takes note of the play a request belongs to; returns what it says of its player.
fn note_who(rig: &Rig, session: &Session, request: &Request<Upload>) -> Option<Cmcd> {
    let query = request.uri().query();
    identity::note_play(rig, &session.player, query);
    let said = cmcd::of(request)?;
    let named_otherwise = identity::query_value(query, "play_id").is_some();
    cmcd::note_play(rig, &session.player, &said, named_otherwise);
    Some(said)
}

/// What is asked for, and where it stands.
struct Placed {
    kind: RequestKind,
    variant: Option<Arc<Variant>>,
    source: Source,
    sequence: Sequence,
    hinted: bool,
}

fn classify(session: &Session, target: &PathAndQuery, headers: &HeaderMap, play: Option<&PlayId>) -> Placed {
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let range = range.and_then(ByteRange::from_header);
    let play = play.map_or("", PlayId::as_str);
    let mut graph = session.graph.lock();
    let Classified { kind, variant, source, place } =
        graph.classify_at(target.as_str(), range, Some(clock::now()));
    let index_in_play = graph.index_in_play(play, kind, target.as_str(), range);
    drop(graph);
    if let (RequestKind::Segment, Some(variant)) = (kind, &variant) {
        session.telemetry.rendition.store(variant.bandwidth, Ordering::Relaxed);
    }
    let SegmentPlace { media_sequence, from_live_edge, hinted } = place;
    Placed {
        kind,
        variant,
        source,
        sequence: Sequence { media_sequence, index_in_play, from_live_edge },
        hinted,
    }
}

fn decide(
    session: &Session,
    target: &PathAndQuery,
    kind: RequestKind,
    variant: Option<&Variant>,
    placed: &Placed,
) -> Decision {
    let ladder_len = session.graph.lock().ladder().len();
    session.player.decide(&RequestView {
        kind,
        variant,
        path: target.path(),
        ladder_len,
        sequence: placed.sequence,
        blocking_reload: is_blocking(target),
        preload_hint: placed.hinted,
    })
}

/// Whether a playlist is asked to wait. A master never is.
fn is_blocking(target: &PathAndQuery) -> bool {
    Directives::of(target.as_str()).is_blocking()
}

fn announce(rig: &Rig, session: &Session, decision: &Decision, request_kind: RequestKind) {
    if let Some(rule_id) = &decision.rule_id {
        rig.events.publish(&Frame::RuleFired(RuleFired {
            player_id: session.player_id(),
            rule_id: rule_id.clone(),
            fault: decision.fault,
            request_kind,
            ts: clock::now(),
        }));
    }
}
