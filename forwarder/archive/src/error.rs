//! What can go wrong with an archive, by what the caller can do about it.

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers, or not in time. Whether a write was done is not known. Try again.
    #[error("the archive does not answer")]
    Unreachable(#[source] clickhouse::error::Error),
    /// It answers and refuses. Trying again helps only if the reason goes away.
    #[error("the archive refuses: {0}")]
    Refused(clickhouse::error::Error),
    /// Use a newer rebuffer, or another database.
    #[error(
        "the schema in the archive has version {found} and this rebuffer knows versions up to {known}: \
         use the rebuffer that wrote it, or another database"
    )]
    SchemaNewer {
        /// The version in the archive.
        found: u32,
        /// The newest version this code knows.
        known: u32,
    },
    /// Somebody changed the tables by hand, or a migration is wrong.
    #[error("the table {table} in the archive is not the one this rebuffer writes: {difference}")]
    SchemaDiffers {
        /// Which table.
        table: &'static str,
        /// The first difference.
        difference: String,
    },
    /// The database is called something that would need escaping.
    #[error("a database is named with letters, digits and '_'; got {0:?}")]
    DatabaseName(String),
}

impl Error {
    /// Whether it is worth trying again without anybody doing anything.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Refused(_))
    }

    /// The error with its causes, on one line.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(next) = cause {
            text.push_str(": ");
            text.push_str(&next.to_string());
            cause = next.source();
        }
        text
    }
}

impl From<clickhouse::error::Error> for Error {
    fn from(error: clickhouse::error::Error) -> Self {
        use clickhouse::error::Error as Client;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the enum is open; what is not the network is an answer"
        )]
        match error {
            Client::Network(_) | Client::TimedOut => Self::Unreachable(error),
            _ => Self::Refused(error),
        }
    }
}
