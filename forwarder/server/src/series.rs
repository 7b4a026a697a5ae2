//! A time series: what was, then what is, of one player, play or session, without a gap or a repeat.
//!
//! The past comes in time order from the archive and, its last moments, from the ledger; the present comes as it is published.
//! Where one ends and the other begins was decided in one step of the ledger (see there). Rows of the past have no frame id,
//! because time order is not the order of positions; `backfill_complete` has the position up to which everything was told, and
//! from there on ids grow. So `Last-Event-ID` either takes up exactly or begins anew.
//! Deliberately absent: what callers may ask (see the API).

mod backfill;
mod frame;
mod thin;

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::response::sse::Event;
use rebuffer_api::archive::{
    BackfillComplete, Complete, CompleteReason, Count, Heartbeat, Lag, SeriesMeta, StreamError,
};
use rebuffer_archive::{Bound, Error, Filter, Order, RowQuery, Test};
use rebuffer_model::{Millis, Position, Timestamp};
use tokio::sync::mpsc;

use crate::clock;
use crate::core::{Core, Shared};
use crate::ledger::{Interest, Subscription};
use crate::row::{Row, Stream};
use crate::tasks::spawn_for_caller;
use backfill::Backfill;
use frame::{Gone, Outlet};
use thin::Thinner;

/// Frames that may wait for the connection.
const QUEUE: usize = 64;
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Rows of a window that has just ended may still be on their way.
const LATE: Duration = Duration::from_secs(2);

/// What a series is made of.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
    pub(crate) interest: Interest,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    pub(crate) live: bool,
    pub(crate) stride: Option<Millis>,
    /// Only what lies behind this position.
    pub(crate) resume: Option<Position>,
}

/// One stream of a series.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) stream: Stream,
    pub(crate) columns: Vec<usize>,
    pub(crate) filter: Filter,
}

/// Starts to tell; the frames come through the channel until it closes.
pub(crate) fn start(core: Shared, plan: Plan) -> mpsc::Receiver<Result<Event, std::convert::Infallible>> {
    let (sender, frames) = mpsc::channel(QUEUE);
    // Now, and not when the task comes to run: what happens from here on belongs to the series.
    let subscription = core.ledger.subscribe(plan.interest.clone());
    let shared = Shared::clone(&core);
    let tell = async move {
        let outlet = Outlet::new(sender);
        tokio::select! {
            told = tell(&core, &plan, subscription, &outlet) => {
                if let Err(Gone) = told {
                    tracing::debug!("the reader of a series went away");
                }
            }
            _ = beat(&outlet) => {}
        }
    };
    spawn_for_caller(shared, "series", tell);
    frames
}

async fn beat(outlet: &Outlet) -> Result<(), Gone> {
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
    loop {
        tick.tick().await;
        outlet.send("heartbeat", None, &Heartbeat { ts: clock::now() }).await?;
    }
}

