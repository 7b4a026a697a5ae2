//! What operators set, kept across restarts: one row per player and per trace, and which port belongs to whom.
//!
//! Invariant: what `save` returned for is on disk, power cut included. A row is one JSON document, read whole and written whole.
//! Deliberately absent: anything that changes with traffic.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rebuffer_model::{Control, PlayerId, PlayerName, Timestamp, Trace, TraceName};
use rusqlite::{Connection, params};

/// The store. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    connection: Arc<Mutex<Connection>>,
}

/// A player as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct StoredPlayer {
    pub(crate) id: PlayerId,
    pub(crate) display_id: u32,
    pub(crate) name: Option<PlayerName>,
    pub(crate) control: Control,
    pub(crate) revisions: BTreeMap<String, u64>,
    pub(crate) first_seen: Timestamp,
}

/// Which session port belonged to whom last.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub(crate) port: u16,
    pub(crate) player_id: PlayerId,
    /// The name of a configured origin, or the URL of another.
    pub(crate) origin: String,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refuses.
    #[error("the rig's database refuses: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row cannot be read or written.
    #[error("a stored document cannot be read or written: {0}")]
    Document(#[from] serde_json::Error),
    /// The directory cannot be made.
    #[error("the data directory cannot be used: {0}")]
    Directory(#[from] std::io::Error),
    /// The file was written by a newer rig.
    #[error(
        "the rig's database has version {found}, this rig knows {known}; use the newer rig, or another data directory"
    )]
    Newer {
        /// The version found.
        found: u32,
        /// The newest version this rig knows.
        known: u32,
    },
}

const VERSION: u32 = 3;
const SCHEMA: &str = "
    create table if not exists players (
        id text primary key, display_id integer not null, control text not null,
        revisions text not null, first_seen integer not null, name text) strict;
    create table if not exists bindings (
        port integer primary key, player_id text not null, origin text not null) strict;
    create table if not exists traces (name text primary key, trace text not null) strict;";

