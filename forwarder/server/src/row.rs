//! A labelled record as the row it becomes.
//!
//! Invariant: every record becomes exactly one row, of exactly one table; its id is the record's position.

use rebuffer_archive::json;
use rebuffer_model::{Label, Position, Record, RecordBody, Timestamp};
use rebuffer_tables::{ControlEvent, Event, Head, NetworkRequest, Origin, Row as _, SessionEvent, Table};

/// A row of one of the tables.
#[derive(Debug)]
pub(crate) enum Row {
    Session(SessionEvent),
    Network(NetworkRequest),
    Control(ControlEvent),
}

/// The tables, as streams of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stream {
    Events,
    Network,
    Control,
}

impl Stream {
    pub(crate) const ALL: [Self; 3] = [Self::Events, Self::Network, Self::Control];

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Events => 0,
            Self::Network => 1,
            Self::Control => 2,
        }
    }

    /// The name callers know it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Network => "network",
            Self::Control => "control",
        }
    }

    /// What a frame with one row of it is called.
    pub(crate) fn frame(self) -> &'static str {
        match self {
            Self::Events => "event",
            Self::Network => "network",
            Self::Control => "control",
        }
    }

    pub(crate) fn table(self) -> &'static Table {
        match self {
            Self::Events => SessionEvent::TABLE,
            Self::Network => NetworkRequest::TABLE,
            Self::Control => ControlEvent::TABLE,
        }
    }
}

impl Row {
    pub(crate) fn new(source: &str, record: &Record, labels: &[Label]) -> Self {
        let origin = Origin { source, position: record.position, ts: record.ts };
        match &record.body {
            RecordBody::Sample(sample) => Self::Session(SessionEvent::new(origin, sample, labels)),
            RecordBody::Exchange(exchange) => Self::Network(NetworkRequest::new(origin, exchange, labels)),
            RecordBody::Action(action) => Self::Control(ControlEvent::new(origin, action, labels)),
            RecordBody::Gap { from, to, lost } => {
                Self::Control(ControlEvent::gap(origin, (*from, *to), *lost, labels))
            }
        }
    }

    pub(crate) fn stream(&self) -> Stream {
        match self {
            Self::Session(_) => Stream::Events,
            Self::Network(_) => Stream::Network,
            Self::Control(_) => Stream::Control,
        }
    }

    pub(crate) fn head(&self) -> &Head {
        match self {
            Self::Session(row) => row.head(),
            Self::Network(row) => row.head(),
            Self::Control(row) => row.head(),
        }
    }

    pub(crate) fn id(&self) -> Position {
        self.head().id
    }

    /// The day the archive keeps it under.
    pub(crate) fn day(&self) -> i64 {
        const DAY_MS: i64 = 86_400_000;
        self.head().ts.as_millis().div_euclid(DAY_MS)
    }

    pub(crate) fn ts(&self) -> Timestamp {
        // The archive keeps milliseconds; so does whatever is compared with it.
        Timestamp::from_millis(self.head().ts.as_millis())
    }

    /// The columns at these places of the row's table, as the archive would write them.
    pub(crate) fn json(&self, columns: &[usize]) -> String {
        match self {
            Self::Session(row) => json::object(row, columns),
            Self::Network(row) => json::object(row, columns),
            Self::Control(row) => json::object(row, columns),
        }
    }

    pub(crate) fn session(&self) -> Option<&SessionEvent> {
        match self {
            Self::Session(row) => Some(row),
            Self::Network(_) | Self::Control(_) => None,
        }
    }

    pub(crate) fn network(&self) -> Option<&NetworkRequest> {
        match self {
            Self::Network(row) => Some(row),
            Self::Session(_) | Self::Control(_) => None,
        }
    }

    pub(crate) fn control(&self) -> Option<&ControlEvent> {
        match self {
            Self::Control(row) => Some(row),
            Self::Session(_) | Self::Network(_) => None,
        }
    }

    /// Whether it tells the end of a session.
    pub(crate) fn ends_session(&self) -> bool {
        self.control().is_some_and(|row| row.deed.event.0 == "session_end")
    }
}
