//! Brings the schema of an archive to the version this code writes, and checks that it is that.
//!
//! Invariant: an archive that was written by newer code is not touched. Running it again changes nothing; two at once do no
//! harm, because every statement may be repeated.

use rebuffer_tables::{HISTORY, MIGRATIONS, TABLES, Table, newest_version};
use serde::Deserialize;

use crate::client::{TIMEOUT, in_time};
use crate::{Archive, Error};

#[derive(clickhouse::Row, Deserialize)]
struct Found {
    name: String,
    sql: String,
}

impl Archive {
    /// Creates the database where it is missing, applies what is missing, and returns the version.
    ///
    /// # Errors
    /// [`Error::SchemaNewer`] and [`Error::SchemaDiffers`] need somebody to act; the others may pass.
    pub async fn migrate(&self) -> Result<u32, Error> {
        let create = format!("CREATE DATABASE IF NOT EXISTS {}", self.database);
        self.execute(self.client.query_raw(&create)).await?;
        self.execute(self.query(HISTORY)).await?;
        let version = self.query("SELECT max(version) FROM schema_migrations");
        let found = in_time(TIMEOUT, version.fetch_one::<u32>()).await?;
        let known = newest_version();
        if found > known {
            return Err(Error::SchemaNewer { found, known });
        }
        for migration in MIGRATIONS.iter().filter(|migration| migration.version > found) {
            tracing::info!(version = migration.version, name = migration.name, "migrating the archive");
            for statement in migration.statements() {
                self.execute(self.query(statement)).await?;
            }
            let note = self
                .query("INSERT INTO schema_migrations (version, name) SELECT {version:UInt32}, {name:String}")
                .param("version", migration.version)
                .param("name", migration.name);
            self.execute(note).await?;
        }
        for table in TABLES {
            self.check(table).await?;
        }
        Ok(known)
    }

    async fn check(&self, table: &'static Table) -> Result<(), Error> {
        let query = self
            .query(
                "SELECT name, type FROM system.columns \
                 WHERE database = {database:String} AND table = {table:String} ORDER BY position",
            )
            .param("database", &self.database)
            .param("table", table.name);
        let found = in_time(TIMEOUT, query.fetch_all::<Found>()).await?;
        let differs = |difference| Err(Error::SchemaDiffers { table: table.name, difference });
        for column in table.columns() {
            match found.iter().find(|found| found.name == column.name) {
                None => return differs(format!("there is no column {}", column.name)),
                Some(found) if found.sql != column.sql => {
                    return differs(format!("{} is {} and should be {}", column.name, found.sql, column.sql));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
