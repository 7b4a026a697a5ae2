//! A session at one of its ports: each port leads to one origin.
//!
//! Invariant: a session has at most [`MAX_PORTS`], each for another origin, and all of them are on its one link.
//! Deliberately absent: how a port is opened (see `reach.rs`).

use std::ops::Deref;
use std::sync::Arc;

use http::header::HeaderValue;
use rebuffer_media::{Address, OriginId};

use super::Session;
use crate::origin::Origin;

/// The most ports of one session.
pub(crate) const MAX_PORTS: usize = 16;

/// A port of a session.
#[derive(Debug)]
pub(crate) struct SessionPort {
    pub(crate) port: u16,
    pub(crate) origin: Arc<Origin>,
    /// The origin's number in what the session has learned.
    pub(crate) id: OriginId,
}

/// A session at one of its ports.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    session: Arc<Session>,
    at: Arc<SessionPort>,
}

impl Endpoint {
    pub(crate) fn new(session: Arc<Session>, at: Arc<SessionPort>) -> Self {
        Self { session, at }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn origin(&self) -> &Arc<Origin> {
        &self.at.origin
    }

    /// The origin's number in what the session has learned.
    pub(crate) fn origin_id(&self) -> OriginId {
        self.at.id
    }

    pub(crate) fn port(&self) -> u16 {
        self.at.port
    }

    /// Something on its origin.
    pub(crate) fn address(&self, target: &str) -> Address {
        Address { origin: self.at.id, target: target.to_owned() }
    }

    /// A player was led from the base port to here, perhaps by a page.
    pub(crate) fn remember_start(&self, path: &str, query: Option<&str>, page: Option<&HeaderValue>) {
        let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        self.session.learned.graph.lock().begin_at(self.at.id, &target);
        if let Some(page) = page {
            self.session.led_pages.lead(self.address(&target), page.clone());
        }
    }
}

impl Deref for Endpoint {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.session
    }
}
