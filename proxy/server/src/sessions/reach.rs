//! Further ports of a session: one for each origin that its playlists and redirects lead to.
//!
//! Invariant: a port that is returned is on the session's link and is being served. An origin that has a port keeps it; one that
//! gets none says why, and nothing else of the session changes. Opening runs to its end, also when the client hangs up.

use std::sync::Arc;

use rebuffer_media::MAX_ORIGINS;
use rebuffer_shaper::ShaperError;

use super::Session;
use super::endpoint::{MAX_PORTS, SessionPort};
use super::ports::{Holder, NoPort};
use crate::listen;
use crate::origin::Origin;
use crate::rig::Rig;
use crate::store::{Binding, StoreError};

/// Why an origin has no port in a session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReachError {
    #[error("the session has {MAX_PORTS} ports already, one for each origin it uses")]
    TooMany,
    #[error("this player has used {MAX_ORIGINS} origins, all there is room for until its session ends")]
    TooManyOrigins,
    #[error(transparent)]
    NoPort(#[from] NoPort),
    #[error("the port could not be put on the player's link: {0}")]
    Link(#[from] ShaperError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the session has ended")]
    Ended,
    /// The port went to another player meanwhile.
    #[error("the port belongs to another player by now")]
    NotItsPort,
}

/// The port of the session for this origin, opened if it has none; `port` is the one that the player asks at already.
pub(crate) async fn reach(
    rig: &Arc<Rig>,
    session: &Arc<Session>,
    origin: &Arc<Origin>,
    port: Option<u16>,
) -> Result<Arc<SessionPort>, ReachError> {
    if let Some(known) = session.port_to(origin) {
        return Ok(known);
    }
    let (within, session, origin) = (Arc::clone(rig), Arc::clone(session), Arc::clone(origin));
    let opening = async move { open(&within, &session, &origin, port).await };
    rig.tasks.finish(opening).await
}

async fn open(
    rig: &Arc<Rig>,
    session: &Arc<Session>,
    origin: &Arc<Origin>,
    port: Option<u16>,
) -> Result<Arc<SessionPort>, ReachError> {
    let opening = session.opening.lock().await;
    if let Some(known) = session.port_to(origin) {
        return Ok(known);
    }
    if *opening {
        return Err(ReachError::Ended);
    }
    if session.ports().len() >= MAX_PORTS {
        return Err(ReachError::TooMany);
    }
    if !session.learned.graph.lock().origins().has_room_for(&origin.address) {
        return Err(ReachError::TooManyOrigins);
    }
    let holder = Holder { player_id: session.player_id(), origin: Arc::clone(origin) };
    let taken = match port {
        Some(port) => rig.ports.retake(port, holder).map_err(NoPort::Bind)?.ok_or(ReachError::NotItsPort)?,
        None => rig.ports.take(holder)?,
    };
    let port = taken.port;
    let prepared = prepare(rig, session, origin, port).await;
    if prepared.is_err() {
        if let Err(error) = session.link.leave(port).await {
            tracing::error!(port, %error, "a port could not be taken off a player's link");
        }
        rig.ports.release(port, None);
    }
    if let Some(listener) = taken.listener {
        rig.spawn("session-listener", listen::session_port(Arc::clone(rig), listener, port));
    }
    prepared?;
    let id = session.learned.graph.lock().add_origin(origin.address.clone());
    let id = id.ok_or(ReachError::TooManyOrigins)?;
    let opened = Arc::new(SessionPort { port, origin: Arc::clone(origin), id });
    session.add_port(Arc::clone(&opened));
    rig.events.player_updated(&session.player);
    Ok(opened)
}

async fn prepare(rig: &Arc<Rig>, session: &Session, origin: &Origin, port: u16) -> Result<(), ReachError> {
    session.link.join(port).await?;
    let binding = Binding { port, player_id: session.player_id(), origin: origin.key() };
    Ok(rig.store.bind(binding).await?)
}
