//! The shaper: which backend, and the links it gives out.
//!
//! Invariant: the backend is chosen once, with its reason, and never changes under a link.
//! Deliberately absent: what a backend does; see `owner` for the kernel and `pacer` for pacing.

use std::sync::Arc;

use rebuffer_model::{Direction, KnobMeans};
use rebuffer_shape::Interfaces;

use crate::config::{Backend, Mode, ShaperConfig};
use crate::error::ShaperError;
use crate::link::{Link, LinkState, Means};
use crate::owner::Owner;
use crate::pacer::Pacer;

/// The shaper of this process. Clones are the same shaper.
#[derive(Debug, Clone)]
pub struct Shaper {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    reason: String,
}

#[derive(Debug)]
enum Engine {
    Kernel(Owner),
    Pacing,
    Off,
}

impl Shaper {
    /// Chooses the backend. For the kernel: looks whether it may shape in the network namespace of the calling thread,
    /// without changing anything, and removes what a killed run left behind.
    ///
    /// With [`Mode::Auto`] this never fails: what keeps the kernel from shaping becomes the [`Shaper::reason`].
    pub async fn open(config: ShaperConfig) -> Result<Self, ShaperError> {
        let interfaces = match config.interfaces {
            names if names.is_empty() => Interfaces::All,
            names => Interfaces::Named(names),
        };
        let (engine, reason) = match config.mode {
            Mode::Off => (Engine::Off, "switched off".to_owned()),
            Mode::Pacing => (Engine::Pacing, "chosen".to_owned()),
            Mode::Kernel => (Engine::Kernel(Owner::start(interfaces).await?), "chosen".to_owned()),
            Mode::Auto => match Owner::start(interfaces).await {
                Ok(owner) => (Engine::Kernel(owner), "the kernel lets this process shape".to_owned()),
                Err(error) => (Engine::Pacing, format!("the kernel cannot shape: {error}")),
            },
        };
        let shaper = Self { inner: Arc::new(Inner { engine, reason }) };
        tracing::info!(backend = %shaper.backend(), reason = shaper.reason(), "shaper");
        Ok(shaper)
    }

    /// How links are shaped.
    pub fn backend(&self) -> Backend {
        match self.inner.engine {
            Engine::Kernel(_) => Backend::Kernel,
            Engine::Pacing => Backend::Pacing,
            Engine::Off => Backend::Off,
        }
    }

    /// Why it is this backend, in words for an operator.
    pub fn reason(&self) -> &str {
        &self.inner.reason
    }

    /// Who turns a knob in a direction on this machine, or why nobody can.
    pub fn means(&self, knob: &str, direction: Direction) -> KnobMeans {
        match (&self.inner.engine, direction, knob) {
            (Engine::Kernel(_), Direction::Downlink, "rate_mbps") => KnobMeans::kernel("an HTB class", false),
            (Engine::Pacing, Direction::Downlink, "rate_mbps") => KnobMeans::proxy("paces bodies"),
            (Engine::Kernel(_) | Engine::Pacing | Engine::Off, ..) => KnobMeans::nobody("not built"),
        }
    }

    /// A link for a session that is reached at `port`. Nothing is shaped until it is told to; fails only when no class
    /// is left.
    pub fn attach(&self, port: u16) -> Result<Link, ShaperError> {
        let backend = self.backend();
        let plain = || Arc::new(LinkState::new(backend, None));
        Ok(match &self.inner.engine {
            Engine::Kernel(owner) => {
                let state = owner.enter().ok_or(ShaperError::Exhausted)?;
                Link::new(port, state, Means::Kernel(owner.clone()))
            }
            Engine::Pacing => Link::new(port, plain(), Means::Pacing(Pacer::new())),
            Engine::Off => {
                let reason = format!("links are not shaped: {}", self.inner.reason);
                Link::new(port, plain(), Means::Off { reason })
            }
        })
    }

    /// Removes everything of ours from the kernel and gives the devices their settings back. Links that are left let
    /// everything pass, and fail when they are set.
    pub async fn close(self) -> Result<(), ShaperError> {
        match &self.inner.engine {
            Engine::Kernel(owner) => owner.close().await,
            Engine::Pacing | Engine::Off => Ok(()),
        }
    }
}
