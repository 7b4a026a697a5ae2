//! What happens before the first record: the schema is brought up to date, and the archive is asked how far it has come.
//!
//! Invariant: nothing is inserted or followed before both succeeded.

use std::time::Duration;

use rebuffer_archive::Error;
use rebuffer_model::Position;
use tokio_util::task::TaskTracker;

use crate::core::{Core, Shared};
use crate::row::Stream;
use crate::status::Part;
use crate::tasks::{Backoff, spawn};
use crate::{clock, follow, settle};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often it is noted how far everything is.
const NOTE_EVERY: u32 = 10;

/// Prepares the archive, then starts everything else.
pub(crate) async fn run(core: Shared, tracker: TaskTracker) {
    let mut pause = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let settled = loop {
        match prepare(&core).await {
            Ok(settled) => break settled,
            Err(error) => {
                core.trouble(Part::Archive, &error.in_full());
                pause.wait().await;
            }
        }
    };
    let resume = core.ledger.resume(settled);
    tracing::info!(%resume, "the archive is prepared");
    core.well(Part::Archive);
    for (stream, name) in Stream::ALL.into_iter().zip(["settle events", "settle network", "settle control"]) {
        spawn(&tracker, &core, name, settle::run(Shared::clone(&core), stream));
    }
    spawn(&tracker, &core, "follow", follow::run(Shared::clone(&core), resume));
    spawn(&tracker, &core, "look after", look_after(Shared::clone(&core)));
}

/// How far the archive has come, per stream.
async fn prepare(core: &Core) -> Result<[Position; 3], Error> {
    core.monitor.schema(core.archive.migrate().await?);
    let source = &core.config.source;
    let noted = core.archive.progress(source).await?.unwrap_or(Position(0));
    let mut settled = [noted; 3];
    for stream in Stream::ALL {
        let newest = core.archive.newest(stream.table(), source, noted).await?;
        settled[stream.index()] = newest.unwrap_or(noted);
    }
    Ok(settled)
}

/// Keeps the status fresh, and notes now and then how far everything is.
async fn look_after(core: Shared) {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    let mut noted = Position(0);
    for count in 1_u32.. {
        tick.tick().await;
        core.refresh();
        let settled = core.ledger.standing().settled;
        if count.is_multiple_of(NOTE_EVERY) && settled > noted {
            match core.archive.note_progress(&core.config.source, settled, clock::now()).await {
                Ok(()) => noted = settled,
                // The note only saves work; the rows say the same.
                Err(error) => tracing::debug!(error = error.in_full(), "progress was not noted"),
            }
        }
    }
}
