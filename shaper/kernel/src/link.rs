//! The link of one session, which has one or several ports.
//!
//! Invariant: what `in_force` says was read back after the last change; a change that failed left what was before.
//! Everything in force applies to all ports together. Changes of one link happen in the order they were asked for, also
//! when the caller stops waiting.
//! Deliberately absent: the sockets' lives. A link refers to them weakly and never keeps one open.

mod state;

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rebuffer_model::{BitsPerSec, Shape, TransportAction};
use rebuffer_shape::{LinkPlan, Machine, Minor, Observed, Traffic};

pub(crate) use self::state::{LinkState, PortChange};
use crate::config::Backend;
use crate::error::ShaperError;
use crate::owner::Owner;
use crate::pacer::Pacer;
use crate::socket::Settings;

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

/// What happens to the packets that come to a session's ports.
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
        Self { rate: plan.rate(), ..Self::nothing(Backend::Pacing) }
            .and_held_answers(observed, plan.down.answer_delay)
    }

    /// What the kernel says, and what is left for the proxy.
    pub(crate) fn observed(seen: &Observed, plan: &LinkPlan) -> Self {
        let in_force = Self { rate: seen.rate(), in_sync: seen.in_sync, ..Self::nothing(Backend::Kernel) };
        in_force.and_held_answers(seen.shape, plan.down.answer_delay)
    }

    /// What the kernel says without a change of ours; what the proxy does is as it was.
    fn update(&mut self, seen: &Observed) {
        let in_force = Self { rate: seen.rate(), in_sync: seen.in_sync, ..*self };
        *self = in_force.and_held_answers(seen.shape, self.answer_delay);
    }

    fn and_held_answers(self, mut observed: Shape, answer_delay: Option<Duration>) -> Self {
        if let Some(delay) = answer_delay {
            let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            observed.down.delay_ms = Some(rebuffer_model::Millis(millis));
        }
        Self { observed, answer_delay, ..self }
    }
}

impl Link {
    pub(crate) fn new(state: Arc<LinkState>, means: Means) -> Self {
        Self { inner: Arc::new(Handle { state, means }) }
    }

    /// The port it was attached with, or the lowest of those that are left. For names in logs.
    pub fn port(&self) -> u16 {
        self.inner.state.port()
    }

    /// Its ports, in ascending order; none after it was detached.
    pub fn ports(&self) -> Vec<u16> {
        let state = &self.inner.state;
        if state.is_detached() { Vec::new() } else { state.ports().into_iter().collect() }
    }

    /// The number of its class, the same for its whole life; none where the kernel does not shape.
    pub fn class(&self) -> Option<Minor> {
        self.inner.state.class
    }

    /// Adds a port: when this returns, everything in force applies to it as well. Call it before a connection is served
    /// there. Does nothing for a port that it has; an error leaves what was before, or says that it could not.
    ///
    /// # Errors
    ///
    /// [`ShaperError::TooManyPorts`] beyond [`Ports::MAX`](rebuffer_shape::Ports::MAX), and where the kernel shapes
    /// [`ShaperError::PortTaken`] for a port of another link.
    pub async fn join(&self, port: u16) -> Result<(), ShaperError> {
        self.change_ports(PortChange::Join(port)).await
    }

    /// Takes a port away: its open sockets go on unshaped, and another link may have it. Does nothing for a port that it
    /// does not have; an error leaves what was before, or says that it could not.
    ///
    /// # Errors
    ///
    /// [`ShaperError::LastPort`] for the only one.
    pub async fn leave(&self, port: u16) -> Result<(), ShaperError> {
        self.change_ports(PortChange::Leave(port)).await
    }

    async fn change_ports(&self, change: PortChange) -> Result<(), ShaperError> {
        let Handle { state, means } = &*self.inner;
        match means {
            Means::Kernel(owner) => owner.change_ports(state.clone(), change).await,
            Means::Pacing(_) | Means::Off { .. } => state.change_ports(change),
        }
    }

    /// Puts a shape in force in place, and returns what the kernel says is in force then. An error leaves what was
    /// before, or says that it could not.
    pub async fn set(&self, shape: &Shape) -> Result<InForce, ShaperError> {
        let Handle { state, means } = &*self.inner;
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

    /// Begins to strike the packets that come to the session's ports, or ends it with none; an earlier strike ends first.
    /// Returns how many packets the strike that ended had met.
    pub async fn strike(&self, strike: Option<Strike>) -> Result<u64, ShaperError> {
        let Handle { state, means } = &*self.inner;
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
        self.inner.state.in_force()
    }

    /// Puts a socket under this link. Call it for each accepted socket before its first byte. The link refers to the
    /// socket weakly, and tells it of later changes as long as somebody else keeps it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotConnected`] if the link is detached or does not have the socket's port.
    pub fn adopt<S: AsFd + Send + Sync + 'static>(&self, socket: &Arc<S>) -> io::Result<()> {
        self.inner.state.adopt(socket)
    }

    /// Who has to be asked before bytes are written; none if the kernel sees to it or nothing is shaped.
    pub fn pacer(&self) -> Option<&Pacer> {
        match &self.inner.means {
            Means::Pacing(pacer) => Some(pacer),
            Means::Kernel(_) | Means::Off { .. } => None,
        }
    }

    /// What has passed through the classes of this session, over all its ports, read from the kernel; nothing before its
    /// first cap, and where the kernel does not shape.
    pub async fn traffic(&self) -> Result<Traffic, ShaperError> {
        let (Means::Kernel(owner), Some(class)) = (&self.inner.means, self.class()) else {
            return Ok(Traffic::default());
        };
        Ok(owner.traffic().await?.get(&class).copied().unwrap_or_default())
    }

    /// Takes the session off its link: open sockets go on unshaped, the class is removed. May be called twice; touches
    /// nothing of another session.
    pub async fn detach(self) -> Result<(), ShaperError> {
        let Handle { state, means } = &*self.inner;
        match means {
            Means::Kernel(owner) => owner.detach(state.clone()).await,
            Means::Pacing(pacer) => {
                pacer.set(None);
                state.detach();
                Ok(())
            }
            Means::Off { .. } => Ok(()),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let (Means::Kernel(owner), Some(class)) = (&self.means, self.state.class)
            && let Some(ports) = self.state.detach()
        {
            owner.abandon(class, ports);
        }
    }
}
