//! The traces the rig keeps, read once and shared by all who play them.
//!
//! Invariant: what is here is stored, and a trace that a player's pattern names is here. Whoever names one holds `naming` from
//! looking it up to having stored that it does; whoever removes one waits for all of those.
//! Deliberately absent: reading files (see the shaper's plan), and playing (see `sessions/conduct.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use rebuffer_model::{Trace, TraceName};

/// The most traces that are kept.
pub(crate) const MAX_TRACES: usize = 100;

/// The traces by name.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    all: RwLock<BTreeMap<TraceName, Arc<Trace>>>,
    /// Shared by those who name a trace, exclusive to who changes them.
    pub(crate) naming: tokio::sync::RwLock<()>,
}

impl Traces {
    pub(crate) fn restored(stored: Vec<(TraceName, Trace)>) -> Self {
        let all = stored.into_iter().map(|(name, trace)| (name, Arc::new(trace))).collect();
        Self { all: RwLock::new(all), ..Self::default() }
    }

    pub(crate) fn get(&self, name: &TraceName) -> Option<Arc<Trace>> {
        self.all.read().get(name).cloned()
    }

    /// All of them, by name.
    pub(crate) fn list(&self) -> Vec<(TraceName, Arc<Trace>)> {
        self.all.read().iter().map(|(name, trace)| (name.clone(), Arc::clone(trace))).collect()
    }

    /// Puts a trace under a name, once it is stored; true if there was none before.
    pub(crate) fn put(&self, name: TraceName, trace: Arc<Trace>) -> bool {
        self.all.write().insert(name, trace).is_none()
    }

    /// Forgets a trace, once it is not stored any more.
    pub(crate) fn remove(&self, name: &TraceName) {
        self.all.write().remove(name);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.all.read().len() >= MAX_TRACES
    }
}
