//! The engine as the rest of the crate sees it: open a data directory, hand out sessions, name what went wrong.
//!
//! Invariant: one `Engine` per process, and its own connection stays open as long as it lives, because the engine shuts down
//! with the last one. Every request gets a session of its own (opening one costs 0.1 ms), so settings cannot leak.
//! Deliberately absent: HTTP, and any judgement of who may do what.

mod config;
mod exception;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::library::{Connection, Library};

pub(crate) use crate::library::{Class, Insert, Output, Param, Pieces};
pub(crate) use exception::{Exception, code};

/// What the engine is opened with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) database: String,
    pub(crate) memory_limit_bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Engine {
    library: &'static Library,
    arguments: Vec<String>,
    keeper: Mutex<Option<Connection>>,
    pub(crate) version: String,
    pub(crate) timezone: String,
    /// Every setting the engine knows; a request may set no other.
    pub(crate) setting_names: HashSet<String>,
    pub(crate) database: String,
    /// What one query may take.
    pub(crate) query_memory_bytes: u64,
}

/// One connection, used by one request at a time.
#[derive(Debug)]
pub(crate) struct Session(Connection);

impl Engine {
    /// Opens the directory, which is locked against every other process until this one ends.
    pub(crate) fn open(library: &'static Library, settings: &Settings) -> Result<Engine, Exception> {
        let config = config::write(settings).map_err(|error| {
            Exception::new(code::CANNOT_OPEN_FILE, &format!("cannot write the configuration: {error}"))
        })?;
        let arguments = vec![argument("--path=", &config.store), argument("--config-file=", &config.file)];
        let refused = || {
            Exception::new(
                code::CANNOT_OPEN_FILE,
                "the engine refused the directory (in use by another process?)",
            )
        };
        let keeper = Session(library.connect(&arguments).ok_or_else(refused)?);
        keeper.run(&format!("CREATE DATABASE IF NOT EXISTS {}", quote_name(&settings.database)))?;
        let about = keeper.run("SELECT version(), timezone()")?;
        let (version, timezone) = about.split_once('\t').unwrap_or((&about, "UTC"));
        let names = keeper.run("SELECT name FROM system.settings")?;
        Ok(Engine {
            library,
            arguments,
            version: version.to_owned(),
            timezone: timezone.trim_end().to_owned(),
            setting_names: names.lines().map(str::to_owned).collect(),
            database: settings.database.clone(),
            query_memory_bytes: config::query_memory(settings.memory_limit_bytes),
            keeper: Mutex::new(Some(keeper.0)),
        })
    }

    pub(crate) fn session(&self) -> Result<Session, Exception> {
        let gone = || Exception::new(code::ABORTED, "the archive is shutting down");
        if self.keeper.lock().is_none() {
            return Err(gone());
        }
        self.library.connect(&self.arguments).map(Session).ok_or_else(gone)
    }

    /// Stops the queries whose `log_comment` begins with the tag.
    pub(crate) fn kill(&self, tag: &str) -> Result<(), Exception> {
        let tag = quote_text(tag);
        let sql = format!("KILL QUERY WHERE startsWith(Settings['log_comment'], {tag}) ASYNC");
        self.session()?.run(&sql).map(drop)
    }

    /// Shuts the engine down, if no session is left; call it last.
    pub(crate) fn close(&self) {
        drop(self.keeper.lock().take());
    }
}

impl Session {
    /// Gives up every right but the reader's. The engine would give them back when asked, so nobody else's text may ask.
    pub(crate) fn become_reader(&self) -> Result<(), Exception> {
        self.run(&format!("SET ROLE {}", config::READER)).map(drop)
    }

    /// A statement of our own with its small answer as tab-separated text.
    pub(crate) fn run(&self, sql: &str) -> Result<String, Exception> {
        let output = self.query(sql.as_bytes(), "TSV", &[])?;
        Ok(String::from_utf8_lossy(&output.data).into_owned())
    }

    /// The parse of a statement, a line per node, without running it.
    pub(crate) fn parsed(&self, sql: &[u8], params: &[Param]) -> Result<String, Exception> {
        let output = self.query(&[b"EXPLAIN AST ", sql].concat(), "TSVRaw", params)?;
        Ok(String::from_utf8_lossy(&output.data).into_owned())
    }

    /// A statement as the engine itself would write it.
    pub(crate) fn rewritten(&self, sql: &[u8]) -> Result<String, Exception> {
        let call = [b"SELECT formatQuerySingleLine(", &quote_bytes(sql)[..], b")"].concat();
        let output = self.query(&call, "TSVRaw", &[])?;
        Ok(String::from_utf8_lossy(&output.data).into_owned())
    }

    pub(crate) fn query(&self, sql: &[u8], format: &str, params: &[Param]) -> Result<Output, Exception> {
        self.0.query(sql, format, params).map_err(Exception::from_engine)
    }

    pub(crate) fn stream(&self, sql: &[u8], format: &str, params: &[Param]) -> Result<Pieces<'_>, Exception> {
        self.0.stream(sql, format, params).map_err(Exception::from_engine)
    }

    pub(crate) fn insert(&self, statement: &[u8], format: &str) -> Result<Insert<'_>, Exception> {
        self.0.insert(statement, format).map_err(Exception::from_engine)
    }

    /// How many statements the text holds and what kind of statement the first is.
    pub(crate) fn classify(&self, sql: &[u8]) -> Option<(u32, Class)> {
        self.0.classify(sql).map(|verdict| (verdict.statements, verdict.class))
    }
}

/// A text literal.
pub(crate) fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A text literal of any bytes.
fn quote_bytes(text: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for &byte in text {
        match byte {
            b'\\' | b'\'' => quoted.extend([b'\\', byte]),
            0 => quoted.extend(b"\\0"),
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// An identifier.
pub(crate) fn quote_name(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

fn argument(name: &str, path: &Path) -> String {
    format!("{name}{}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_leaves_no_way_out() {
        assert_eq!(quote_text("a'b\\'"), r"'a\'b\\\''");
        assert_eq!(quote_bytes(b"a'b\\\0\xff"), b"'a\\'b\\\\\\0\xff'");
        assert_eq!(quote_name("a`b\\`"), r"`a\`b\\\``");
    }
}
