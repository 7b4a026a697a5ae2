//! The migrations: numbered files, each a list of statements that may be run again.
//!
//! Invariant: a file that was released never changes; numbers begin at 1 and have no holes. A statement that a crash cut off
//! from the note of its version is run again, so each must tolerate that (`IF NOT EXISTS` and the like).

/// One step from a version of the schema to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// The version the schema has afterwards.
    pub version: u32,
    /// What it does, in the words of its file name.
    pub name: &'static str,
    /// The file.
    pub sql: &'static str,
}

/// Every migration, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "events", sql: include_str!("../migrations/0001_events.sql") },
    Migration { version: 2, name: "link_metrics", sql: include_str!("../migrations/0002_link_metrics.sql") },
    Migration {
        version: 3,
        name: "requests_in_full",
        sql: include_str!("../migrations/0003_requests_in_full.sql"),
    },
    Migration {
        version: 4,
        name: "names_and_remarks",
        sql: include_str!("../migrations/0004_names_and_remarks.sql"),
    },
];

/// The table that notes which migrations were applied.
pub const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations
(
    `version` UInt32 COMMENT 'The version of the schema.',
    `name` String COMMENT 'What the migration did.',
    `applied_at` DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When, on the clock of the archive.'
)
ENGINE = MergeTree
ORDER BY version
COMMENT 'Which migrations were applied; the greatest version counts.'";

/// The version this code was written for.
pub fn newest_version() -> u32 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Migration {
    /// The statements of the file, without comments between them.
    pub fn statements(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.sql
            .split(";\n")
            .map(|statement| statement.trim())
            .filter(|statement| statement.lines().any(|line| !line.is_empty() && !line.starts_with("--")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_begin_at_one_without_holes() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=newest_version()).collect::<Vec<_>>());
    }

    #[test]
    fn every_statement_may_be_run_again() {
        for migration in MIGRATIONS {
            assert!(migration.statements().count() > 0, "{}", migration.name);
            for statement in migration.statements() {
                let tolerant = statement.contains(" IF NOT EXISTS ") || statement.contains(" IF EXISTS ");
                assert!(tolerant, "{}: {statement}", migration.name);
            }
        }
    }
}
