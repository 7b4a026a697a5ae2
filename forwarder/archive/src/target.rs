//! Where the archive is and who we are there.

use std::fmt;

/// An archive: an address, a user, a database.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// `http://host:port`.
    pub url: String,
    /// The ClickHouse user.
    pub user: String,
    /// Its password; empty for none.
    pub password: String,
    /// The database; `rebuffer` unless configured.
    pub database: String,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, user, password: _, database } = self;
        f.debug_struct("Target")
            .field("url", url)
            .field("user", user)
            .field("database", database)
            .finish_non_exhaustive()
    }
}
