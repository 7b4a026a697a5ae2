//! *The* path of a request on a session port, readable from top to bottom: classify, decide, perform, record.
//!
//! Invariant: the request is decided once, from what earlier playlists declared, before the origin is asked. One case needs the
//! answer first: a playlist that nothing declared yet, asked for by a player that has rules, because only its content says
//! whether it is a master. The record is the recorder's and is written whatever happens.
//! Deliberately absent: sockets (see `listen.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header::RANGE;
use http::{Request, Response};
use hyper::body::Incoming;
use rebuffer_api::{Frame, RuleFired};
use rebuffer_engine::{Decision, RequestView};
use rebuffer_media::{ByteRange, Classified, Source};
use rebuffer_model::{RequestKind, Variant};

use crate::clock;
use crate::connection::Connection;
use crate::identity;
use crate::perform::{Asked, ReplyBody, ask_first, perform};
use crate::record::Recorder;
use crate::rig::Rig;
use crate::sessions::Session;

/// Answers one request of a player.
pub(crate) async fn exchange(
    rig: &Arc<Rig>,
    session: &Arc<Session>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    identity::note_play(rig, &session.player, request.uri().query());
    let mut recorder = Recorder::begin(rig, session, connection, &request);

    let classified = classify(session, &request);
    recorder.classified(classified.kind, classified.variant.as_deref());

    let path = request.uri().path().to_owned();
    let (asked, kind, decision) = if only_the_answer_can_tell(session, &classified) {
        let (forwarded, told) = match ask_first(request, recorder).await {
            Ok(heard) => heard,
            Err(answer) => return *answer,
        };
        recorder = told;
        let (kind, variant) = recorder.seen();
        let decision = decide(session, &path, kind, variant.as_ref());
        (Asked::Already(forwarded), kind, decision)
    } else {
        let decision = decide(session, &path, classified.kind, classified.variant.as_deref());
        (Asked::NotYet(request), classified.kind, decision)
    };
    recorder.decided(&decision);
    announce(rig, session, &decision, kind);

    perform(decision.script, asked, recorder).await
}

fn only_the_answer_can_tell(session: &Session, classified: &Classified) -> bool {
    classified.source == Source::Guessed && classified.kind.is_manifest() && session.player.has_rules()
}

fn classify(session: &Session, request: &Request<Incoming>) -> Classified {
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let range = request.headers().get(RANGE).and_then(|range| range.to_str().ok());
    let classified = session.graph.lock().classify(target, range.and_then(ByteRange::from_header));
    if let (RequestKind::Segment, Some(variant)) = (classified.kind, &classified.variant) {
        session.telemetry.rendition.store(variant.bandwidth, Ordering::Relaxed);
    }
    classified
}

fn decide(session: &Session, path: &str, kind: RequestKind, variant: Option<&Variant>) -> Decision {
    let ladder_len = session.graph.lock().ladder().len();
    session.player.decide(&RequestView { kind, variant, path, ladder_len })
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
