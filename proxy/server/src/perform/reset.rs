//! Ends of a connection in the middle of a body, by a fault or like the origin's: first everything sent must have arrived,
//! because a reset discards what has not, and so does the HTTP machinery when a body fails.
//!
//! Invariant: the end itself comes when the HTTP machinery drops the socket, which the caller brings about by ending the
//! body with an error. Deliberately absent: TLS and HTTP/2.

use std::time::Duration;

use crate::connection::Connection;

const LOOK_EVERY: Duration = Duration::from_millis(4);
/// A client that does not read is reset all the same.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the origin's connection broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    /// It was closed too early, or went silent.
    Ended,
    /// It was reset.
    Reset,
}

impl Breach {
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        let io = causes.find_map(|cause| cause.downcast_ref::<std::io::Error>());
        match io.map(std::io::Error::kind) {
            Some(std::io::ErrorKind::ConnectionReset) => Self::Reset,
            Some(_) | None => Self::Ended,
        }
    }
}

/// Waits until the client has what was sent, and makes the coming close a reset if the origin's was one.
pub(super) async fn end_like_the_origin(connection: &Connection, sent: u64, how: Breach, patience: Duration) {
    let _patience = tokio::time::timeout(patience, arrival(connection, sent)).await;
    if how == Breach::Reset {
        // A close in order cuts the body as well.
        let _best_effort = connection.reset_on_close();
    }
}

/// Makes the coming close a reset; says what was done instead when it is not what was meant.
pub(super) async fn reset(connection: &Connection, sent: u64) -> Option<String> {
    let arrived = tokio::time::timeout(PATIENCE, arrival(connection, sent)).await;
    match (connection.reset_on_close(), arrived) {
        (Err(error), _) => Some(format!("closed_without_reset: {error}")),
        (Ok(()), Err(_elapsed)) => Some("reset_before_the_prefix_arrived".to_owned()),
        (Ok(()), Ok(())) => None,
    }
}

/// Waits until what was handed over has been written by the HTTP machinery and acknowledged by the client. The machinery
/// writes whenever the socket takes bytes, so two looks at an empty socket with nothing written between them are enough.
async fn arrival(connection: &Connection, sent: u64) {
    let mut before = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let written = connection.written();
        let empty = connection.outstanding().is_none_or(|outstanding| outstanding.none);
        if empty && written >= sent && before == Some(written) {
            return;
        }
        before = empty.then_some(written);
    }
}
