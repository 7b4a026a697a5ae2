//! What a client can say: DDL, inserts in the formats and packings that clients use, bound values, sessions.

use http::Method;

use crate::rig::Rig;

const ROWS: &str = "SELECT a, s FROM t ORDER BY a FORMAT CSV";

async fn table(rig: &Rig) {
    rig.run("CREATE TABLE t (a UInt32, s String) ENGINE = MergeTree ORDER BY a").await;
}

#[tokio::test]
async fn rows_go_in_by_every_format_and_come_out() {
    let Some(rig) = Rig::start().await else { return };
    table(&rig).await;
    let row_binary = [&1_u32.to_le_bytes()[..], &[3], b"one"].concat();
    let answer = rig.post("INSERT INTO t FORMAT RowBinary").body(row_binary).send().await;
    answer.text();
    assert!(answer.header("x-clickhouse-summary").contains(r#""written_rows":"1""#), "{:?}", answer.headers);
    rig.post("INSERT INTO t FORMAT JSONEachRow").body(r#"{"a":2,"s":"two"}"#).send().await.text();
    let native = rig.post("SELECT 3::UInt32 AS a, 'three' AS s FORMAT Native").send().await.body;
    rig.post("INSERT INTO t FORMAT Native").body(native).send().await.text();
    rig.ask(Method::POST).body("INSERT INTO t FORMAT CSV\n4,\"fo,ur\"\n").send().await.text();
    rig.ask(Method::POST).body("INSERT INTO t VALUES (5, 'it''s')").send().await.text();
    rig.post("INSERT INTO t (a, s) VALUES").body("(6, 'six')").send().await.text();
    rig.run("INSERT INTO t SELECT 7, 'seven'").await;
    let expected = "1,\"one\"\n2,\"two\"\n3,\"three\"\n4,\"fo,ur\"\n5,\"it's\"\n6,\"six\"\n7,\"seven\"\n";
    assert_eq!(rig.run(ROWS).await, expected);
    assert_eq!(rig.post("SELECT count() FROM t").param("default_format", "CSV").send().await.text(), "7\n");
}

#[tokio::test]
async fn packed_bodies_are_unpacked_and_answers_packed() {
    let Some(rig) = Rig::start().await else { return };
    table(&rig).await;
    let big = "SELECT number, toString(number) FROM numbers(300000) FORMAT RowBinary";
    let plain = rig.post(big).send().await.body;
    for coding in ["gzip", "deflate", "zstd", "lz4"] {
        let packed = rig.post(big).header("accept-encoding", coding).send().await;
        assert_eq!(packed.header("content-encoding"), coding);
        assert!(packed.body.len() < plain.len(), "{coding}");
        rig.run("CREATE OR REPLACE TABLE packed (a UInt64, s String) ENGINE = Memory").await;
        let insert = rig.post("INSERT INTO packed FORMAT RowBinary").header("content-encoding", coding);
        insert.body(packed.body).send().await.text();
        assert_eq!(
            rig.run("SELECT count(), sum(a), uniqExact(s) FROM packed").await,
            "300000\t44999850000\t300000\n",
            "{coding}"
        );
    }
    let blocks = rig.post(big).param("compress", "1").send().await.body;
    rig.run("TRUNCATE TABLE packed").await;
    let insert =
        rig.post("INSERT INTO packed FORMAT RowBinary").param("decompress", "1").body(blocks.clone());
    insert.send().await.text();
    assert_eq!(rig.run("SELECT count(), sum(a) FROM packed").await, "300000\t44999850000\n");
    let cut = blocks.slice(..blocks.len() - 1);
    let insert = rig.post("INSERT INTO packed FORMAT RowBinary").param("decompress", "1").body(cut);
    assert_eq!(insert.send().await.failure(), (400, 271));
    assert_eq!(rig.run("SELECT count() FROM packed").await, "300000\n", "a damaged batch must leave nothing");
    let off = rig
        .post("SELECT 1")
        .header("accept-encoding", "gzip")
        .param("enable_http_compression", "0")
        .send()
        .await;
    assert_eq!((off.header("content-encoding"), off.text().as_str()), ("", "1\n"));
    let unknown =
        rig.post("INSERT INTO t FORMAT CSV").header("content-encoding", "br").body("x").send().await;
    assert_eq!(unknown.failure(), (400, 89));
}

#[tokio::test]
async fn values_are_bound_and_settings_last_one_request() {
    let Some(rig) = Rig::start().await else { return };
    table(&rig).await;
    let query = "SELECT {n:UInt32} + 1, {s:String}, {l:Array(String)}";
    let bound = rig
        .post(query)
        .param("param_n", "41")
        .param("param_s", "it's; DROP TABLE t")
        .param("param_l", "['a','b']");
    assert_eq!(bound.send().await.text(), "42\tit\\'s; DROP TABLE t\t['a','b']\n");
    let held =
        rig.post("SELECT {n:UInt32} AS n FORMAT JSONCompact").param("param_n", "41").send().await.text();
    assert!(held.contains("[41]"), "{held}");
    let insert =
        rig.post("INSERT INTO {table:Identifier} FORMAT CSV").param("param_table", "t").body("1,x\n");
    insert.send().await.text();
    assert_eq!(rig.run(ROWS).await, "1,\"x\"\n");
    let threads = "SELECT getSetting('max_threads')";
    assert_eq!(rig.post(threads).param("max_threads", "3").send().await.text(), "3\n");
    assert_ne!(rig.run(threads).await, "3\n");
    assert_eq!(rig.post("SELECT 1").param("max_threds", "3").send().await.failure(), (404, 115));
}

#[tokio::test]
async fn a_repeated_batch_is_not_doubled() {
    let Some(rig) = Rig::start().await else { return };
    rig.run("CREATE TABLE d (a UInt32) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100").await;
    for token in ["one", "one", "two"] {
        let insert =
            rig.post("INSERT INTO d FORMAT CSV").param("insert_deduplication_token", token).body("1\n");
        insert.send().await.text();
    }
    assert_eq!(rig.run("SELECT count() FROM d").await, "2\n");
}

#[tokio::test]
async fn a_session_keeps_its_temporary_table_to_itself() {
    let Some(rig) = Rig::start().await else { return };
    let within = |session: &'static str, query: &str| rig.post(query).param("session_id", session).send();
    within("a", "CREATE TEMPORARY TABLE kept (x Int8)").await.text();
    within("a", "INSERT INTO kept VALUES (1)").await.text();
    assert_eq!(within("a", "SELECT x FROM kept").await.text(), "1\n");
    assert_eq!(within("b", "SELECT x FROM kept").await.failure(), (404, 60));
    let get = rig.ask(Method::GET).param("session_id", "a");
    assert_eq!(get.param("query", "INSERT INTO kept SELECT 2").send().await.failure(), (403, 164));
    within("a", "INSERT INTO kept VALUES (3)").await.text();
    // A session that a GET opened is not read-only for ever.
    rig.ask(Method::GET).param("session_id", "c").param("query", "SELECT 1").send().await.text();
    within("c", "CREATE TABLE made (x Int8) ENGINE = Memory").await.text();
    let checked = rig.post("SELECT 1").param("session_id", "never").param("session_check", "1").send().await;
    assert_eq!(checked.failure(), (404, 372));
}

#[tokio::test]
async fn the_database_of_a_request_is_its_own() {
    let Some(rig) = Rig::start().await else { return };
    assert_eq!(rig.run("SELECT currentDatabase()").await, "rebuffer\n");
    rig.run("CREATE DATABASE other").await;
    assert_eq!(
        rig.post("SELECT currentDatabase()").param("database", "other").send().await.text(),
        "other\n"
    );
    assert_eq!(rig.post("SELECT 1").param("database", "nowhere").send().await.failure(), (404, 81));
    assert_eq!(rig.run("SELECT timezone()").await, "UTC\n");
}
