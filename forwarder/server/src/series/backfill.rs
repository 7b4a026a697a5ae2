//! The past of a series: the streams, each from the archive and then from the ledger, merged by time.
//!
//! Invariant: rows come in the order of `(ts, id)`; memory holds one page per stream, whatever the length of the past.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use rebuffer_archive::{Bound, Error, Order, RowCursor, RowQuery, Test};
use rebuffer_model::{Position, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::thin::{Key, key};
use super::{Part, Plan};
use crate::core::Core;
use crate::row::{Row, Stream};

/// Rows that are fetched at once.
const PAGE: u32 = 4_000;

/// A row of the past.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) stream: Stream,
    pub(super) ts: Timestamp,
    id: Position,
    pub(super) json: String,
    pub(super) key: Key,
    pub(super) labelled: bool,
    /// Whether rows of its stream stand for each other.
    pub(super) thins: bool,
}

/// All streams.
pub(super) struct Backfill<'a> {
    core: &'a Core,
    sources: Vec<Source<'a>>,
}

/// One stream.
struct Source<'a> {
    part: &'a Part,
    query: RowQuery,
    archive_is_done: bool,
    page: VecDeque<Past>,
    waiting: VecDeque<Arc<Row>>,
}

/// What is needed of a row beyond its text.
#[derive(Deserialize)]
struct Head {
    ts: Timestamp,
    id: Position,
    player_id: String,
    play_id: String,
    attempt_id: u32,
    labels: Vec<IgnoredAny>,
}

impl<'a> Backfill<'a> {
    pub(super) fn new(
        core: &'a Core,
        plan: &'a Plan,
        waiting: [Vec<Arc<Row>>; 3],
        settled: [Position; 3],
    ) -> Self {
        let source = |part: &'a Part| {
            let index = part.stream.index();
            let waiting = waiting[index].iter().filter(|row| plan.part_of(row).is_some());
            let mut waiting: Vec<_> = waiting.cloned().collect();
            waiting.sort_by_key(|row| (row.ts(), row.id()));
            Source {
                part,
                query: part.query(core, plan, settled[index]),
                archive_is_done: false,
                page: VecDeque::new(),
                waiting: waiting.into(),
            }
        };
        Self { core, sources: plan.parts.iter().map(source).collect() }
    }

    /// The next row of all streams.
    pub(super) async fn next(&mut self) -> Result<Option<Past>, Error> {
        for source in &mut self.sources {
            source.fill(self.core).await?;
        }
        let first = |source: &Source<'_>| source.page.front().map(|past| (past.ts, past.id));
        let earliest = self
            .sources
            .iter_mut()
            .filter(|source| first(source).is_some())
            .min_by_key(|source| first(source));
        Ok(earliest.and_then(|source| source.page.pop_front()))
    }
}

impl Source<'_> {
    /// Has at least one row at hand, unless there is none any more.
    async fn fill(&mut self, core: &Core) -> Result<(), Error> {
        if !self.page.is_empty() {
            return Ok(());
        }
        if !self.archive_is_done {
            let rows = core.archive.rows(&self.query)?.collect().await?;
            self.archive_is_done = rows.len() < usize::try_from(self.query.limit).unwrap_or(usize::MAX);
            self.page = rows.iter().filter_map(|row| self.part.archived(row)).collect();
            if let Some(last) = self.page.back() {
                self.query.after = Some(RowCursor { ts: last.ts, id: last.id });
            }
        }
        if self.page.is_empty() || self.archive_is_done {
            let waiting = std::mem::take(&mut self.waiting);
            self.page.extend(waiting.iter().map(|row| self.part.waiting(row)));
            // What waited is behind what was archived in position, and hardly ever before it in time.
            self.page.make_contiguous().sort_by_key(|past| (past.ts, past.id));
        }
        Ok(())
    }
}

impl Part {
    fn query(&self, core: &Core, plan: &Plan, settled: Position) -> RowQuery {
        let table = self.stream.table();
        let mut filter = self.filter.clone();
        if let Some(resume) = plan.resume {
            super::add(filter.and(table, "id", Test::AtLeast, Bound::Number(resume.next().0)));
        }
        RowQuery {
            table,
            columns: self.columns.clone(),
            filter,
            order: Order::Ascending,
            limit: PAGE,
            after: None,
            stride: plan.stride.filter(|_| self.thins()),
            not_beyond: Some((core.config.source.clone(), settled)),
        }
    }

    fn thins(&self) -> bool {
        self.stream == Stream::Events
    }

    fn archived(&self, row: &Bytes) -> Option<Past> {
        let json = std::str::from_utf8(row).ok()?.to_owned();
        let head = serde_json::from_str::<Head>(&json)
            .inspect_err(|error| tracing::error!(%error, "the archive sent a row that is not understood"))
            .ok()?;
        Some(Past {
            stream: self.stream,
            ts: head.ts,
            id: head.id,
            json,
            key: (head.player_id, head.play_id, head.attempt_id),
            labelled: !head.labels.is_empty(),
            thins: self.thins(),
        })
    }

    fn waiting(&self, row: &Arc<Row>) -> Past {
        Past {
            stream: self.stream,
            ts: row.ts(),
            id: row.id(),
            json: row.json(&self.columns),
            key: key(row.head()),
            labelled: !row.head().labels.is_empty(),
            thins: self.thins(),
        }
    }
}
