//! A table as data: its columns, its order, its indexes; and the DDL that follows from them.
//!
//! Invariant: the DDL is a function of the declaration and of nothing else.
//! Deliberately absent: replicated engines and clusters; they would change `engine` and the first line of the DDL only.

use std::fmt::Write as _;

use crate::{Head, Sink, TABLES};

/// One column: what callers may name, what analysts read in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its ClickHouse type.
    pub sql: &'static str,
    /// What the archive fills in where a writer says nothing, as SQL; empty for the type's own default.
    pub default: &'static str,
    /// How it is compressed.
    pub codec: &'static str,
    /// What it means, with its unit.
    pub doc: &'static str,
}

/// A skip index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// The column it is made of.
    pub column: &'static str,
    /// Its ClickHouse type and granularity.
    pub kind: &'static str,
}

/// A table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    /// Its columns, part by part.
    pub parts: &'static [&'static [Column]],
    /// The engine.
    pub engine: &'static str,
    /// The partition key; empty for none.
    pub partition_by: &'static str,
    /// The sorting key.
    pub order_by: &'static str,
    /// The skip indexes.
    pub indexes: &'static [Index],
}

/// A part of a row: some columns and the values for them.
pub trait Columns {
    /// The columns.
    const COLUMNS: &'static [Column];
    /// Hands over the value of the column at `index` of [`Self::COLUMNS`]; does nothing beyond the last.
    fn write(&self, index: usize, sink: &mut dyn Sink);
}

/// A row of a table.
pub trait Row: std::fmt::Debug + Send + Sync + 'static {
    /// Its table.
    const TABLE: &'static Table;
    /// Hands over the value of the column at `index` of the table.
    fn write(&self, index: usize, sink: &mut dyn Sink);
}

/// A row that tells of an event.
pub trait Event: Row {
    /// What every event begins with.
    fn head(&self) -> &Head;
}

impl Table {
    /// Every column, in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// The column of this name and its place.
    pub fn column(&self, name: &str) -> Option<(usize, &'static Column)> {
        self.columns().enumerate().find(|(_, column)| column.name == name)
    }

    /// The statement that creates the table where it does not exist.
    pub fn ddl(&self) -> String {
        let mut lines = Vec::new();
        for Column { name, sql, default, codec, doc } in self.columns() {
            let default = if default.is_empty() { String::new() } else { format!(" DEFAULT {default}") };
            lines.push(format!("    `{name}` {sql}{default} COMMENT '{}' CODEC({codec})", quoted(doc)));
        }
        for Index { name, column, kind } in self.indexes {
            lines.push(format!("    INDEX {name} {column} TYPE {kind}"));
        }
        let mut ddl = format!("CREATE TABLE IF NOT EXISTS {}\n(\n{}\n)\n", self.name, lines.join(",\n"));
        let _ = writeln!(ddl, "ENGINE = {}", self.engine);
        if !self.partition_by.is_empty() {
            let _ = writeln!(ddl, "PARTITION BY {}", self.partition_by);
        }
        let _ = writeln!(ddl, "ORDER BY {}", self.order_by);
        let _ = writeln!(ddl, "SETTINGS non_replicated_deduplication_window = 1000");
        let _ = write!(ddl, "COMMENT '{}'", quoted(self.doc));
        ddl
    }
}

/// The whole schema as SQL, one statement per table.
pub fn schema_sql() -> String {
    let tables: Vec<_> = TABLES.iter().map(|table| format!("{};\n", table.ddl())).collect();
    format!(
        "-- The schema of the archive, rendered from the declarations in src/. Not applied: see migrations/.\n\n{}",
        tables.join("\n")
    )
}

/// The inside of a SQL string.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "''")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn columns_are_unique_documented_and_plainly_named() {
        for table in TABLES {
            let mut seen = BTreeSet::new();
            for column in table.columns() {
                let Column { name, doc, .. } = column;
                assert!(seen.insert(name), "{}.{name} twice", table.name);
                assert!(doc.len() > 8 && !doc.contains('\n'), "{}.{name} says {doc:?}", table.name);
                assert!(
                    name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn indexes_and_keys_name_columns() {
        for table in TABLES {
            for index in table.indexes {
                assert!(table.column(index.column).is_some(), "{}.{}", table.name, index.name);
            }
            for key in table.order_by.trim_matches(['(', ')']).split(", ") {
                assert!(table.column(key).is_some(), "{} is ordered by {key:?}", table.name);
            }
        }
    }

    #[test]
    fn the_schema_file_is_what_the_declarations_say() {
        let file = include_str!("../schema.sql");
        assert!(
            file == schema_sql(),
            "schema.sql is stale: cargo run -q -p rebuffer-tables --example schema > schema/tables/schema.sql"
        );
    }
}
