//! Silences and ends: a lane held, reset or closed, by a fault or like the origin's. First everything sent must have arrived,
//! because a reset discards what has not, and so does the HTTP machinery when a body fails.
//!
//! Invariant: an end comes down when the HTTP machinery hears of it: a connection of one exchange is dropped, a stream is reset
//! or ended as [`Broken`] says. Where the whole of a shared connection is to end, its listener is told to let it go.

use std::time::Duration;

use rebuffer_model::H2Scope;

use crate::connection::Connection;
use crate::lane::Lane;
use crate::record::Recorder;

const LOOK_EVERY: Duration = Duration::from_millis(4);
/// A client that does not read is cut all the same.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why an answer ends before its end, or there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// The origin's body broke off, or paused for too long.
    #[error("the origin's body broke off")]
    Origin,
    /// A script resets.
    #[error("reset by a fault")]
    Reset,
    /// A script closes.
    #[error("closed by a fault")]
    Closed,
    /// A script ends the answer in order before it is whole.
    #[error("ended early by a fault")]
    EndedEarly,
}

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

/// Says nothing for so long. A client that leaves ends it, because then nobody waits for this any more.
pub(super) async fn hold(recorder: &mut Recorder, ms: u64) {
    recorder.holds();
    tokio::time::sleep(Duration::from_millis(ms)).await;
    recorder.held();
}

/// Resets the lane.
pub(super) async fn reset(recorder: &mut Recorder, sent: u64, scope: H2Scope) -> Broken {
    let lane = recorder.lane().clone();
    let arrived = tokio::time::timeout(PATIENCE, arrival(&lane, sent)).await;
    let socket = if ends_connection(&lane, scope) { lane.connection().reset_on_close() } else { Ok(()) };
    match (socket, arrived) {
        (Err(error), _) => recorder.not_performed(&format!("closed_without_reset: {error}")),
        (Ok(()), Err(_elapsed)) => recorder.not_performed("reset_before_the_prefix_arrived"),
        (Ok(()), Ok(())) => recorder.performed_on(scope),
    }
    recorder.cut();
    let_go(&lane, scope);
    Broken::Reset
}

/// Closes the lane in order.
pub(super) async fn close(recorder: &mut Recorder, sent: u64, scope: H2Scope) -> Broken {
    let lane = recorder.lane().clone();
    match tokio::time::timeout(PATIENCE, arrival(&lane, sent)).await {
        Ok(()) => recorder.performed_on(scope),
        Err(_elapsed) => recorder.not_performed("closed_before_the_prefix_arrived"),
    }
    recorder.cut();
    let_go(&lane, scope);
    Broken::Closed
}

/// Ends the answer as if it were whole.
pub(super) async fn end_early(recorder: &mut Recorder, sent: u64) -> Broken {
    let lane = recorder.lane().clone();
    // The end of a stream follows its bytes by itself.
    if !lane.is_stream() && tokio::time::timeout(PATIENCE, arrival(&lane, sent)).await.is_err() {
        recorder.not_performed("closed_before_the_prefix_arrived");
    } else {
        recorder.performed_on(H2Scope::Stream);
    }
    recorder.cut();
    Broken::EndedEarly
}

/// Waits until the client has what was sent, and makes the coming close a reset if the origin's was one.
pub(super) async fn end_like_the_origin(lane: &Lane, sent: u64, how: Breach, patience: Duration) {
    let _patience = tokio::time::timeout(patience, arrival(lane, sent)).await;
    if how == Breach::Reset && !lane.is_stream() {
        // A close in order cuts the body as well.
        let _best_effort = lane.connection().reset_on_close();
    }
}

fn ends_connection(lane: &Lane, scope: H2Scope) -> bool {
    !lane.is_stream() || scope == H2Scope::Connection
}

/// A connection of one exchange is let go of with its body; a shared one must be told.
fn let_go(lane: &Lane, scope: H2Scope) {
    if lane.is_stream() && scope == H2Scope::Connection {
        lane.connection().end();
    }
}

/// Waits until what was handed over has been written by the HTTP machinery and acknowledged by the client. The machinery
/// writes whenever the socket takes bytes, so two looks at an empty socket with nothing written between them are enough. On
/// a shared connection others may write all the time; there, what had been written by the first look is waited for.
async fn arrival(lane: &Lane, sent: u64) {
    let connection: &Connection = lane.connection();
    let mut before = None;
    let mut mark = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let written = connection.written();
        let Some(outstanding) = connection.outstanding() else { return };
        let empty = outstanding.none;
        if empty && (written >= sent || lane.is_stream()) && before == Some(written) {
            return;
        }
        if lane.is_stream()
            && outstanding.snapshot.bytes_acked >= *mark.get_or_insert(written)
            && before.is_some()
        {
            return;
        }
        before = empty.then_some(written);
    }
}
