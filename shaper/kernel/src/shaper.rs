//! The shaper: which backend, and the links it gives out.
//!
//! Invariant: the backend is chosen once, with its reason, and never changes under a link.
//! Deliberately absent: what a backend does; see `owner` for the kernel and `pacer` for pacing.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rebuffer_model::Shape;
use rebuffer_shape::{Drift, Interfaces, LinkPlan, Machine, Minor, Traffic};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{Backend, Mode, ShaperConfig};
use crate::error::ShaperError;
use crate::isolation::Isolation;
use crate::link::{Link, LinkState, Means};
use crate::owner::{Owner, Starting};
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
    /// After the engine: what is ours in there is removed before the namespace goes.
    isolation: Option<Isolation>,
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
        let mode = config.effective_mode()?;
        let interfaces = Interfaces::from(config.interfaces);
        let isolation = config.isolate.then(Isolation::make).transpose()?;
        let start = |interfaces| match &isolation {
            Some(isolation) => {
                isolation.run(|| Owner::start(interfaces)).map_err(ShaperError::from_entering)?
            }
            None => Owner::start(interfaces),
        };
        let chosen = mode.reason(isolation.is_some()).to_owned();
        let (engine, reason) = match mode {
            Mode::Off => (Engine::Off, chosen),
            Mode::Pacing => (Engine::Pacing, chosen),
            Mode::Kernel => (Engine::Kernel(start(interfaces)?.ready().await?), chosen),
            Mode::Auto => match ready(start(interfaces)).await {
                Ok(owner) => (Engine::Kernel(owner), chosen),
                Err(error) => (Engine::Pacing, error.kept_from_kernel()),
            },
        };
        let shaper = Self { inner: Arc::new(Inner { engine, reason, isolation }) };
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

    /// The devices whose packets are shaped; none where no packet is. Those that come later are not among them.
    pub fn interfaces(&self) -> &[String] {
        match &self.inner.engine {
            Engine::Kernel(owner) => owner.interfaces(),
            Engine::Pacing | Engine::Off => &[],
        }
    }

    /// Makes a socket where sessions live: in the rig's own namespace if it has one.
    pub fn socket(&self, domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
        let make = || Socket::new(domain, kind, protocol);
        match &self.inner.isolation {
            Some(isolation) => isolation.run(make)?,
            None => make(),
        }
    }

    /// The addresses at which this machine reaches sessions, if they live in a namespace of their own.
    pub fn isolated_at(&self) -> Option<[IpAddr; 2]> {
        self.inner.isolation.as_ref().map(Isolation::addresses)
    }

    /// Whether a shape could be put in force on this machine.
    pub fn check(&self, shape: &Shape) -> Result<(), ShaperError> {
        Ok(LinkPlan::of(shape, &self.machine()).map(|_| ())?)
    }

    /// What has passed for each session that has classes, by [`Link::class`]: one question per device, whatever the number
    /// of sessions and ports.
    pub async fn traffic(&self) -> Result<BTreeMap<Minor, Traffic>, ShaperError> {
        match &self.inner.engine {
            Engine::Kernel(owner) => owner.traffic().await,
            Engine::Pacing | Engine::Off => Ok(BTreeMap::new()),
        }
    }

    /// Compares everything in the kernel with what was asked and sets right what others changed; what that was, with all
    /// ports of the sessions it concerned. Call it every few seconds.
    pub async fn audit(&self) -> Result<Vec<(Drift, Vec<u16>)>, ShaperError> {
        match &self.inner.engine {
            Engine::Kernel(owner) => owner.audit().await,
            Engine::Pacing | Engine::Off => Ok(Vec::new()),
        }
    }

    /// What there is to shape with.
    pub fn machine(&self) -> Machine {
        match &self.inner.engine {
            Engine::Kernel(owner) => owner.machine().clone(),
            Engine::Pacing => Machine::Pacing,
            Engine::Off => Machine::off(&self.inner.reason),
        }
    }

    /// A link for a session that is reached at `port`; more ports may [join](Link::join). Nothing is shaped until it is
    /// told to; fails only when no class is left, or when the port belongs to another link.
    pub fn attach(&self, port: u16) -> Result<Link, ShaperError> {
        let backend = self.backend();
        let plain = || Arc::new(LinkState::new(port, backend, None));
        Ok(match &self.inner.engine {
            Engine::Kernel(owner) => {
                let state = owner.enter(port)?;
                Link::new(state, Means::Kernel(owner.clone()))
            }
            Engine::Pacing => Link::new(plain(), Means::Pacing(Pacer::new())),
            Engine::Off => {
                let reason = format!("links are not shaped: {}", self.inner.reason);
                Link::new(plain(), Means::Off { reason })
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

async fn ready(starting: Result<Starting, ShaperError>) -> Result<Owner, ShaperError> {
    starting?.ready().await
}