impl Store {
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir)?;
        let connection = Connection::open(dir.join("rig.sqlite"))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > VERSION {
            return Err(StoreError::Newer { found, known: VERSION });
        }
        connection.execute_batch(SCHEMA)?;
        if (1..3).contains(&found) {
            connection.execute_batch("alter table players add column name text")?;
        }
        connection.pragma_update(None, "user_version", VERSION)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    pub(crate) async fn save(&self, player: StoredPlayer) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection.prepare_cached("insert or replace into players values (?, ?, ?, ?, ?, ?)")?.execute(
                params![
                    player.id.to_string(),
                    player.display_id,
                    serde_json::to_string(&player.control)?,
                    serde_json::to_string(&player.revisions)?,
                    player.first_seen.as_micros(),
                    player.name.as_ref().map(PlayerName::as_str),
                ],
            )?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn remove(&self, id: PlayerId) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection.execute("delete from players where id = ?", [id.to_string()])?;
            connection.execute("delete from bindings where player_id = ?", [id.to_string()])?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn bind(&self, binding: Binding) -> Result<(), StoreError> {
        self.run(move |connection| {
            let Binding { port, player_id, origin } = binding;
            connection
                .prepare_cached("insert or replace into bindings values (?, ?, ?)")?
                .execute(params![port, player_id.to_string(), origin])?;
            Ok(())
        })
        .await
    }

    pub(crate) fn players(&self) -> Result<Vec<StoredPlayer>, StoreError> {
        let connection = self.connection.lock();
        let mut statement =
            connection.prepare("select id, display_id, control, revisions, first_seen, name from players")?;
        let rows = statement.query_map([], |row| {
            let texts: [String; 3] = [row.get(0)?, row.get(2)?, row.get(3)?];
            Ok((texts, row.get::<_, u32>(1)?, row.get::<_, i64>(4)?, row.get::<_, Option<String>>(5)?))
        })?;
        let mut players = Vec::new();
        for row in rows {
            let ([id, control, revisions], display_id, first_seen, name) = row?;
            players.push(StoredPlayer {
                id: serde_json::from_str(&format!("\"{id}\""))?,
                display_id,
                name: name.and_then(|name| PlayerName::of(&name)),
                control: serde_json::from_str(&control)?,
                revisions: serde_json::from_str(&revisions)?,
                first_seen: Timestamp::from_micros(first_seen),
            });
        }
        Ok(players)
    }

    pub(crate) fn bindings(&self) -> Result<Vec<Binding>, StoreError> {
        let connection = self.connection.lock();
        let mut statement = connection.prepare("select port, player_id, origin from bindings")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, u16>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        let mut bindings = Vec::new();
        for row in rows {
            let (port, player_id, origin) = row?;
            bindings.push(Binding {
                port,
                player_id: serde_json::from_str(&format!("\"{player_id}\""))?,
                origin,
            });
        }
        Ok(bindings)
    }

    pub(crate) async fn save_trace(&self, name: TraceName, trace: Arc<Trace>) -> Result<(), StoreError> {
        self.run(move |connection| {
            let trace = serde_json::to_string(&*trace)?;
            connection
                .prepare_cached("insert or replace into traces values (?, ?)")?
                .execute(params![name.as_str(), trace])?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn remove_trace(&self, name: TraceName) -> Result<(), StoreError> {
        self.run(move |connection| {
            connection.execute("delete from traces where name = ?", [name.as_str()])?;
            Ok(())
        })
        .await
    }

    pub(crate) fn traces(&self) -> Result<Vec<(TraceName, Trace)>, StoreError> {
        let connection = self.connection.lock();
        let mut statement = connection.prepare("select name, trace from traces")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let mut traces = Vec::new();
        for row in rows {
            let (name, trace) = row?;
            traces.push((serde_json::from_str(&format!("\"{name}\""))?, serde_json::from_str(&trace)?));
        }
        Ok(traces)
    }

    async fn run(
        &self,
        work: impl FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let connection = Arc::clone(&self.connection);
        match tokio::task::spawn_blocking(move || work(&connection.lock())).await {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_saved_is_there_after_a_restart_and_gone_after_removal() {
        let dir = tempfile::tempdir().unwrap();
        let id = PlayerId::canonical("tv").unwrap();
        let control: Control = serde_json::from_str(r#"{"shape":{"rate_mbps":5}}"#).unwrap();
        let player = StoredPlayer {
            id,
            display_id: 3,
            name: PlayerName::of("tv"),
            control: control.clone(),
            revisions: BTreeMap::from([("shape.rate_mbps".to_owned(), 7)]),
            first_seen: Timestamp::from_micros(9),
        };
        let binding = Binding { port: 30_100, player_id: id, origin: "demo".to_owned() };
        let store = Store::open(dir.path()).unwrap();
        store.save(player).await.unwrap();
        store.bind(binding).await.unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        let players = store.players().unwrap();
        assert_eq!((players[0].id, players[0].display_id, &players[0].control), (id, 3, &control));
        assert_eq!(players[0].name, PlayerName::of("tv"));
        assert_eq!(store.bindings().unwrap()[0].port, 30_100);
        store.remove(id).await.unwrap();
        assert!(store.players().unwrap().is_empty() && store.bindings().unwrap().is_empty());
    }

    #[test]
    fn a_database_from_before_names_gets_room_for_them() {
        let dir = tempfile::tempdir().unwrap();
        let connection = Connection::open(dir.path().join("rig.sqlite")).unwrap();
        let before = SCHEMA.replace(", name text", "");
        connection.execute_batch(&before).unwrap();
        let player = "insert into players values ('4f0a8c14-2bb5-4a31-a2e1-0b6c63c83e88', 1, '{}', '{}', 9)";
        connection.execute_batch(player).unwrap();
        connection.pragma_update(None, "user_version", 2).unwrap();
        drop(connection);
        for _ in 0..2 {
            assert_eq!(Store::open(dir.path()).unwrap().players().unwrap()[0].name, None);
        }
    }

    #[test]
    fn a_newer_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        let connection = Connection::open(dir.path().join("rig.sqlite")).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(Store::open(dir.path()), Err(StoreError::Newer { found: 99, .. })));
    }
}
