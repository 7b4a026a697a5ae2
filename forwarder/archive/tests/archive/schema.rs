//! What the migrations make is what the declarations say, whoever runs them and however often.

use rebuffer_archive::{Archive, Error, Target};
use rebuffer_tables::{TABLES, newest_version, schema_sql};

use crate::rig::Rig;

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
