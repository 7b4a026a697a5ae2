//! *The* path of a request on a session port, readable from top to bottom: classify, decide, perform, record.
//!
//! Invariant: the request is decided once, before the origin is asked, from what earlier playlists declared. The record is the
//! recorder's and is written whatever happens. Deliberately absent: sockets (see `listen.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header::RANGE;
use http::{Request, Response};
use hyper::body::Incoming;
use rebuffer_api::{Frame, RuleFired};
use rebuffer_engine::{Decision, RequestView};
use rebuffer_media::{ByteRange, Classified};
use rebuffer_model::RequestKind;

use crate::clock;
use crate::connection::Connection;
use crate::identity;
use crate::perform::{ReplyBody, perform};
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

    let decision = decide(session, &request, &classified);
    recorder.decided(&decision);
    announce(rig, session, &decision, classified.kind);

    perform(decision.script, request, recorder).await
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

fn decide(session: &Session, request: &Request<Incoming>, classified: &Classified) -> Decision {
    session.player.decide(&RequestView {
        kind: classified.kind,
        variant: classified.variant.as_deref(),
        path: request.uri().path(),
        ladder_len: session.graph.lock().ladder().len(),
    })
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
