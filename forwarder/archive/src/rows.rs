//! Rows of one table: chosen columns, filtered, in order, from a cursor on.
//!
//! Invariant: the order is total, `(ts, id)`, so that a page ends where the next begins.

use rebuffer_model::{Millis, Position, Timestamp};
use rebuffer_tables::Table;

use crate::{Archive, Error, Filter, Lines};

/// In which direction of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest first.
    Ascending,
    /// The newest first.
    Descending,
}

/// The last row of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCursor {
    /// When it was.
    pub ts: Timestamp,
    /// Its position.
    pub id: Position,
}

/// Which rows.
#[derive(Debug, Clone)]
pub struct RowQuery {
    /// The table.
    pub table: &'static Table,
    /// The columns, by their place in the table.
    pub columns: Vec<usize>,
    /// What must hold.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// At most so many.
    pub limit: u32,
    /// Behind this row.
    pub after: Option<RowCursor>,
    /// Of the rows without a label, one per so many milliseconds and play.
    pub stride: Option<Millis>,
    /// Not the rows of this source behind this position: they are on their way in by another path.
    pub not_beyond: Option<(String, Position)>,
}

/// The time slot of a row; rows of one slot stand for each other.
pub fn stride_bucket(ts: Timestamp, stride: Millis) -> i64 {
    let stride = i64::try_from(stride.0).unwrap_or(i64::MAX).max(1);
    ts.as_millis().div_euclid(stride)
}

impl Archive {
    /// The rows, each as one line of JSON.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Refused`].
    pub fn rows(&self, wanted: &RowQuery) -> Result<Lines, Error> {
        let mut query = wanted.filter.bind(self.query(&wanted.sql()));
        if let Some(after) = wanted.after {
            query = query.param("after_ts", after.ts.as_millis()).param("after_id", after.id.0);
        }
        if let Some(stride) = wanted.stride {
            query = query.param("stride", stride.0.max(1));
        }
        if let Some((source, position)) = &wanted.not_beyond {
            query = query.param("live_source", source).param("live_from", position.0);
        }
        self.lines(query)
    }
}

impl RowQuery {
    fn sql(&self) -> String {
        let all: Vec<_> = self.table.columns().collect();
        let names = self.columns.iter().filter_map(|index| all.get(*index));
        let columns: Vec<_> = names.map(|column| format!("`{}`", column.name)).collect();
        let (direction, behind) = match self.order {
            Order::Ascending => ("ASC", ">"),
            Order::Descending => ("DESC", "<"),
        };
        let mut sql =
            format!("SELECT {} FROM {} WHERE {}", columns.join(", "), self.table.name, self.filter.sql());
        if self.after.is_some() {
            sql += &format!(
                " AND (ts, id) {behind} (fromUnixTimestamp64Milli({{after_ts:Int64}}, 'UTC'), {{after_id:UInt64}})"
            );
        }
        if self.not_beyond.is_some() {
            sql += " AND (source != {live_source:String} OR id <= {live_from:UInt64})";
        }
        sql += &format!(" ORDER BY ts {direction}, id {direction}");
        if self.stride.is_some() {
            sql += " LIMIT 1 BY intDiv(toUnixTimestamp64Milli(ts), {stride:UInt64}), \
                    player_id, play_id, attempt_id, if(empty(labels), 0, id)";
        }
        sql += &format!(" LIMIT {}", self.limit);
        sql
    }
}
