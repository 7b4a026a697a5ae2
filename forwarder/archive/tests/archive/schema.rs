//! What the migrations make is what the declarations say, whoever runs them and however often.

use rebuffer_archive::{Archive, Error, Target};
use rebuffer_model::Position;
use rebuffer_tables::{HISTORY, MIGRATIONS, NetworkRequest, Row, TABLES, newest_version, schema_sql};

use crate::rig::Rig;
use crate::samples::{SOURCE, request};

const DESCRIBE: &str = "SELECT arrayStringConcat(arraySort(groupArray(concat(create_table_query, '\\n'))), '\\n') \
    FROM system.tables WHERE database = 'rebuffer' AND name != 'schema_migrations'";

#[tokio::test]
async fn migrations_make_what_the_declarations_say() {
    let Some(rig) = Rig::start().await else { return };
    let migrated = rig.text(DESCRIBE).await;
    for table in TABLES {
        rig.client().query_raw(&format!("DROP TABLE {} SYNC", table.name)).execute().await.unwrap();
    }
    for statement in schema_sql().split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
        rig.client().query_raw(statement).execute().await.unwrap();
    }
    let declared = rig.text(DESCRIBE).await;
    assert_eq!(migrated, declared, "a migration is missing for what was declared");
    assert_eq!(migrated.matches("CREATE TABLE").count(), TABLES.len());
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let Some(rig) = Rig::start().await else { return };
    let before = rig.text(DESCRIBE).await;
    assert_eq!(rig.archive.migrate().await.unwrap(), newest_version());
    let (one, other) = tokio::join!(rig.archive.migrate(), rig.archive.migrate());
    assert_eq!((one.unwrap(), other.unwrap()), (newest_version(), newest_version()));
    assert_eq!(rig.text(DESCRIBE).await, before);
    assert_eq!(rig.number("SELECT count() FROM schema_migrations").await, u64::from(newest_version()));
}

/// Every version there ever was may hold rows; they stay, and have the columns that came later.
#[tokio::test]
async fn rows_of_an_older_schema_stay_and_get_the_new_columns() {
    let Some(rig) = Rig::start().await else { return };
    let declared = rig.text(DESCRIBE).await;
    let sql = async |sql: &str| rig.client().query_raw(sql).execute().await.unwrap();
    for version in 1..newest_version() {
        for table in TABLES.iter().map(|table| table.name).chain(["schema_migrations"]) {
            sql(&format!("DROP TABLE {table} SYNC")).await;
        }
        sql(HISTORY).await;
        for migration in MIGRATIONS.iter().filter(|migration| migration.version <= version) {
            for statement in migration.statements() {
                sql(statement).await;
            }
            let note = format!("INSERT INTO schema_migrations (version, name) SELECT {version}, 'older'");
            sql(&note).await;
        }
        for table in ["session_events", "network_requests", "control_events"] {
            let old = "SELECT toDateTime64(1, 3, 'UTC'), 7, 'a-player'";
            sql(&format!("INSERT INTO {table} (ts, id, player_id) {old}")).await;
        }
        assert_eq!(rig.archive.migrate().await.unwrap(), newest_version());
        assert_eq!(rig.text(DESCRIBE).await, declared, "from version {version}");
        let row = "SELECT toString((id, player_id, player_name, request_known, presentation, remarks, playlist_unread)) \
            FROM network_requests";
        assert_eq!(rig.text(row).await, "(7,'a-player','','','',[],'')");
        rig.archive.insert([request(8, 2_000, "a", 200, &[])].iter(), "t").await.unwrap();
        let found = rig.archive.newest(NetworkRequest::TABLE, SOURCE, Position(0)).await.unwrap();
        assert_eq!(found, Some(Position(8)));
    }
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let Some(rig) = Rig::start().await else { return };
    let newer = newest_version() + 6;
    let note = format!("INSERT INTO schema_migrations (version, name) SELECT {newer}, 'later'");
    rig.client().query_raw(&note).execute().await.unwrap();
    let error = rig.archive.migrate().await.unwrap_err();
    assert!(!error.passes());
    assert!(
        error.to_string().contains(&format!("has version {newer} and this rebuffer knows versions up to"))
    );
}

#[tokio::test]
async fn a_table_that_was_changed_by_hand_is_named() {
    let Some(rig) = Rig::start().await else { return };
    let alter = "ALTER TABLE session_events DROP COLUMN position_s SETTINGS mutations_sync = 2";
    rig.client().query_raw(alter).execute().await.unwrap();
    let error = rig.archive.migrate().await.unwrap_err();
    assert!(matches!(error, Error::SchemaDiffers { table: "session_events", .. }), "{error}");
    assert!(error.to_string().contains("position_s"));
}

#[tokio::test]
async fn another_database_is_another_archive() {
    let Some(rig) = Rig::start().await else { return };
    let target = Target { database: "second".to_owned(), ..rig.target.clone() };
    Archive::new(&target).unwrap().migrate().await.unwrap();
    let tables = rig.number("SELECT count() FROM system.tables WHERE database = 'second'").await;
    assert_eq!(usize::try_from(tables).unwrap(), TABLES.len() + 1);
    let odd = Target { database: "a b".to_owned(), ..rig.target.clone() };
    assert!(matches!(Archive::new(&odd), Err(Error::DatabaseName(_))));
}
