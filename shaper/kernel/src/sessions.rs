//! Who has which class, and which ports.
//!
//! Invariant: a class belongs to one link from `attach` until the owner thread has removed it; only then does its
//! number go to rest. A port belongs to one link at a time, until it leaves or the link is detached or dropped.
//! Deliberately absent: the classes themselves; the owner thread has them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use rebuffer_shape::{Minor, Minors, Ports};

use crate::error::ShaperError;
use crate::link::LinkState;

/// The links of a shaper that uses the kernel.
#[derive(Debug)]
pub(crate) struct Sessions {
    start: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    minors: Minors,
    links: BTreeMap<Minor, Weak<LinkState>>,
    ports: BTreeMap<u16, Minor>,
    /// Links that were dropped and not detached.
    orphans: Vec<Minor>,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), inner: Mutex::default() }
    }

    /// Takes a class and its first port for a new link.
    pub(crate) fn enter(
        &self,
        port: u16,
        link: impl FnOnce(Minor) -> LinkState,
    ) -> Result<Arc<LinkState>, ShaperError> {
        let mut inner = self.inner.lock();
        if inner.ports.contains_key(&port) {
            return Err(ShaperError::PortTaken { port });
        }
        let minor = inner.minors.take(self.start.elapsed()).ok_or(ShaperError::Exhausted)?;
        let link = Arc::new(link(minor));
        inner.links.insert(minor, Arc::downgrade(&link));
        inner.ports.insert(port, minor);
        Ok(link)
    }

    /// Takes one more port for a class.
    pub(crate) fn claim(&self, minor: Minor, port: u16) -> Result<(), ShaperError> {
        let mut inner = self.inner.lock();
        let holder = *inner.ports.entry(port).or_insert(minor);
        if holder == minor { Ok(()) } else { Err(ShaperError::PortTaken { port }) }
    }

    /// Lets ports of a class go.
    pub(crate) fn release(&self, minor: Minor, ports: Ports) {
        let mut inner = self.inner.lock();
        for port in ports {
            if inner.ports.get(&port) == Some(&minor) {
                inner.ports.remove(&port);
            }
        }
    }

    /// Sends a class to rest, once.
    pub(crate) fn leave(&self, minor: Minor) {
        let mut inner = self.inner.lock();
        if inner.links.remove(&minor).is_some() {
            let now = self.start.elapsed();
            inner.minors.give_back(minor, now);
        }
    }

    pub(crate) fn orphan(&self, minor: Minor) {
        self.inner.lock().orphans.push(minor);
    }

    pub(crate) fn orphans(&self) -> Vec<Minor> {
        std::mem::take(&mut self.inner.lock().orphans)
    }

    pub(crate) fn links(&self) -> Vec<Arc<LinkState>> {
        self.inner.lock().links.values().filter_map(Weak::upgrade).collect()
    }
}
