//! The thread that owns the netlink socket and the tree of classes.
//!
//! Invariant: one command after the other; a command whose caller has gone is carried out all the same, so a link's
//! state never differs from the kernel's because somebody stopped waiting. However the thread is asked to end, it
//! removes what is ours.
//! Deliberately absent: a timer. Each answer of the kernel has a timeout, so a command ends.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use rebuffer_shape::{Drift, Interfaces, LinkPlan, Machine, Minor, StrikeRule, Traffic, Tree};
use tokio::sync::{mpsc, oneshot};

use crate::claim::Claim;
use crate::config::Backend;
use crate::error::ShaperError;
use crate::link::{InForce, LinkState};
use crate::netlink::Netlink;
use crate::sessions::Sessions;
use crate::socket::Settings;

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
    Strike(Arc<LinkState>, Option<StrikeRule>, Reply<u64>),
    Struck(Minor, Reply<u64>),
    Traffic(Reply<BTreeMap<Minor, Traffic>>),
    Audit(Reply<Vec<Drift>>),
    Detach(Arc<LinkState>, Reply<()>),
    Close(Reply<()>),
    /// Somebody left word in `Sessions`.
    Look,
}

struct Thread {
    tree: Tree<Netlink>,
    sessions: Arc<Sessions>,
    interfaces: Arc<[String]>,
    _claim: Claim,
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
                let _ = ready.send(Ok((thread.tree.machine(), thread.interfaces.clone())));
                thread.run(queue);
            }
            Err(error) => drop(ready.send(Err(error))),
        };
        let named = thread::Builder::new().name("rebuffer-shaper".to_owned());
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

    pub(crate) fn enter(&self, port: u16) -> Option<Arc<LinkState>> {
        self.sessions.enter(|minor| LinkState::new(port, Backend::Kernel, Some(minor)))
    }

    pub(crate) async fn set(&self, link: Arc<LinkState>, plan: LinkPlan) -> Result<InForce, ShaperError> {
        self.ask(|reply| Command::Set(link, Box::new(plan), reply)).await
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

    /// What has passed for every session, by its port.
    pub(crate) async fn traffic(&self) -> Result<BTreeMap<u16, Traffic>, ShaperError> {
        let traffic = self.ask(Command::Traffic).await?;
        let links = self.sessions.links();
        let of = |link: &Arc<LinkState>| Some((link.port, *traffic.get(&link.class?)?));
        Ok(links.iter().filter_map(of).collect())
    }

    /// Sets right what others changed; the ports of the sessions that it concerned with what was found.
    pub(crate) async fn audit(&self) -> Result<Vec<(Drift, Vec<u16>)>, ShaperError> {
        let drifts = self.ask(Command::Audit).await?;
        let links = self.sessions.links();
        let ports = |drift: &Drift| {
            let concerned =
                links.iter().filter(|link| link.class.is_some_and(|class| drift.sessions.contains(&class)));
            concerned.map(|link| link.port).collect()
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

    /// Leaves word that a class has no link any more.
    pub(crate) fn abandon(&self, class: Minor) {
        self.sessions.orphan(class);
        // When the queue is full, the word is found after the command that fills it.
        let _ = self.commands.try_send(Command::Look);
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, ShaperError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| ShaperError::Closed)?;
        answer.await.map_err(|_| ShaperError::Closed)?
    }
}

impl Thread {
    fn prepare(
        mut netlink: Netlink,
        claim: Result<Claim, ShaperError>,
        interfaces: Interfaces,
        sessions: Arc<Sessions>,
    ) -> Result<Self, ShaperError> {
        // That the process may not shape at all is the better answer, so the claim comes second.
        netlink.probe()?;
        let claim = claim?;
        let mut tree = Tree::new(netlink, interfaces);
        for interface in tree.clean()? {
            tracing::warn!(interface, "removed what an earlier run had left");
        }
        let interfaces = tree.names().into();
        Ok(Self { tree, sessions, interfaces, _claim: claim })
    }

    fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        while let Some(command) = queue.blocking_recv() {
            // An answer that nobody waits for is no failure.
            match command {
                Command::Set(link, plan, reply) => drop(reply.send(self.set(&link, &plan))),
                Command::Strike(link, strike, reply) => drop(reply.send(self.strike(&link, strike))),
                Command::Struck(class, reply) => {
                    drop(reply.send(self.tree.struck(class).map_err(ShaperError::from)))
                }
                Command::Traffic(reply) => drop(reply.send(self.tree.traffic().map_err(ShaperError::from))),
                Command::Audit(reply) => drop(reply.send(self.audit())),
                Command::Detach(link, reply) => {
                    link.leave();
                    // One that failed is tried again after each command, below.
                    let result = link.class.map_or(Ok(()), |class| {
                        self.remove(class).inspect_err(|_| self.sessions.orphan(class))
                    });
                    drop(reply.send(result));
                }
                Command::Close(reply) => {
                    let result = self.tree.close().map_err(ShaperError::from);
                    // Whoever hears of the end may begin anew; what still waits in the queue hears that we are closed.
                    drop((self, queue));
                    drop(reply.send(result));
                    return;
                }
                Command::Look => {}
            }
            for class in self.sessions.orphans() {
                if let Err(error) = self.remove(class) {
                    tracing::error!(%error, %class, "a class without a session could not be removed yet");
                    self.sessions.orphan(class);
                }
            }
        }
        if let Err(error) = self.tree.close() {
            tracing::error!(%error, "something of ours is left in the kernel");
        }
    }

    fn set(&mut self, link: &LinkState, plan: &LinkPlan) -> Result<InForce, ShaperError> {
        let Some(class) = link.class.filter(|_| !link.is_detached()) else {
            return Err(ShaperError::Detached);
        };
        let (observed, told) = self.tree.set(class, link.port, plan)?;
        let in_force = InForce::observed(&observed, plan);
        let result = link.change(|| (in_force, Settings::new(Some(class), plan)));
        self.look_again(told);
        result
    }

    fn strike(&mut self, link: &LinkState, strike: Option<StrikeRule>) -> Result<u64, ShaperError> {
        let Some(class) = link.class.filter(|_| !link.is_detached()) else {
            return Err(ShaperError::Detached);
        };
        Ok(self.tree.strike(class, link.port, strike)?)
    }

    /// Sets right what others changed, and reads back the links that it concerned.
    fn audit(&mut self) -> Result<Vec<Drift>, ShaperError> {
        let drifts = self.tree.audit()?;
        let concerned: BTreeSet<Minor> =
            drifts.iter().flat_map(|drift| drift.sessions.iter().copied()).collect();
        for link in self.sessions.links() {
            if let Some(class) = link.class.filter(|class| concerned.contains(class)) {
                let observed = self.tree.read(class)?;
                link.saw(&observed);
            }
        }
        self.look_again(!drifts.is_empty());
        Ok(drifts)
    }

    fn remove(&mut self, class: Minor) -> Result<(), ShaperError> {
        let told = self.tree.remove(class)?;
        self.sessions.leave(class);
        self.look_again(told);
        Ok(())
    }

    /// Open sockets do not notice by themselves what a device was told.
    fn look_again(&self, told: bool) {
        if told {
            self.sessions.links().iter().for_each(|link| link.look_again());
        }
    }
}
