//! The thread that owns the netlink socket and the tree of classes.
//!
//! Invariant: one command after the other; a command whose caller has gone is carried out all the same, so a link's
//! state never differs from the kernel's because somebody stopped waiting. However the thread is asked to end, it
//! removes what is ours.
//! Deliberately absent: a timer. Each answer of the kernel has a timeout, so a command ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use rebuffer_shape::{Drift, Interfaces, LinkPlan, Minor, StrikeRule, Tree};
use tokio::sync::mpsc;

use super::{Command, Found};
use crate::claim::Claim;
use crate::error::ShaperError;
use crate::link::{InForce, LinkState, PortChange};
use crate::netlink::Netlink;
use crate::sessions::Sessions;
use crate::socket::Settings;

pub(super) struct Thread {
    tree: Tree<Netlink>,
    sessions: Arc<Sessions>,
    interfaces: Arc<[String]>,
    _claim: Claim,
}

impl Thread {
    pub(super) fn prepare(
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

    /// What it found.
    pub(super) fn found(&self) -> Found {
        (self.tree.machine(), self.interfaces.clone())
    }

    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        while let Some(command) = queue.blocking_recv() {
            // First, so that no command meets a class whose link was dropped before it was given.
            self.remove_orphans();
            // An answer that nobody waits for is no failure.
            match command {
                Command::Set(link, plan, reply) => drop(reply.send(self.set(&link, &plan))),
                Command::ChangePorts(link, change, reply) => {
                    drop(reply.send(self.change_ports(&link, change)));
                }
                Command::Strike(link, strike, reply) => drop(reply.send(self.strike(&link, strike))),
                Command::Struck(class, reply) => {
                    drop(reply.send(self.tree.struck(class).map_err(ShaperError::from)))
                }
                Command::Traffic(reply) => drop(reply.send(self.tree.traffic().map_err(ShaperError::from))),
                Command::Audit(reply) => drop(reply.send(self.audit())),
                Command::Detach(link, reply) => drop(reply.send(self.detach(&link))),
                Command::Close(reply) => {
                    let result = self.tree.close().map_err(ShaperError::from);
                    // Whoever hears of the end may begin anew; what still waits in the queue hears that we are closed.
                    drop((self, queue));
                    drop(reply.send(result));
                    return;
                }
                Command::Look => {}
            }
        }
        if let Err(error) = self.tree.close() {
            tracing::error!(%error, "something of ours is left in the kernel");
        }
    }

    fn set(&mut self, link: &LinkState, plan: &LinkPlan) -> Result<InForce, ShaperError> {
        let class = class_of(link)?;
        let (observed, told) = self.tree.set(class, link.ports(), plan)?;
        let in_force = InForce::observed(&observed, plan);
        let result = link.change(|| (in_force, Settings::new(Some(class), plan)));
        self.look_again(told);
        result
    }

    fn strike(&mut self, link: &LinkState, strike: Option<StrikeRule>) -> Result<u64, ShaperError> {
        Ok(self.tree.strike(class_of(link)?, link.ports(), strike)?)
    }

    /// Changes the ports in the kernel, then those of the link, and lets go of the port that it does not have then.
    fn change_ports(&mut self, link: &LinkState, change: PortChange) -> Result<(), ShaperError> {
        let (class, before) = (class_of(link)?, link.ports());
        let after = change.apply(before)?;
        if after == before {
            return Ok(());
        }
        if let PortChange::Join(port) = change {
            self.sessions.claim(class, port)?;
        }
        let done = self.tree.set_ports(class, after).map_err(ShaperError::from);
        let result = done.and_then(|(seen, told)| {
            self.look_again(told);
            link.record_ports(change, &seen)
        });
        match (change, &result) {
            (PortChange::Join(port), Err(_)) | (PortChange::Leave(port), Ok(())) => {
                self.sessions.release(class, port.into());
            }
            (PortChange::Join(_), Ok(())) | (PortChange::Leave(_), Err(_)) => {}
        }
        result
    }

    /// Takes the link down. What fails is tried again before each command.
    fn detach(&mut self, link: &LinkState) -> Result<(), ShaperError> {
        let ports = link.detach();
        let Some(class) = link.class else { return Ok(()) };
        if let Some(ports) = ports {
            self.sessions.release(class, ports);
        }
        self.remove(class).inspect_err(|_| self.sessions.orphan(class))
    }

    fn remove_orphans(&mut self) {
        for class in self.sessions.orphans() {
            if let Err(error) = self.remove(class) {
                tracing::error!(%error, %class, "a class without a session could not be removed yet");
                self.sessions.orphan(class);
            }
        }
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

/// The class of a link that is attached.
fn class_of(link: &LinkState) -> Result<Minor, ShaperError> {
    link.class.filter(|_| !link.is_detached()).ok_or(ShaperError::Detached)
}
