//! The frames of `GET /api/v2/timeseries` that are not rows.
//!
//! Order: `meta`; rows in time order; `backfill_complete`; rows as they happen; `complete` or `stream_error` at the end.
//! `heartbeat` and `lag` come in between. Rows are frames called `event`, `network` and `control`.

use std::collections::BTreeMap;

use rebuffer_model::{Position, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::Count;

/// `meta`: what will come.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SeriesMeta {
    /// The streams.
    pub streams: Vec<&'static str>,
    /// The columns of each stream, in order.
    pub columns: BTreeMap<&'static str, Vec<&'static str>>,
    /// Whether rows will follow as they happen.
    pub live: bool,
    /// Reports without a label come at most once per so many milliseconds and play.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stride_ms: Option<u64>,
    /// The window begins here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// And ends before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// `backfill_complete`: what was is told; what follows happens now. From here on every frame of a row has an `id`, and
/// `Last-Event-ID` takes up behind it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BackfillComplete {
    /// Rows that were told.
    pub rows: Count,
    /// The position up to which they were told.
    pub position: Position,
}

/// `heartbeat`: every 15 s.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Heartbeat {
    /// The rig's clock.
    pub ts: Timestamp,
}

/// `lag`: the client read too slowly and rows were left out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Lag {
    /// How many.
    pub lost: Count,
}

/// `complete`: nothing will follow.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Complete {
    /// Why.
    pub reason: CompleteReason,
}

/// Why a series is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompleteReason {
    /// The window lies behind.
    WindowOver,
    /// The play's session ended.
    PlayOver,
    /// The rig stops.
    Shutdown,
}

/// `stream_error`: what was is not told to its end; ask again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StreamError {
    /// What went wrong.
    pub message: String,
}
