//! The views of the archive API: pages of rows, plays, the vocabulary of labels, and the frames of a time series.
//!
//! Invariant: 64-bit integers are strings in JSON, instants RFC 3339 with `Z`, `from` is inclusive and `to` exclusive.
//! Deliberately absent: the columns of a row, which come from the tables.

mod play;
mod query;
mod series;

pub use play::{Count, PlaySummary};
pub use query::{
    ControlQuery, Direction, EventsQuery, Flag, NetworkQuery, Paging, PlayFilter, RowOrder, ScopeQuery,
    SeriesQuery,
};
pub use series::{BackfillComplete, Complete, CompleteReason, Heartbeat, Lag, SeriesMeta, StreamError};

use serde::Serialize;
use utoipa::ToSchema;

/// A part of a list, in the order that was asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next part begins, for the parameter `cursor`; null at the end.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// A label that events can have.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LabelView {
    /// The label: `<severity>=<event>`, with `*` before an event the rig worked out itself.
    pub label: String,
    /// How bad it is.
    pub severity: rebuffer_model::Severity,
    /// The event alone; values that vary stand in angle brackets.
    pub event: String,
    /// What it means.
    pub doc: &'static str,
    /// Whether the name holds values that vary.
    pub varies: bool,
}
