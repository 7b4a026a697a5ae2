//! Where one exchange runs: a connection on which one request follows the other, or one stream of a connection that others share.
//!
//! Invariant: whoever ends an exchange ends its lane and nothing else, unless a rule asks for the whole connection.
//! Deliberately absent: HTTP. See `listen/` for how a lane that was cut comes down.

use std::sync::{Arc, Weak};

use tokio_util::sync::CancellationToken;

use crate::connection::Connection;

/// Where one exchange runs.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    connection: Arc<Connection>,
    /// Absent when the whole connection is the exchange's, for as long as it lasts.
    stream: Option<CancellationToken>,
}

/// A lane seen from outside, which keeps nothing of it open.
#[derive(Debug, Clone)]
pub(crate) struct FarLane {
    connection: Weak<Connection>,
    stream: Option<CancellationToken>,
}

impl FarLane {
    /// The lane, while its connection lasts. To be let go of at once.
    pub(crate) fn near(&self) -> Option<Lane> {
        Some(Lane { connection: self.connection.upgrade()?, stream: self.stream.clone() })
    }
}

impl Lane {
    /// A connection on which one request follows the other.
    pub(crate) fn alone(connection: Arc<Connection>) -> Self {
        Self { connection, stream: None }
    }

    /// A stream beside others; it comes down when `cut` is cancelled.
    pub(crate) fn stream(connection: Arc<Connection>, cut: CancellationToken) -> Self {
        Self { connection, stream: Some(cut) }
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub(crate) fn far(&self) -> FarLane {
        FarLane { connection: Arc::downgrade(&self.connection), stream: self.stream.clone() }
    }

    /// Takes the lane down, whatever is being written to it.
    pub(crate) fn cut(&self) {
        match &self.stream {
            Some(stream) => stream.cancel(),
            None => self.connection.end(),
        }
    }

    /// Whether other exchanges may run on the same connection.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }
}
