//! What a link is now: its ports, its sockets, and what was read back of it. The owner thread and the handles share it.
//!
//! Invariant: a socket is told what is in force as long as its port is one of the link's; what leaves is set free.
//! Deliberately absent: the kernel, which the owner thread speaks with before this is changed.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use parking_lot::Mutex;
use rebuffer_model::TransportAction;
use rebuffer_shape::{LinkPlan, Minor, Observed, Ports, StrikeRule};

use super::{InForce, Strike};
use crate::config::Backend;
use crate::error::ShaperError;
use crate::socket::{Settings, Sockets, port_of};

/// The state of one link.
#[derive(Debug)]
pub(crate) struct LinkState {
    pub(crate) class: Option<Minor>,
    /// The port it was attached with.
    attached_with: u16,
    inner: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ports: Ports,
    in_force: InForce,
    sockets: Sockets,
    detached: bool,
    /// Strikes so far.
    strikes: u32,
}

/// A change of the ports of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortChange {
    Join(u16),
    Leave(u16),
}

impl PortChange {
    /// The ports after it.
    pub(crate) fn apply(self, ports: Ports) -> Result<Ports, ShaperError> {
        match self {
            Self::Join(port) => ports.with(port).ok_or(ShaperError::TooManyPorts { port }),
            Self::Leave(port) => ports.without(port).ok_or(ShaperError::LastPort { port }),
        }
    }
}

impl LinkState {
    pub(crate) fn new(port: u16, backend: Backend, class: Option<Minor>) -> Self {
        let settings = Settings::new(class, &LinkPlan::default());
        let state = State {
            ports: port.into(),
            in_force: InForce::nothing(backend),
            sockets: Sockets::with(settings),
            detached: false,
            strikes: 0,
        };
        Self { class, attached_with: port, inner: Mutex::new(state) }
    }

    pub(crate) fn port(&self) -> u16 {
        let ports = self.inner.lock().ports;
        let left = ports.as_slice().first().copied().filter(|_| !ports.has(self.attached_with));
        left.unwrap_or(self.attached_with)
    }

    /// Its ports; after it was detached, those it had.
    pub(crate) fn ports(&self) -> Ports {
        self.inner.lock().ports
    }

    pub(crate) fn in_force(&self) -> InForce {
        self.inner.lock().in_force
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.inner.lock().detached
    }

    pub(crate) fn adopt<S: AsFd + Send + Sync + 'static>(&self, socket: &Arc<S>) -> io::Result<()> {
        let elsewhere = |error| io::Error::new(io::ErrorKind::NotConnected, error);
        let port = port_of(socket.as_fd())?;
        let mut state = self.inner.lock();
        if state.detached {
            return Err(elsewhere(ShaperError::Detached));
        }
        match port.filter(|port| !state.ports.has(*port)) {
            Some(port) => Err(elsewhere(ShaperError::NotItsPort { port })),
            None => state.sockets.adopt(socket),
        }
    }

    /// What was read back without a change of ours.
    pub(crate) fn saw(&self, seen: &Observed) {
        self.inner.lock().in_force.update(seen);
    }

    pub(crate) fn rule(&self, strike: Strike) -> StrikeRule {
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

    /// Changes the ports where no kernel has to be told.
    pub(crate) fn change_ports(&self, change: PortChange) -> Result<(), ShaperError> {
        self.inner.lock().change_ports(change)
    }

    /// Changes the ports after the kernel was told, with what was read back of the link then.
    pub(crate) fn record_ports(&self, change: PortChange, seen: &Observed) -> Result<(), ShaperError> {
        let mut state = self.inner.lock();
        state.change_ports(change)?;
        state.in_force.update(seen);
        Ok(())
    }

    /// Lets the sockets look anew at their devices.
    pub(crate) fn look_again(&self) {
        if let Err(error) = self.inner.lock().sockets.look_again() {
            tracing::warn!(%error, "a socket did not look for its route again");
        }
    }

    /// Frees the sockets of the link's settings, and takes no more. Returns the ports it had, once.
    pub(crate) fn detach(&self) -> Option<Ports> {
        let mut state = self.inner.lock();
        let had = (!state.detached).then_some(state.ports);
        state.detached = true;
        state.in_force = InForce::nothing(state.in_force.backend);
        if let Err(error) = state.sockets.tell(Settings::default()) {
            tracing::debug!(%error, "a socket kept the settings of a link it has left");
        }
        had
    }
}

impl State {
    fn change_ports(&mut self, change: PortChange) -> Result<(), ShaperError> {
        if self.detached {
            return Err(ShaperError::Detached);
        }
        self.ports = change.apply(self.ports)?;
        if let PortChange::Leave(port) = change
            && let Err(error) = self.sockets.release(port)
        {
            tracing::debug!(%error, port, "a socket kept the settings of a link that its port has left");
        }
        Ok(())
    }
}
