//! Sessions begin here: a port, a link that is already as it was asked, a name; and after a restart the ports are bound again.
//!
//! Invariant: a session that exists has its link in force; a player is never let through uncapped because a cap failed.

use std::net::IpAddr;
use std::sync::Arc;

use rebuffer_model::{Action, ActionKind, ActionSource, RecordBody, SessionId};
use rebuffer_shaper::{Link, ShaperError};
use uuid::Uuid;

use super::conduct::{CannotSet, Changing, Conductor, OnRig, Stage, Wanted};
use super::ports::{Holder, NoPort};
use super::session::Client;
use super::{Player, Session};
use crate::clock;
use crate::listen;
use crate::origin::Origin;
use crate::rig::Rig;
use crate::store::{Binding, StoreError};

/// Why a session cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    NoPort(#[from] NoPort),
    #[error("the player's link could not be set: {0}")]
    Link(#[source] ShaperError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Meet it again.
    #[error("the player was removed meanwhile")]
    Removed,
    /// The port went to another player meanwhile.
    #[error("the port belongs to another player by now")]
    NotItsPort,
}

/// Where a session begins.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) origin: Arc<Origin>,
    pub(crate) ip: IpAddr,
    pub(crate) user_agent: String,
    /// The first request, redacted.
    pub(crate) url: String,
    /// The port it came to, if it came to a session port.
    pub(crate) port: Option<u16>,
}

/// The player's session: the one it has, or a new one at this origin. Once begun it goes on to its end, also when the client
/// that asked hangs up, so that no port or link is left half taken.
pub(crate) async fn open(
    rig: &Arc<Rig>,
    player: &Arc<Player>,
    start: Start,
) -> Result<Arc<Session>, OpenError> {
    let (within, player) = (Arc::clone(rig), Arc::clone(player));
    rig.tasks.finish(async move { open_to_the_end(&within, &player, start).await }).await
}

async fn open_to_the_end(
    rig: &Arc<Rig>,
    player: &Arc<Player>,
    start: Start,
) -> Result<Arc<Session>, OpenError> {
    let _changing = player.change.lock().await;
    if !rig.players.knows(player) {
        return Err(OpenError::Removed);
    }
    if let Some(session) = player.session() {
        return Ok(session);
    }
    let holder = Holder { player_id: player.id, origin: Arc::clone(&start.origin) };
    let taken = match start.port {
        Some(port) => rig.ports.retake(port, holder).map_err(NoPort::Bind)?.ok_or(OpenError::NotItsPort)?,
        None => rig.ports.take(holder)?,
    };
    let port = taken.port;
    let opened = prepare(rig, player, &start, port).await;
    if opened.is_err() {
        rig.ports.release(port, None);
    }
    if let Some(listener) = taken.listener {
        rig.spawn("session-listener", listen::session_port(Arc::clone(rig), listener, port));
    }
    let (session, changing) = opened?;
    player.set_session(Some(Arc::clone(&session)));
    let kind = ActionKind::SessionStart { manifest_url: start.url };
    let action = Action { who: player.who(), source: ActionSource::Proxy, kind };
    rig.feed.append(clock::now(), &RecordBody::Action(Box::new(action)));
    let stage = OnRig { rig: Arc::clone(rig), player: Arc::clone(player) };
    changing.told().iter().for_each(|kind| stage.say(kind.clone()));
    if changing.keep() {
        rig.spawn("conductor", Arc::clone(&session.conductor).conduct(stage));
    }
    rig.events.player_updated(player);
    Ok(session)
}

async fn prepare(
    rig: &Arc<Rig>,
    player: &Arc<Player>,
    start: &Start,
    port: u16,
) -> Result<(Arc<Session>, Changing), OpenError> {
    let link = rig.shaper.attach(port).map_err(OpenError::Link)?;
    let machine = rig.shaper.machine();
    let wanted = Wanted::of(&player.controlled().control.shape, &machine);
    let conductor = Conductor::new(link.clone(), rig.config.baseline, machine);
    let stage = OnRig { rig: Arc::clone(rig), player: Arc::clone(player) };
    let changing = match conductor.change(wanted, &stage).await {
        Ok(changing) => changing,
        Err(CannotSet { error, .. }) => {
            detach(link).await;
            return Err(OpenError::Link(error));
        }
    };
    let origin = Arc::clone(&start.origin);
    let binding = Binding { port, player_id: player.id, origin: origin.key() };
    if let Err(error) = rig.store.bind(binding).await {
        drop(changing);
        let _nobody_was_told = conductor.end().await;
        detach(link).await;
        return Err(error.into());
    }
    let client = Client::told(start.ip, &start.user_agent, &player.user_agent());
    let id = SessionId(Uuid::now_v7());
    let link = (link, conductor);
    Ok((Arc::new(Session::new(id, Arc::clone(player), (port, origin), link, client)), changing))
}

/// Takes a link down; what the kernel does not give back is said and cleaned up at the next start.
pub(super) async fn detach(link: Link) {
    let port = link.port();
    if let Err(error) = link.detach().await {
        tracing::error!(port, %error, "the link of a session could not be taken down");
    }
}

/// Binds the ports that belonged to players before a restart; each gets its session back with its first request.
pub(crate) fn restore_ports(rig: &Arc<Rig>, bindings: Vec<Binding>) {
    for Binding { port, player_id, origin } in bindings {
        let range = rig.ports.range();
        if range.is_ephemeral() || !(range.first..=range.last).contains(&port) {
            continue;
        }
        let Some(origin) = rig.origins.by_key(&origin) else { continue };
        match rig.ports.retake(port, Holder { player_id, origin }) {
            Ok(None) => {}
            Ok(Some(taken)) => {
                rig.ports.release(port, None);
                if let Some(listener) = taken.listener {
                    rig.spawn("session-listener", listen::session_port(Arc::clone(rig), listener, port));
                }
            }
            Err(error) => {
                tracing::warn!(port, %error, "a session port of the last run cannot be bound again")
            }
        }
    }
}