async fn tell(core: &Core, plan: &Plan, subscription: Subscription, outlet: &Outlet) -> Result<(), Gone> {
    outlet.send("meta", None, &plan.meta()).await?;
    let read = subscription.read;
    let Subscription { waiting, settled, rows, lost, .. } = subscription;
    let mut thinner = Thinner::new(plan.stride);
    let mut backfill = Backfill::new(core, plan, waiting, settled);
    let mut told = 0;
    let broken = loop {
        match backfill.next().await {
            Ok(Some(past)) => {
                if !past.thins || thinner.keeps(&past.key, past.ts, past.labelled) {
                    told += 1;
                    outlet.raw(past.stream.frame(), None, past.json).await?;
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    if let Some(error) = broken {
        return outlet.failed(&error).await;
    }
    let told = BackfillComplete { rows: Count(told), position: read };
    outlet.send("backfill_complete", Some(read), &told).await?;
    let over = match after_the_past(core, plan).await {
        Ok(over) => over,
        Err(error) => return outlet.failed(&error).await,
    };
    let reason = match over {
        Some(reason) => reason,
        None => Live { core, plan, thinner }.tell(rows, &lost, outlet).await?,
    };
    outlet.send("complete", None, &Complete { reason }).await
}

/// Whether nothing can follow any more.
async fn after_the_past(core: &Core, plan: &Plan) -> Result<Option<CompleteReason>, Error> {
    if !plan.live {
        return Ok(Some(CompleteReason::WindowOver));
    }
    let over = plan.interest.play_id.is_some() && plan.play_has_ended(core).await?;
    Ok(over.then_some(CompleteReason::PlayOver))
}

/// The present.
struct Live<'a> {
    core: &'a Core,
    plan: &'a Plan,
    thinner: Thinner,
}

impl Live<'_> {
    async fn tell(
        mut self,
        mut rows: mpsc::Receiver<std::sync::Arc<Row>>,
        lost: &std::sync::atomic::AtomicU64,
        outlet: &Outlet,
    ) -> Result<CompleteReason, Gone> {
        let window = self.window();
        tokio::pin!(window);
        loop {
            let row = tokio::select! {
                row = rows.recv() => row,
                () = &mut window => return Ok(CompleteReason::WindowOver),
                () = self.core.stop.cancelled() => return Ok(CompleteReason::Shutdown),
                () = outlet.gone() => return Err(Gone),
            };
            let Some(row) = row else { return Ok(CompleteReason::Shutdown) };
            let missed = lost.swap(0, Ordering::Relaxed);
            if missed > 0 {
                outlet.send("lag", None, &Lag { lost: Count(missed) }).await?;
            }
            if let Some(part) = self.plan.part_of(&row)
                && self.keeps(&row)
            {
                outlet.raw(part.stream.frame(), Some(row.id()), row.json(&part.columns)).await?;
            }
            if self.plan.interest.play_id.is_some() && row.ends_session() {
                return Ok(CompleteReason::PlayOver);
            }
        }
    }

    fn keeps(&mut self, row: &Row) -> bool {
        row.stream() != Stream::Events
            || self.thinner.keeps(&thin::key(row.head()), row.ts(), !row.head().labels.is_empty())
    }

    /// Ends when the window does.
    fn window(&self) -> impl Future<Output = ()> + use<> {
        let left = self.plan.to.map(|to| (to.as_millis() - clock::now().as_millis()).max(0));
        async move {
            match left {
                None => std::future::pending().await,
                Some(millis) => {
                    let left = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
                    tokio::time::sleep(left.saturating_add(LATE)).await;
                }
            }
        }
    }
}

impl Plan {
    fn meta(&self) -> SeriesMeta {
        let columns = self.parts.iter().map(|part| {
            let all: Vec<_> = part.stream.table().columns().collect();
            let names = part.columns.iter().filter_map(|index| Some(all.get(*index)?.name)).collect();
            (part.stream.name(), names)
        });
        SeriesMeta {
            streams: self.parts.iter().map(|part| part.stream.name()).collect(),
            columns: columns.collect(),
            live: self.live,
            stride_ms: self.stride.map(|stride| stride.0),
            from: self.from,
            to: self.to,
        }
    }

    /// The part a row belongs to, if it lies in the window and behind where the caller takes up.
    fn part_of(&self, row: &Row) -> Option<&Part> {
        let inside = self.from.is_none_or(|from| row.ts() >= from)
            && self.to.is_none_or(|to| row.ts() < to)
            && self.resume.is_none_or(|resume| row.id() > resume);
        self.parts.iter().find(|part| inside && part.stream == row.stream())
    }

    /// Whether the play's session ended and nothing of the play came after.
    async fn play_has_ended(&self, core: &Core) -> Result<bool, Error> {
        let end = self.ask(Stream::Control, |filter| {
            filter.and(Stream::Control.table(), "event", Test::Is, Bound::Text("session_end".into()))
        });
        let Some(end) = newest(core, &end).await? else { return Ok(false) };
        for stream in [Stream::Events, Stream::Network] {
            let after = Bound::Instant(Timestamp::from_millis(end.as_millis() + 1));
            let after = self.ask(stream, |filter| filter.and(stream.table(), "ts", Test::AtLeast, after));
            if newest(core, &after).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The newest row of the play that meets one more condition.
    fn ask(&self, stream: Stream, condition: impl FnOnce(&mut Filter) -> Result<(), String>) -> RowQuery {
        let table = stream.table();
        let mut filter = Filter::default();
        let texts = [("player_id", &self.interest.player_id), ("play_id", &self.interest.play_id)];
        for (column, value) in texts {
            if let Some(value) = value {
                add(filter.and(table, column, Test::Is, Bound::Text(value.clone())));
            }
        }
        add(condition(&mut filter));
        RowQuery {
            table,
            columns: table.column("ts").map(|(index, _)| index).into_iter().collect(),
            filter,
            order: Order::Descending,
            limit: 1,
            after: None,
            stride: None,
            not_beyond: None,
        }
    }
}

async fn newest(core: &Core, query: &RowQuery) -> Result<Option<Timestamp>, Error> {
    #[derive(serde::Deserialize)]
    struct When {
        ts: Timestamp,
    }
    let row = core.archive.rows(query)?.next().await?;
    Ok(row.and_then(|row| serde_json::from_slice::<When>(&row).ok()).map(|when| when.ts))
}

/// The columns of these filters are our own words.
fn add(added: Result<(), String>) {
    if let Err(column) = added {
        tracing::error!(column, "a filter names a column that does not exist");
        debug_assert!(false, "no column {column}");
    }
}

impl Outlet {
    async fn failed(&self, error: &Error) -> Result<(), Gone> {
        tracing::warn!(error = error.in_full(), "a series broke off");
        let message = "the archive did not tell the past to its end; ask again".to_owned();
        self.send("stream_error", None, &StreamError { message }).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_comes_every_15_s_from_the_start() {
        let (sender, mut frames) = mpsc::channel(1);
        tokio::spawn(async move { beat(&Outlet::new(sender)).await });
        let began = Instant::now();
        for beats in 1..=3 {
            assert!(frames.recv().await.is_some());
            assert_eq!(began.elapsed(), HEARTBEAT * beats);
        }
    }
}
