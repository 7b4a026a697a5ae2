//! Sessions end here: after a time without activity, or by an operator.
//!
//! Invariant: the link is gone before the port may change hands; what was set for the player stays.

use std::sync::Arc;
use std::time::Duration;

use rebuffer_api::{Frame, PlayEnded};
use rebuffer_model::{Action, ActionKind, ActionSource, EndReason, RecordBody};

use super::conduct::Stage;
use super::{OnRig, Session};
use crate::clock;
use crate::rig::Rig;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Once a second: ends the sessions that are idle, and connections to origins.
pub(crate) async fn reap_idle(rig: Arc<Rig>) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = rig.closing.cancelled() => return,
        }
        rig.origins.sweep();
        for session in rig.players.sessions() {
            if session.is_idle_for(rig.config.idle) {
                let _changing = session.player.change.lock().await;
                // A request may have come while waiting for the lock.
                if session.is_idle_for(rig.config.idle) && is_current(&session) {
                    end(&rig, &session, EndReason::InactiveTimeout).await;
                }
            }
        }
    }
}

fn is_current(session: &Session) -> bool {
    session.player.session().is_some_and(|current| current.id == session.id)
}

/// Ends a session; the caller holds the player's `change`.
pub(crate) async fn end(rig: &Arc<Rig>, session: &Arc<Session>, reason: EndReason) {
    let player = &session.player;
    let source = if reason == EndReason::Deleted { ActionSource::Harness } else { ActionSource::Proxy };
    let who = player.who();
    let stage = OnRig { rig: Arc::clone(rig), player: Arc::clone(player) };
    // Whoever opens a port at this moment does so before or not at all.
    *session.opening.lock().await = true;
    session.over.cancel();
    session.conductor.end().await.into_iter().for_each(|kind| stage.say(kind));
    player.set_session(None);
    rig.kept.keep(player);
    super::open::detach(session.link.clone()).await;
    session.ports().iter().for_each(|at| rig.ports.release(at.port, Some(session.client())));
    if let Some(play_id) = who.play_id.clone() {
        let ended = PlayEnded { player_id: player.id, play_id, ended_at: clock::now() };
        rig.events.publish(&Frame::PlayEnded(ended));
    }
    let kind = ActionKind::SessionEnd { reason };
    rig.feed.append(clock::now(), &RecordBody::Action(Box::new(Action { who, source, kind })));
    rig.events.player_updated(player);
}
