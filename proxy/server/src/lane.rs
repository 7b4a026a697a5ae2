//! Where one exchange runs: a connection on which one request follows the other, or one stream of a connection that others share.
//!
//! Invariant: whoever ends an exchange ends its lane and nothing else, unless a rule asks for the whole connection.
//! Deliberately absent: HTTP. See `listen/` for how a lane that was cut comes down.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::connection::Connection;

/// Where one exchange runs.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    connection: Arc<Connection>,
    /// Absent when the whole connection is the exchange's, for as long as it lasts.
    stream: Option<CancellationToken>,
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

    /// Whether other exchanges may run on the same connection.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }
}
