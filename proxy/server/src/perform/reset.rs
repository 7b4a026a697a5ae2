//! The step that resets the connection: first everything sent must have arrived, because a reset discards what has not.
//!
//! Invariant: the reset itself happens when the HTTP machinery drops the socket, which the caller brings about by ending the
//! body with an error. Deliberately absent: TLS and HTTP/2.

use std::time::Duration;

use crate::connection::Connection;

const LOOK_EVERY: Duration = Duration::from_millis(4);
/// A client that does not read is reset all the same.
const PATIENCE: Duration = Duration::from_secs(10);

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
