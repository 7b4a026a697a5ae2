//! The link of one session.
//!
//! Invariant: what `in_force` says was read back after the last change; a change that failed left what was before.
//! Changes of one link happen in the order they were asked for, also when the caller stops waiting.
//! Deliberately absent: the sockets' lives. A link refers to them weakly and never keeps one open.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use parking_lot::Mutex;
use rebuffer_model::{BitsPerSec, Mbps, Shape, TransportAction};
use rebuffer_shape::{Counters, LinkPlan, Minor};

use crate::config::Backend;
use crate::error::ShaperError;
use crate::owner::Owner;
use crate::pacer::Pacer;
use crate::socket::{Settings, Sockets};

/// The link of one session. Clones are the same link; when the last is dropped, it is detached.
#[derive(Debug, Clone)]
pub struct Link {
    inner: Arc<Handle>,
}

/// What was read back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InForce {
    /// The cap that is enforced; none is unlimited.
    pub rate: Option<BitsPerSec>,
    /// Every knob as it was read back.
    pub observed: Shape,
    /// Who enforces it.
    pub backend: Backend,
    /// Whether that is what was asked, on every device.
    pub in_sync: bool,
}

/// What the owner thread and the handles share.
#[derive(Debug)]
pub(crate) struct LinkState {
    pub(crate) class: Option<Minor>,
    inner: Mutex<State>,
}

#[derive(Debug)]
pub(crate) enum Means {
    Kernel(Owner),
    Pacing(Pacer),
    Off { reason: String },
}

#[derive(Debug)]
struct Handle {
    port: u16,
    state: Arc<LinkState>,
    means: Means,
}

#[derive(Debug)]
struct State {
    in_force: InForce,
    sockets: Sockets,
    detached: bool,
}

/// What happens to the packets that come to a session's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// What happens.
    pub action: TransportAction,
    /// To how many, counted by the kernel; none is to all until it ends.
    pub packets: Option<u32>,
}

impl InForce {
    pub(crate) fn of(rate: Option<BitsPerSec>, backend: Backend, in_sync: bool) -> Self {
        let observed = rate.map_or_else(Shape::default, |rate| Shape::capped(Mbps::from(rate)));
        Self { rate, observed, backend, in_sync }
    }
}

impl Link {
    pub(crate) fn new(port: u16, state: Arc<LinkState>, means: Means) -> Self {
        Self { inner: Arc::new(Handle { port, state, means }) }
    }

    /// The port of the session.
    pub fn port(&self) -> u16 {
        self.inner.port
    }

    /// Puts a shape in force in place, and returns what the kernel says is in force then. An error leaves what was
    /// before, or says that it could not.
    pub async fn set(&self, shape: &Shape) -> Result<InForce, ShaperError> {
        let plan = LinkPlan::of(shape)?;
        let Handle { state, means, .. } = &*self.inner;
        match means {
            Means::Kernel(owner) => owner.set(state.clone(), plan).await,
            Means::Pacing(pacer) => state.change(|| {
                pacer.set(plan.rate());
                (InForce::of(plan.rate(), Backend::Pacing, true), Settings::new(None, &plan))
            }),
            Means::Off { reason } if plan.rate().is_some() => Err(ShaperError::Unsupported(reason.clone())),
            Means::Off { .. } => Ok(self.in_force()),
        }
    }

    /// Begins to strike the packets that come to the session's port, or ends it with none; an earlier strike ends first.
    /// Returns how many packets the strike that ended had met.
    pub async fn strike(&self, strike: Option<Strike>) -> Result<u64, ShaperError> {
        match strike {
            None => Ok(0),
            Some(_) => Err(ShaperError::Unsupported("packets cannot be struck here".to_owned())),
        }
    }

    /// How many packets the strike in force has met so far.
    pub async fn struck(&self) -> Result<u64, ShaperError> {
        Ok(0)
    }

    /// What was read back after the last change.
    pub fn in_force(&self) -> InForce {
        self.inner.state.inner.lock().in_force
    }

    /// Puts a socket under this link. Call it for each accepted socket before its first byte. The link refers to the
    /// socket weakly, and tells it of later changes as long as somebody else keeps it.
    pub fn adopt<S: AsFd + Send + Sync + 'static>(&self, socket: &Arc<S>) -> io::Result<()> {
        let mut state = self.inner.state.inner.lock();
        if state.detached {
            return Err(io::Error::new(io::ErrorKind::NotConnected, ShaperError::Detached));
        }
        state.sockets.adopt(socket)
    }

    /// Who has to be asked before bytes are written; none if the kernel sees to it or nothing is shaped.
    pub fn pacer(&self) -> Option<&Pacer> {
        match &self.inner.means {
            Means::Pacing(pacer) => Some(pacer),
            Means::Kernel(_) | Means::Off { .. } => None,
        }
    }

    /// What has passed through the class of this session, read from the kernel; none before its first cap, and where
    /// the kernel does not shape.
    pub async fn counters(&self) -> Result<Option<Counters>, ShaperError> {
        let Handle { state, means, .. } = &*self.inner;
        match (means, state.class) {
            (Means::Kernel(owner), Some(class)) => owner.counters(class).await,
            (Means::Kernel(_) | Means::Pacing(_) | Means::Off { .. }, _) => Ok(None),
        }
    }

    /// Takes the session off its link: open sockets go on unshaped, the class is removed. May be called twice; touches
    /// nothing of another session.
    pub async fn detach(self) -> Result<(), ShaperError> {
        let Handle { state, means, .. } = &*self.inner;
        match means {
            Means::Kernel(owner) => owner.detach(state.clone()).await,
            Means::Pacing(pacer) => {
                pacer.set(None);
                state.leave();
                Ok(())
            }
            Means::Off { .. } => Ok(()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let (Means::Kernel(owner), Some(class)) = (&self.means, self.state.class)
            && !self.state.is_detached()
        {
            self.state.leave();
            owner.abandon(class);
        }
    }
}

impl LinkState {
    pub(crate) fn new(backend: Backend, class: Option<Minor>) -> Self {
        let settings = Settings::new(class, &LinkPlan::default());
        let in_force = InForce::of(None, backend, true);
        let state = State { in_force, sockets: Sockets::with(settings), detached: false };
        Self { class, inner: Mutex::new(state) }
    }

    /// Changes the link and tells its sockets, unless it is detached.
    pub(crate) fn change(
        &self,
        change: impl FnOnce() -> (InForce, Settings),
    ) -> Result<InForce, ShaperError> {
        let mut state = self.inner.lock();
        if state.detached {
            return Err(ShaperError::Detached);
        }
        let (in_force, settings) = change();
        state.in_force = in_force;
        if let Err(error) = state.sockets.tell(settings) {
            tracing::warn!(%error, "a socket did not take its new settings");
        }
        Ok(in_force)
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.inner.lock().detached
    }

    /// Lets the sockets look anew at their devices.
    pub(crate) fn look_again(&self) {
        if let Err(error) = self.inner.lock().sockets.look_again() {
            tracing::warn!(%error, "a socket did not look for its route again");
        }
    }

    /// Frees the sockets of the link's settings, and takes no more.
    pub(crate) fn leave(&self) {
        let mut state = self.inner.lock();
        state.detached = true;
        state.in_force.rate = None;
        if let Err(error) = state.sockets.tell(Settings::default()) {
            tracing::debug!(%error, "a socket kept the settings of a link it has left");
        }
    }
}
