//! Speaking with the thread that owns the netlink socket and the tree of classes.
//!
//! Invariant: commands are carried out in the order they were sent, also when the caller stops waiting.
//! Deliberately absent: what a command does; see `thread`.

mod thread;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rebuffer_shape::{Drift, Interfaces, LinkPlan, Machine, Minor, Ports, StrikeRule, Traffic};
use tokio::sync::{mpsc, oneshot};

use self::thread::Thread;
use crate::claim::Claim;
use crate::config::Backend;
use crate::error::ShaperError;
use crate::link::{InForce, LinkState, PortChange};
use crate::netlink::Netlink;
use crate::sessions::Sessions;

/// Speaks with the owner thread.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    commands: mpsc::Sender<Command>,
    sessions: Arc<Sessions>,
    machine: Machine,
    interfaces: Arc<[String]>,
}

/// An owner whose thread is looking around.
#[derive(Debug)]
pub(crate) struct Starting {
    commands: mpsc::Sender<Command>,
    sessions: Arc<Sessions>,
    started: oneshot::Receiver<Result<Found, ShaperError>>,
}

/// What the thread found: what the kernel can do, and the devices that are shaped.
type Found = (Machine, Arc<[String]>);

impl Starting {
    /// The owner, once its thread knows what the kernel can do.
    pub(crate) async fn ready(self) -> Result<Owner, ShaperError> {
        let (machine, interfaces) = self.started.await.map_err(|_| ShaperError::Closed)??;
        Ok(Owner { commands: self.commands, sessions: self.sessions, machine, interfaces })
    }
}

type Reply<T> = oneshot::Sender<Result<T, ShaperError>>;

#[derive(Debug)]
enum Command {
    Set(Arc<LinkState>, Box<LinkPlan>, Reply<InForce>),
    ChangePorts(Arc<LinkState>, PortChange, Reply<()>),
    Strike(Arc<LinkState>, Option<StrikeRule>, Reply<u64>),
    Struck(Minor, Reply<u64>),
    Traffic(Reply<BTreeMap<Minor, Traffic>>),
    Audit(Reply<Vec<Drift>>),
    Detach(Arc<LinkState>, Reply<()>),
    Close(Reply<()>),
    /// Somebody left word in `Sessions`.
    Look,
}

/// Commands that may wait; beyond, callers do.
const QUEUE: usize = 256;

impl Owner {
    /// Takes the kernel for this network namespace, that of the calling thread, and removes what an earlier run left.
    pub(crate) fn start(interfaces: Interfaces) -> Result<Starting, ShaperError> {
        // Both belong to the namespace they were made in, whatever thread uses them later.
        let (netlink, claim) = (Netlink::open()?, Claim::take());
        let sessions = Arc::new(Sessions::new());
        let (commands, queue) = mpsc::channel(QUEUE);
        let (ready, started) = oneshot::channel();
        let links = sessions.clone();
        let body = move || match Thread::prepare(netlink, claim, interfaces, sessions) {
            Ok(thread) => {
                // With nobody to hear it there is no sender of commands either, so the thread ends by itself.
                let _ = ready.send(Ok(thread.found()));
                thread.run(queue);
            }
            Err(error) => drop(ready.send(Err(error))),
        };
        let named = std::thread::Builder::new().name("rebuffer-shaper".to_owned());
        let spawned = named.spawn(move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
                tracing::error!(?panic, "the shaper's thread panicked; links stay as they are");
            }
        });
        spawned.map_err(|error| ShaperError::Unsupported(format!("no thread for the shaper: {error}")))?;
        Ok(Starting { commands, sessions: links, started })
    }

    /// What the kernel can do.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The devices that are shaped.
    pub(crate) fn interfaces(&self) -> &[String] {
        &self.interfaces
    }

    pub(crate) fn enter(&self, port: u16) -> Result<Arc<LinkState>, ShaperError> {
        self.sessions.enter(port, |minor| LinkState::new(port, Backend::Kernel, Some(minor)))
    }

    pub(crate) async fn set(&self, link: Arc<LinkState>, plan: LinkPlan) -> Result<InForce, ShaperError> {
        self.ask(|reply| Command::Set(link, Box::new(plan), reply)).await
    }

    pub(crate) async fn change_ports(
        &self,
        link: Arc<LinkState>,
        change: PortChange,
    ) -> Result<(), ShaperError> {
        self.ask(|reply| Command::ChangePorts(link, change, reply)).await
    }

    pub(crate) async fn strike(
        &self,
        link: Arc<LinkState>,
        strike: Option<StrikeRule>,
    ) -> Result<u64, ShaperError> {
        self.ask(|reply| Command::Strike(link, strike, reply)).await
    }

    pub(crate) async fn struck(&self, class: Minor) -> Result<u64, ShaperError> {
        self.ask(|reply| Command::Struck(class, reply)).await
    }

    /// What has passed for every session, by its class.
    pub(crate) async fn traffic(&self) -> Result<BTreeMap<Minor, Traffic>, ShaperError> {
        self.ask(Command::Traffic).await
    }

    /// Sets right what others changed; the ports of the sessions that it concerned with what was found.
    pub(crate) async fn audit(&self) -> Result<Vec<(Drift, Vec<u16>)>, ShaperError> {
        let drifts = self.ask(Command::Audit).await?;
        let links = self.sessions.links();
        let ports = |drift: &Drift| {
            let concerned =
                links.iter().filter(|link| link.class.is_some_and(|class| drift.sessions.contains(&class)));
            concerned.flat_map(|link| link.ports()).collect()
        };
        Ok(drifts.into_iter().map(|drift| (drift.clone(), ports(&drift))).collect())
    }

    pub(crate) async fn detach(&self, link: Arc<LinkState>) -> Result<(), ShaperError> {
        self.ask(|reply| Command::Detach(link, reply)).await
    }

    pub(crate) async fn close(&self) -> Result<(), ShaperError> {
        match self.ask(Command::Close).await {
            Err(ShaperError::Closed) => Ok(()),
            result => result,
        }
    }

    /// Leaves word that a class has no link any more, and lets its ports go.
    pub(crate) fn abandon(&self, class: Minor, ports: Ports) {
        self.sessions.orphan(class);
        self.sessions.release(class, ports);
        // When the queue is full, the word is found with the next command of those that fill it.
        let _ = self.commands.try_send(Command::Look);
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, ShaperError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| ShaperError::Closed)?;
        answer.await.map_err(|_| ShaperError::Closed)?
    }
}
