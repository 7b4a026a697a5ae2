//! The link of one session.
//!
//! Invariant: what `in_force` says was read back after the last change; a change that failed left what was before.
//! Changes of one link happen in the order they were asked for, also when the caller stops waiting.
//! Deliberately absent: the sockets' lives. A link refers to them weakly and never keeps one open.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rebuffer_model::{BitsPerSec, Shape, TransportAction};
use rebuffer_shape::{LinkPlan, Machine, Minor, Observed, StrikeRule, Traffic};

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
    /// How long the proxy has to hold each answer back, where no packet can be delayed.
    pub answer_delay: Option<Duration>,
}

/// What the owner thread and the handles share.
#[derive(Debug)]
pub(crate) struct LinkState {
    pub(crate) port: u16,
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
    state: Arc<LinkState>,
    means: Means,
}

#[derive(Debug)]
struct State {
    in_force: InForce,
    sockets: Sockets,
    detached: bool,
    /// Strikes so far.
    strikes: u32,
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
    fn nothing(backend: Backend) -> Self {
        Self { rate: None, observed: Shape::default(), backend, in_sync: true, answer_delay: None }
    }

    /// What the proxy does by itself.
    fn paced(plan: &LinkPlan) -> Self {
        let mut observed = Shape { down: plan.down.conditions(), ..Shape::default() };
        observed.down.stall = plan.down.stalled.then_some(true);
        Self { rate: plan.rate(), ..Self::nothing(Backend::Pacing) }.and_held_answers(observed, plan)
    }

    /// What the kernel says, and what is left for the proxy.
    pub(crate) fn observed(seen: &Observed, plan: &LinkPlan) -> Self {
        let in_force = Self { rate: seen.rate(), in_sync: seen.in_sync, ..Self::nothing(Backend::Kernel) };
        in_force.and_held_answers(seen.shape, plan)
    }

    fn and_held_answers(self, mut observed: Shape, plan: &LinkPlan) -> Self {
        if let Some(delay) = plan.down.answer_delay {
            let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            observed.down.delay_ms = Some(rebuffer_model::Millis(millis));
        }
        Self { observed, answer_delay: plan.down.answer_delay, ..self }
    }
}

impl Link {
    pub(crate) fn new(state: Arc<LinkState>, means: Means) -> Self {
        Self { inner: Arc::new(Handle { state, means }) }
    }

    /// The port of the session.
    pub fn port(&self) -> u16 {
        self.inner.state.port
    }

    /// Puts a shape in force in place, and returns what the kernel says is in force then. An error leaves what was
    /// before, or says that it could not.
    pub async fn set(&self, shape: &Shape) -> Result<InForce, ShaperError> {
        let Handle { state, means, .. } = &*self.inner;
        match means {
            Means::Kernel(owner) => owner.set(state.clone(), LinkPlan::of(shape, owner.machine())?).await,
            Means::Pacing(pacer) => {
                let plan = LinkPlan::of(shape, &Machine::Pacing)?;
                let pace = if plan.down.stalled { Some(BitsPerSec(0)) } else { plan.rate() };
                state.change(|| {
                    pacer.set(pace);
                    (InForce::paced(&plan), Settings::new(None, &plan))
                })
            }
            Means::Off { reason } => {
                LinkPlan::of(shape, &Machine::Off(reason.clone()))?;
                Ok(self.in_force())
            }
        }
    }

    /// Begins to strike the packets that come to the session's port, or ends it with none; an earlier strike ends first.
    /// Returns how many packets the strike that ended had met.
    pub async fn strike(&self, strike: Option<Strike>) -> Result<u64, ShaperError> {
        let Handle { state, means, .. } = &*self.inner;
        match (means, strike) {
            (Means::Kernel(owner), strike) => {
                if let Machine::Kernel(features) = owner.machine()
                    && let (Err(missing), Some(_)) = (&features.filter, strike)
                {
                    return Err(ShaperError::Unsupported(format!("packets cannot be struck: {missing}")));
                }
                let rule = strike.map(|strike| state.rule(strike));
                owner.strike(state.clone(), rule).await
            }
            (Means::Pacing(_) | Means::Off { .. }, None) => Ok(0),
            (Means::Pacing(_), Some(_)) => {
                let reason =
                    "packets cannot be struck: links are paced by the proxy, which does not see packets";
                Err(ShaperError::Unsupported(reason.to_owned()))
            }
            (Means::Off { reason }, Some(_)) => Err(ShaperError::Unsupported(reason.clone())),
        }
    }

    /// How many packets the strike in force has met so far.
    pub async fn struck(&self) -> Result<u64, ShaperError> {
        match (&self.inner.means, self.inner.state.class) {
            (Means::Kernel(owner), Some(class)) => owner.struck(class).await,
            (Means::Kernel(_) | Means::Pacing(_) | Means::Off { .. }, _) => Ok(0),
        }
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

    /// What has passed through the classes of this session, read from the kernel; nothing before its first cap, and where
    /// the kernel does not shape.
    pub async fn traffic(&self) -> Result<Traffic, ShaperError> {
        let Means::Kernel(owner) = &self.inner.means else { return Ok(Traffic::default()) };
        Ok(owner.traffic().await?.get(&self.port()).copied().unwrap_or_default())
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
    pub(crate) fn new(port: u16, backend: Backend, class: Option<Minor>) -> Self {
        let settings = Settings::new(class, &LinkPlan::default());
        let in_force = InForce::nothing(backend);
        let state = State { in_force, sockets: Sockets::with(settings), detached: false, strikes: 0 };
        Self { port, class, inner: Mutex::new(state) }
    }

    /// What was read back without a change of ours.
    pub(crate) fn saw(&self, seen: &Observed) {
        let mut state = self.inner.lock();
        let InForce { rate, observed, in_sync, .. } = &mut state.in_force;
        (*rate, *observed, *in_sync) = (seen.rate(), seen.shape, seen.in_sync);
    }

    fn rule(&self, strike: Strike) -> StrikeRule {
        let mut state = self.inner.lock();
        state.strikes = state.strikes.wrapping_add(1);
        let reject = strike.action == TransportAction::Reject;
        StrikeRule { reject, packets: strike.packets, number: state.strikes }
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
        state.in_force = InForce::nothing(state.in_force.backend);
        if let Err(error) = state.sockets.tell(Settings::default()) {
            tracing::debug!(%error, "a socket kept the settings of a link it has left");
        }
    }
}
