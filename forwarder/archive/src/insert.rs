//! Inserts, and how far a feed has come.
//!
//! Invariant: an insert is one block of one partition, so it is there as a whole or not at all. Two inserts with the same
//! token do not both take effect. Deliberately absent: what to do when an insert fails.

use std::time::Duration;

use rebuffer_model::{Position, Timestamp};
use rebuffer_tables::{FeedProgress, Progress, Row, Table};

use crate::client::in_time;
use crate::encode::binary;
use crate::{Archive, Error};

const INSERT_TIMEOUT: Duration = Duration::from_secs(30);

/// Without these an insert could be cut into blocks or be answered before it is done.
const ATOMIC: &[(&str, &str)] = &[
    ("async_insert", "0"),
    ("insert_deduplicate", "1"),
    ("max_insert_block_size", "1048576"),
    ("min_insert_block_size_rows", "1048576"),
    ("min_insert_block_size_bytes", "1073741824"),
];

impl Archive {
    /// Inserts rows of one day, in one piece.
    ///
    /// # Errors
    /// After [`Error::Unreachable`] and [`Error::Refused`] the rows may be there or not, or come to be there a little later.
    pub async fn insert<'r, R: Row>(
        &self,
        rows: impl Iterator<Item = &'r R>,
        token: &str,
    ) -> Result<(), Error> {
        let mut body = Vec::new();
        for row in rows {
            binary::append(row, &mut body);
        }
        let columns: Vec<_> = R::TABLE.columns().map(|column| format!("`{}`", column.name)).collect();
        let sql = format!("INSERT INTO {} ({}) FORMAT RowBinary", R::TABLE.name, columns.join(","));
        let client = self.client.clone().with_database(&self.database);
        let insert = client.insert_formatted_with(sql).with_setting("insert_deduplication_token", token);
        let mut insert =
            ATOMIC.iter().fold(insert, |insert, (name, value)| insert.with_setting(*name, *value));
        in_time(INSERT_TIMEOUT, async move {
            insert.send(body.into()).await?;
            insert.end().await
        })
        .await
    }

    /// The greatest feed position of this source in a table, looking only at `since` and later; nothing there is `None`.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Refused`].
    pub async fn newest(
        &self,
        table: &Table,
        source: &str,
        since: Position,
    ) -> Result<Option<Position>, Error> {
        let sql = format!(
            "SELECT max(id) FROM {} WHERE source = {{source:String}} AND id >= {{since:UInt64}}",
            table.name
        );
        self.position(&sql, source, since).await
    }

    /// How far this source is known to have been archived in every table.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Refused`].
    pub async fn progress(&self, source: &str) -> Result<Option<Position>, Error> {
        let sql = "SELECT max(position) FROM feed_progress WHERE source = {source:String} AND position >= {since:UInt64}";
        self.position(sql, source, Position(0)).await
    }

    /// Notes how far this source has been archived in every table.
    ///
    /// # Errors
    /// As [`Self::insert`].
    pub async fn note_progress(&self, source: &str, position: Position, now: Timestamp) -> Result<(), Error> {
        let progress = Progress { source: source.into(), position, written_at: now };
        let token = format!("{source}:{position}");
        self.insert([FeedProgress { progress }].iter(), &token).await
    }

    async fn position(&self, sql: &str, source: &str, since: Position) -> Result<Option<Position>, Error> {
        let query = self.query(sql).param("source", source).param("since", since.0);
        let newest = in_time(crate::client::TIMEOUT, query.fetch_one::<u64>()).await?;
        Ok((newest > 0).then_some(Position(newest)))
    }
}
