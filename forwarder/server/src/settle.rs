//! Brings the rows of a lane into the archive, each exactly once.
//!
//! # The argument
//! The feed is a numbered log that never changes and never uses a number twice. A lane holds the rows of one table in that order.
//!
//! **Prefix.** At every moment the archive holds, of each source and table, the rows up to some position and none behind it.
//! An insert takes the first rows of the lane and only they are in flight; the next insert begins when this one is settled. An
//! insert is one block of one partition (batches end where the day does), so it appears whole or not at all. Hence `max(id)`
//! says everything about what the archive has, and is read, never remembered: at the start, and after every insert, whatever the
//! insert's own answer was.
//!
//! **Once.** The token of an insert is `source : table : first id`. Of all inserts that attach at the same place, by this process
//! or by one before it, of whatever length, at most one takes effect. An insert that was given up (a timeout, a killed process)
//! may still come to be: then it attached at a place where we attach as well, with the same token. Whichever came first counts,
//! `max(id)` tells how long it was, and the lane goes on behind it. Later places are attached to only after that.
//! The archive remembers the last 1,000 tokens of a table; one insert is made per place, so a late insert would have to be
//! overtaken by 1,000 others on its way.
//!
//! **Not lost.** An archive that is killed between noting a token and making the rows visible would refuse them for ever: the
//! insert is answered with success and `max(id)` has not moved. The archive decides about a token and makes rows visible in one
//! critical section, so after an *answered* insert that is no race but such an orphan, and the rows are sent again
//! with the next generation of the token. The orphan itself keeps the given-up insert out.
//!
//! Not answered, or refused, and not there: the same rows and token again, fewer of them, after a pause. Fewer is no other
//! insert, because the token names the place and not the length.

use std::sync::Arc;
use std::time::Duration;

use rebuffer_archive::Error;
use rebuffer_model::Position;

use crate::core::{Core, Shared};
use crate::ledger::MAX_BATCH;
use crate::row::{Row, Stream};
use crate::status::Part;
use crate::tasks::Backoff;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// An archive in trouble is not asked for less than this at a time.
const SMALLEST: usize = 500;

/// Settles the rows of one lane, for ever.
pub(crate) async fn run(core: Shared, stream: Stream) {
    let part = Part::Table(stream.table().name);
    let mut pause = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut most = MAX_BATCH;
    let mut place = Place::default();
    loop {
        let batch = core.ledger.batch(stream, most).await;
        let Some(first) = batch.first().map(|row| row.id()) else { continue };
        place.attach(first);
        match attempt(&core, stream, &batch, place).await {
            Ok(Some(upto)) => {
                let rows = batch.iter().filter(|row| row.id() <= upto).count();
                core.ledger.settle(stream, upto);
                core.metrics.inserted(stream, u64::try_from(rows).unwrap_or(u64::MAX));
                core.well(part);
                pause.reset();
                most = MAX_BATCH;
            }
            Ok(None) => {
                tracing::warn!(table = stream.table().name, %first, "the archive knows the token but not the rows");
                core.metrics.retried(stream);
                place.generation += 1;
            }
            Err(error) => {
                core.metrics.retried(stream);
                core.trouble(part, &format!("rows wait for the archive: {}", error.in_full()));
                most = (batch.len() / 2).max(SMALLEST);
                pause.wait().await;
            }
        }
    }
}

/// Where the next insert attaches, and which generation of the token it needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    first: Option<Position>,
    generation: u32,
}

impl Place {
    fn attach(&mut self, first: Position) {
        if self.first != Some(first) {
            *self = Self { first: Some(first), generation: 0 };
        }
    }

    fn token(self, source: &str, stream: Stream) -> String {
        let first = self.first.unwrap_or(Position(0));
        format!("{source}:{}:{first}:{}", stream.table().name, self.generation)
    }
}

/// One insert, and then a look at what the archive has: how far it reaches, if as far as the batch begins.
/// `None` after an insert that was answered with success and left nothing.
async fn attempt(
    core: &Core,
    stream: Stream,
    batch: &[Arc<Row>],
    place: Place,
) -> Result<Option<Position>, Error> {
    let source = &core.config.source;
    let first = place.first.unwrap_or(Position(0));
    let inserted = insert(core, stream, batch, &place.token(source, stream)).await;
    let newest = core.archive.newest(stream.table(), source, first).await;
    match (inserted, newest) {
        (_, Ok(Some(newest))) => Ok(Some(newest)),
        (Ok(()), Ok(None)) => Ok(None),
        (Err(error), Ok(None) | Err(_)) | (Ok(()), Err(error)) => Err(error),
    }
}

async fn insert(core: &Core, stream: Stream, batch: &[Arc<Row>], token: &str) -> Result<(), Error> {
    let rows = batch.iter();
    match stream {
        Stream::Events => core.archive.insert(rows.filter_map(|row| row.session()), token).await,
        Stream::Network => core.archive.insert(rows.filter_map(|row| row.network()), token).await,
        Stream::Control => core.archive.insert(rows.filter_map(|row| row.control()), token).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_the_place_and_not_the_length() {
        let mut place = Place::default();
        place.attach(Position(7));
        place.generation += 1;
        assert_eq!(place.token("proxy", Stream::Events), "proxy:session_events:7:1");
        place.attach(Position(7));
        assert_eq!(place.generation, 1, "the same place keeps its generation");
        place.attach(Position(8));
        assert_eq!(place.token("proxy", Stream::Control), "proxy:control_events:8:0");
    }
}
