//! An answer as lines of JSON, one row each, as they arrive.
//!
//! Invariant: a line is given out whole; an answer that breaks off is an error and never a short list.

use bytes::{Bytes, BytesMut};
use clickhouse::query::BytesCursor;

use crate::Error;
use crate::client::{TIMEOUT, in_time};

/// Rows as JSON objects, one per line, without the line ends.
pub struct Lines {
    cursor: BytesCursor,
    pending: BytesMut,
    /// How much of `pending` was searched for the end of a line.
    searched: usize,
}

impl Lines {
    pub(crate) fn new(cursor: BytesCursor) -> Self {
        Self { cursor, pending: BytesMut::new(), searched: 0 }
    }

    /// The next row.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when nothing comes in time or the connection breaks, [`Error::Refused`] for what the archive
    /// says, also in the middle of an answer.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let found = self.pending[self.searched..].iter().position(|byte| *byte == b'\n');
            if let Some(offset) = found {
                let line = self.pending.split_to(self.searched + offset);
                let _ = self.pending.split_to(1);
                self.searched = 0;
                return Ok(Some(line.freeze()));
            }
            self.searched = self.pending.len();
            match in_time(TIMEOUT, self.cursor.next()).await? {
                Some(piece) => self.pending.extend_from_slice(&piece),
                None if self.pending.is_empty() => return Ok(None),
                None => {
                    self.searched = 0;
                    return Ok(Some(self.pending.split().freeze()));
                }
            }
        }
    }

    /// Every row.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn collect(mut self) -> Result<Vec<Bytes>, Error> {
        let mut rows = Vec::new();
        while let Some(row) = self.next().await? {
            rows.push(row);
        }
        Ok(rows)
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("pending", &self.pending.len()).finish_non_exhaustive()
    }
}
