//! What a conductor works with: a link, and those who watch.
//!
//! Invariant: nothing here waits for a change of a player, so that it may be called while one is made.

use std::sync::Arc;

use rebuffer_model::{
    Action, ActionKind, ActionSource, RecordBody, Shape, Trace, TraceName, TransportFault, Variant,
};
use rebuffer_shaper::{InForce, Link, ShaperError, Strike};

use crate::clock;
use crate::rig::Rig;
use crate::sessions::Player;

/// A link, as far as a conductor is concerned.
pub(crate) trait Carrier: Send + Sync + 'static {
    fn set(&self, shape: &Shape) -> impl Future<Output = Result<InForce, ShaperError>> + Send;
    fn strike(&self, strike: Option<Strike>) -> impl Future<Output = Result<u64, ShaperError>> + Send;
    fn struck(&self) -> impl Future<Output = Result<u64, ShaperError>> + Send;
    /// Bytes on the wire towards the player so far; none where they are not counted.
    fn bytes(&self) -> impl Future<Output = Option<u64>> + Send;
    fn in_force(&self) -> InForce;
}

/// Whom a conductor asks and tells.
pub(crate) trait Stage: Send + Sync + 'static {
    /// The player's ladder as it is now.
    fn ladder(&self) -> Vec<Variant>;
    /// The trace of this name as it is now.
    fn trace(&self, name: &TraceName) -> Option<Arc<Trace>>;
    /// The fault of the player whose only window is over, if it is.
    fn spent(&self) -> Option<TransportFault>;
    fn set_spent(&self, fault: Option<TransportFault>);
    /// Something the rig did by itself.
    fn say(&self, kind: ActionKind);
    /// What is shown of the player is not what it was.
    fn moved(&self);
}

/// A player in the rig.
#[derive(Debug, Clone)]
pub(crate) struct OnRig {
    pub(crate) rig: Arc<Rig>,
    pub(crate) player: Arc<Player>,
}

impl Carrier for Link {
    fn set(&self, shape: &Shape) -> impl Future<Output = Result<InForce, ShaperError>> + Send {
        self.set(shape)
    }

    fn strike(&self, strike: Option<Strike>) -> impl Future<Output = Result<u64, ShaperError>> + Send {
        self.strike(strike)
    }

    fn struck(&self) -> impl Future<Output = Result<u64, ShaperError>> + Send {
        self.struck()
    }

    async fn bytes(&self) -> Option<u64> {
        match self.traffic().await {
            Ok(traffic) => traffic.down.map(|down| down.bytes),
            Err(error) => {
                tracing::debug!(%error, "the counters of a link cannot be read");
                None
            }
        }
    }

    fn in_force(&self) -> InForce {
        self.in_force()
    }
}

impl Stage for OnRig {
    fn ladder(&self) -> Vec<Variant> {
        self.player.ladder()
    }

    fn trace(&self, name: &TraceName) -> Option<Arc<Trace>> {
        self.rig.traces.get(name)
    }

    fn spent(&self) -> Option<TransportFault> {
        self.player.spent_fault()
    }

    fn set_spent(&self, fault: Option<TransportFault>) {
        self.player.set_spent_fault(fault);
    }

    fn say(&self, kind: ActionKind) {
        let action = Action { who: self.player.who(), source: ActionSource::Proxy, kind };
        self.rig.feed.append(clock::now(), &RecordBody::Action(Box::new(action)));
    }

    fn moved(&self) {
        self.rig.events.player_updated(&self.player);
    }
}
