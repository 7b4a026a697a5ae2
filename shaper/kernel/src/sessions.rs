//! Who has which class.
//!
//! Invariant: a class belongs to one link from `attach` until the owner thread has removed it; only then does its
//! number go to rest.
//! Deliberately absent: the classes themselves; the owner thread has them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use rebuffer_shape::{Minor, Minors};

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
    /// Links that were dropped and not detached.
    orphans: Vec<Minor>,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), inner: Mutex::default() }
    }

    /// Takes a class for a new link; none if all are in use.
    pub(crate) fn enter(&self, link: impl FnOnce(Minor) -> LinkState) -> Option<Arc<LinkState>> {
        let mut inner = self.inner.lock();
        let minor = inner.minors.take(self.start.elapsed())?;
        let link = Arc::new(link(minor));
        inner.links.insert(minor, Arc::downgrade(&link));
        Some(link)
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
