//! Every kind of statement of the engine, once, and whether the reader may send it. That no kind is missing here is read from what the
//! engine says it expects at the beginning of a statement (`openings.txt`).

use std::collections::BTreeSet;

use crate::rig::Rig;

const OPENINGS: &str = include_str!("openings.txt");

const ALLOWED: &[&str] = &[
    "SELECT 1",
    "WITH 1 AS x SELECT x",
    "FROM t SELECT a",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT 1 INTERSECT SELECT 1",
    "DESCRIBE TABLE t",
    "DESC t",
    "EXISTS TABLE t",
    "EXISTS DATABASE rebuffer",
    "EXISTS VIEW t",
    "EXISTS DICTIONARY t",
    "SHOW TABLES",
    "SHOW FULL TABLES",
    "SHOW DATABASES",
    "SHOW DICTIONARIES",
    "SHOW CLUSTERS",
    "SHOW MERGES",
    "SHOW SETTINGS LIKE 'max_threads'",
    "SHOW CHANGED SETTINGS LIKE 'x'",
    "SHOW SETTING max_threads",
    "SHOW COLUMNS FROM t",
    "SHOW INDEX FROM t",
    "SHOW ENGINES",
    "SHOW FUNCTIONS LIKE 'abs'",
    "SHOW CREATE TABLE t",
    "SHOW CREATE DATABASE rebuffer",
    "EXPLAIN SELECT 1",
    "EXPLAIN AST SELECT 1",
    "EXPLAIN SYNTAX SELECT 1",
    "EXPLAIN QUERY TREE SELECT 1",
    "EXPLAIN PLAN indexes = 1 SELECT 1",
    "EXPLAIN PIPELINE graph = 1 SELECT 1",
    "EXPLAIN ESTIMATE SELECT * FROM t",
    "EXPLAIN ANALYZE SELECT 1",
    "SET max_threads = 1",
    "USE rebuffer",
];

const REFUSED: &[&str] = &[
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t SELECT 1",
    "INSERT INTO FUNCTION file('x') SELECT 1",
    "UPDATE t SET a = 1 WHERE 1",
    "DELETE FROM t WHERE 1",
    "COPY t TO x",
    "CREATE TABLE x (a Int8) ENGINE = Memory",
    "ATTACH TABLE x",
    "REPLACE TABLE t (a Int8) ENGINE = Memory",
    "CREATE DATABASE x",
    "CREATE VIEW v AS SELECT 1",
    "CREATE WINDOW VIEW w AS SELECT 1",
    "CREATE MATERIALIZED VIEW v ENGINE = Memory AS SELECT 1",
    "CREATE DICTIONARY d (a UInt64) PRIMARY KEY a SOURCE(FILE(path 'x' format 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
    "CREATE FUNCTION f AS x -> x",
    "CREATE INDEX i ON t (a) TYPE minmax",
    "CREATE HYPOTHETICAL INDEX i ON t (a) TYPE minmax",
    "CREATE WORKLOAD w",
    "CREATE RESOURCE r (QUERY)",
    "CREATE NAMED COLLECTION c AS a = 1",
    "CREATE USER u",
    "CREATE ROLE r",
    "CREATE QUOTA q",
    "CREATE ROW POLICY p ON t USING 1",
    "CREATE MASKING POLICY m ON t UPDATE a = 1 TO default",
    "CREATE SETTINGS PROFILE p",
    "ALTER TABLE t DELETE WHERE 1",
    "ALTER DATABASE rebuffer MODIFY SETTING a = 1",
    "ALTER USER default HOST ANY",
    "ALTER NAMED COLLECTION c SET a = 1",
    "RENAME TABLE t TO x",
    "RENAME DATABASE rebuffer TO x",
    "EXCHANGE TABLES t AND x",
    "DROP TABLE t",
    "DROP DATABASE rebuffer",
    "DROP FUNCTION f",
    "DROP INDEX i ON t",
    "DROP HYPOTHETICAL INDEX i ON t",
    "DROP WORKLOAD w",
    "DROP RESOURCE r",
    "DROP NAMED COLLECTION c",
    "DROP USER u",
    "DETACH TABLE t",
    "TRUNCATE TABLE t",
    "UNDROP TABLE t",
    "OPTIMIZE TABLE t",
    "CHECK TABLE t",
    "CHECK ALL TABLES",
    "CHECK GRANT SELECT ON *.*",
    "KILL QUERY WHERE 1",
    "WATCH t",
    "MOVE USER a TO b",
    "GRANT SELECT ON *.* TO default",
    "REVOKE SELECT ON *.* FROM default",
    "BACKUP TABLE t TO File('x')",
    "RESTORE TABLE t FROM File('x')",
    "SNAPSHOT TABLE t TO File('x')",
    "SYSTEM FLUSH LOGS",
    "SYSTEM RELOAD CONFIG",
    "SYSTEM SHUTDOWN",
    "SET ROLE operator",
    "SET ROLE DEFAULT",
    "SET DEFAULT ROLE ALL TO default",
    "SET TRANSACTION SNAPSHOT 1",
    "BEGIN TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "EXECUTE AS default SELECT 1",
    "DESCRIBE FILESYSTEM CACHE 'x'",
    "SHOW PROCESSLIST",
    "SHOW ACCESS",
    "SHOW GRANTS",
    "SHOW PRIVILEGES",
    "SHOW USERS",
    "SHOW ROLES",
    "SHOW CURRENT ROLES",
    "SHOW ROW POLICIES",
    "SHOW MASKING POLICIES",
    "SHOW SETTINGS PROFILES",
    "SHOW QUOTAS",
    "SHOW CURRENT QUOTA",
    "SHOW CREATE QUOTA q",
    "SHOW CREATE USER default",
    "EXPLAIN CURRENT TRANSACTION",
    "EXPLAIN WHATIF SELECT 1",
    "EXPLAIN INSERT INTO t SELECT 1",
    "EXPLAIN SYSTEM FLUSH LOGS",
    "EXPLAIN AST KILL QUERY WHERE 1",
];

/// What may follow these words, in the engine's own names.
async fn expected(rig: &Rig, words: &str) -> BTreeSet<String> {
    let answer = rig.post(&format!("{words} ?")).send().await;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let list = text.split_once("Expected one of: ").expect("a list").1;
    list.split_once(". (SYNTAX_ERROR)").expect("its end").0.split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn no_kind_of_statement_is_new() {
    let Some(rig) = Rig::start().await else { return };
    for section in OPENINGS.split("\n[").skip(1) {
        let (words, listed) = section.split_once("]\n").unwrap();
        let listed = listed.lines().collect::<Vec<_>>().join(" ");
        let listed: BTreeSet<String> =
            listed.trim().split(" | ").map(|name| name.trim().to_owned()).collect();
        let known = expected(&rig, words).await;
        let new: Vec<_> = known.difference(&listed).collect();
        let gone: Vec<_> = listed.difference(&known).collect();
        assert!(
            new.is_empty() && gone.is_empty(),
            "after {words:?}: not judged {new:?}; no longer there {gone:?}"
        );
    }
}

#[tokio::test]
async fn every_kind_of_statement_has_its_verdict() {
    let Some(rig) = Rig::start().await else { return };
    rig.run("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a").await;
    for query in ALLOWED {
        let answer = rig.post(query).user(rig.archive.analyst()).send().await;
        assert_eq!(answer.status, 200, "{query}: {:?}", answer.body);
    }
    for query in REFUSED {
        let answer = rig.post(query).user(rig.archive.analyst()).send().await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 403 && text.contains("the archive's reader may not"), "{query}: {text}");
    }
}
