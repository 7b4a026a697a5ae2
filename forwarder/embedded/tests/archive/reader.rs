//! What the analyst can and cannot do, asked of the real engine: nothing reads a file, reaches a host, changes a row, ends a query of
//! another or lifts a bound, and what people and their tools ask goes on working.

use http::Method;

use crate::rig::{Answer, Ask, Rig};

const DENIED: (u16, u32) = (403, 497);

async fn rig() -> Option<Rig> {
    let rig = Rig::start().await?;
    rig.run("CREATE TABLE t (a Int32, s String) ENGINE = MergeTree ORDER BY a").await;
    rig.run("INSERT INTO t SELECT number, toString(number) FROM numbers(3)").await;
    Some(rig)
}

fn ask<'r>(rig: &'r Rig, query: &str) -> Ask<'r> {
    rig.post(query).user(rig.archive.analyst())
}

async fn read(rig: &Rig, query: &str) -> Answer {
    ask(rig, query).send().await
}

#[track_caller]
fn denied(answer: &Answer, query: &str) {
    assert_eq!(answer.failure(), DENIED, "{query}");
}

#[tokio::test]
async fn no_statement_reaches_past_the_tables() {
    let Some(rig) = rig().await else { return };
    let secret = rig.dir.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let file = format!("file('{}')", secret.display());
    let refused = [
        format!("SELECT {file}"),
        format!("SELECT upper({file})"),
        format!("SELECT 1 AS x, `file`('{}') AS y", secret.display()),
        format!("WITH {file} AS x SELECT x"),
        format!("SELECT * FROM t WHERE s = {file}"),
        format!("SELECT * FROM t ORDER BY a WITH FILL FROM length({file})"),
        format!("SELECT * FROM t ORDER BY a LIMIT length({file})"),
        format!("SELECT * FROM view(SELECT {file})"),
        format!("SELECT s IN (SELECT {file}) FROM t"),
        format!("SELECT arrayMap(x -> {file}, [1])"),
        format!("SELECT * REPLACE({file} AS s) FROM t"),
        format!("SELECT sum(a) OVER (PARTITION BY {file}) FROM t"),
        format!("SELECT * FROM t UNION ALL SELECT 1, {file}"),
        format!("EXPLAIN SYNTAX SELECT {file}"),
        format!("EXPLAIN SELECT {file}"),
        format!("DESCRIBE (SELECT {file})"),
        format!("DESCRIBE file('{}', 'CSV')", secret.display()),
        format!("SHOW TABLES WHERE name = {file}"),
        format!("SHOW TABLES LIMIT length({file})"),
        format!("SHOW COLUMNS FROM t WHERE field = {file}"),
        format!("SELECT 1 SETTINGS additional_result_filter = '{}'", file.replace('\'', "\\'")),
        format!(
            "SELECT * FROM t SETTINGS additional_table_filters = {{'t': '{}'}}",
            file.replace('\'', "\\'")
        ),
        format!("SELECT arrayMap(x -> x, [1]) SETTINGS format_schema = '{}'", secret.display()),
        format!("SELECT 1 INTO OUTFILE '{}.out'", secret.display()),
        "SELECT * APPLY(file) FROM t".into(),
        "SELECT * APPLY(x -> file(x)) FROM t".into(),
        "SELECT COLUMNS('s') APPLY(file) FROM t".into(),
        "SELECT hasColumnInTable('127.0.0.1:1', 'u', 'p', 'd', 't', 'c')".into(),
        "SELECT 1 WHERE 1 IN url('http://127.0.0.1:1/', 'CSV', 'a Int8')".into(),
        "SELECT * FROM merge('system', 'models')".into(),
        "SELECT * FROM system.models".into(),
        "SELECT 1 WHERE 1 IN system.stack_trace".into(),
        "SHOW TABLES WHERE 1 IN system.models".into(),
        "USE system".into(),
        "SELECT dictGet('x', 'y', 1)".into(),
        "SELECT arrayReduce('flameGraph', [1])".into(),
        "SELECT formatRow('Template', a) FROM t".into(),
        "SELECT * FROM t FORMAT Template".into(),
        "BACKUP TABLE t TO S3('http://127.0.0.1:1/b', 'a', 'b')".into(),
        "BACKUP TABLE t TO File('b.zip')".into(),
        "BACKUP TABLE t TO Disk('default', 'b')".into(),
        "RESTORE TABLE t FROM File('b.zip') SETTINGS allow_non_empty_tables = true".into(),
        "RESTORE DATABASE rebuffer AS y FROM File('b.zip')".into(),
        "KILL QUERY WHERE 1".into(),
        "KILL MUTATION WHERE 1".into(),
        "SYSTEM STOP MERGES".into(),
        "SYSTEM FLUSH LOGS".into(),
        "SET ROLE operator".into(),
        "SET ROLE ALL".into(),
        "SET DEFAULT ROLE operator TO default".into(),
        "EXECUTE AS default SELECT 1".into(),
        "CREATE FUNCTION f AS x -> file(x)".into(),
        "CREATE TEMPORARY TABLE x (a Int8)".into(),
        "SHOW PROCESSLIST".into(),
    ];
    for query in &refused {
        denied(&read(&rig, query).await, query);
    }
    assert!(!secret.with_extension("out").exists());
    // The database of files is shut by the grants.
    denied(&read(&rig, &format!("SELECT * FROM default.`{}`", secret.display())).await, "a file as a table");
    assert_eq!(rig.run("SELECT count() FROM t").await, "3\n");
}

#[tokio::test]
async fn bounds_are_lifted_on_no_way() {
    let Some(rig) = rig().await else { return };
    let lifted = [
        ("max_execution_time", "0"),
        ("max_execution_time", "301"),
        ("max_memory_usage", "0"),
        ("max_memory_usage", "999999999999"),
        ("max_result_bytes", "0"),
        ("max_query_size", "100000000"),
        ("function_sleep_max_microseconds_per_block", "0"),
        ("max_memory_usage_for_user", "1"),
        ("readonly", "0"),
        ("log_comment", "x"),
        ("dialect", "prql"),
        ("compatibility", "20.1"),
        ("replace_running_query", "1"),
    ];
    for (name, value) in lifted {
        let clause = format!("SELECT 1 SETTINGS {name} = '{value}'");
        denied(&read(&rig, &clause).await, &clause);
        let inner = format!("SELECT * FROM (SELECT 1 SETTINGS max_threads = 1, {name} = '{value}')");
        denied(&read(&rig, &inner).await, &inner);
        let after = format!("SELECT 1 SETTINGS max_threads = 1 FORMAT JSON SETTINGS {name} = '{value}'");
        denied(&read(&rig, &after).await, &after);
        let explained = format!("EXPLAIN header = 1 SELECT 1 FORMAT TSV SETTINGS {name} = '{value}'");
        denied(&read(&rig, &explained).await, &explained);
        let set = format!("SET {name} = '{value}'");
        denied(&ask(&rig, &set).param("session_id", "s").send().await, &set);
        if !["readonly", "log_comment"].contains(&name) {
            denied(&ask(&rig, "SELECT 1").param(name, value).send().await, name);
        }
    }
    let forced = ask(&rig, "SELECT getSetting('readonly'), getSetting('max_execution_time')");
    assert_eq!(forced.param("readonly", "0").send().await.text(), "2\t300\n");
    let lower = ask(&rig, "SELECT getSetting('max_execution_time')").param("max_execution_time", "5");
    assert_eq!(lower.send().await.text(), "5\n");
    assert_eq!(read(&rig, "SELECT getSetting('max_threads') SETTINGS max_threads = 1").await.text(), "1\n");
    let long = "SELECT sleepEachRow(3) FROM numbers(100) SETTINGS max_execution_time = 1, max_block_size = 1";
    assert_eq!(read(&rig, long).await.failure(), (408, 159), "a bound below ours holds");
}

/// These settings cut results short, also that of a parse.
#[tokio::test]
async fn no_setting_shortens_the_parse_that_is_judged() {
    let Some(rig) = rig().await else { return };
    for (name, value) in [
        ("limit", "1"),
        ("offset", "1"),
        ("max_result_rows", "1"),
        ("max_rows_to_read", "1"),
        ("result_overflow_mode", "break"),
    ] {
        let asked = ask(&rig, "SELECT 1, file('/etc/hostname')").param("result_overflow_mode", "break");
        denied(&asked.param(name, value).send().await, name);
        for clause in [
            format!("SELECT 1, file('/etc/hostname') SETTINGS {name} = '{value}'"),
            format!(
                "SELECT 1, file('/etc/hostname') FORMAT CSV SETTINGS result_overflow_mode = 'break', {name} = '{value}'"
            ),
        ] {
            denied(&read(&rig, &clause).await, &clause);
        }
        let set = ask(&rig, &format!("SET {name} = '{value}'")).param("session_id", name).send().await;
        assert!(set.status == 200 || set.failure() == DENIED);
        denied(&ask(&rig, "SELECT file('/etc/hostname')").param("session_id", name).send().await, name);
    }
}

#[tokio::test]
async fn a_session_keeps_no_more_than_it_was_given() {
    let Some(rig) = rig().await else { return };
    let within = |query: &str| ask(&rig, query).param("session_id", "mine");
    assert_eq!(within("SET max_block_size = 10").send().await.text(), "");
    assert_eq!(
        within("SELECT getSetting('max_block_size'), currentRoles()").send().await.text(),
        "10\t['reader']\n"
    );
    denied(&within("SET ROLE operator").send().await, "SET ROLE");
    denied(&within("INSERT INTO t VALUES (1, 'x')").send().await, "INSERT");
    denied(&within("SET param_x = 'system'").send().await, "SET param_");
    let named = within("SELECT * FROM {t:Identifier}").param("param_t", "system.models").send().await;
    assert_ne!(named.status, 200, "a name in a parameter");
    let named = within("SELECT count() FROM {d:Identifier}.{t:Identifier}").param("param_d", "system");
    denied(&named.param("param_t", "models").send().await, "two names in parameters");
    denied(&within("SELECT 1").param("database", "system").send().await, "database=system");
    let elsewhere = rig.run("CREATE DATABASE other").await
        + &rig.run("CREATE TABLE other.o (a Int8) ENGINE = Memory").await;
    assert_eq!(elsewhere, "");
    denied(&within("SELECT * FROM other.o").send().await, "another database");
}

#[tokio::test]
async fn a_query_of_another_is_left_alone() {
    let Some(rig) = rig().await else { return };
    let (long, killed) = tokio::join!(
        async {
            rig.run("SELECT sum(sleepEachRow(0.01)) FROM numbers(100) SETTINGS max_block_size = 1").await
        },
        async { read(&rig, "KILL QUERY WHERE 1 SYNC").await }
    );
    assert_eq!(long, "0\n");
    denied(&killed, "KILL QUERY");
}

#[tokio::test]
async fn people_and_their_tools_read_on() {
    let Some(rig) = rig().await else { return };
    for query in [
        "SELECT count(), sum(a), uniqExact(s), quantileTimingIf(0.9)(a, a > 0) FROM t",
        "SELECT s, count() AS n FROM t GROUP BY s HAVING n > 0 ORDER BY n DESC, s LIMIT 10 FORMAT JSON",
        "WITH x AS (SELECT a FROM t) SELECT * FROM x AS l JOIN t AS r ON l.a = r.a WHERE r.s LIKE '%1%'",
        "SELECT arrayMap(x -> x + 1, [1, 2]), arrayReduce('sum', [1, 2]), toStartOfHour(now()), now() - INTERVAL 1 DAY",
        "SELECT lagInFrame(a) OVER w FROM t WINDOW w AS (ORDER BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "SELECT a, CASE WHEN a > 1 THEN 'x' ELSE s END, a::String, CAST(a AS Nullable(Int64)) FROM t",
        "SELECT * EXCEPT (s), COLUMNS('s') FROM t QUALIFY row_number() OVER (ORDER BY a) = 1",
        "SELECT 'SETTINGS max_memory_usage = 0', 'FORMAT Template', 'file(1)' FROM t SETTINGS max_threads = 1",
        "SELECT number FROM numbers(3) UNION ALL SELECT * FROM generateSeries(1, 2)",
        "SELECT [1, 2] AS x, x[1], (1, 'a').2, map('k', 1)['k'], JSONExtractString('{\"a\":\"b\"}', 'a')",
        "SHOW TABLES",
        "SHOW TABLES LIKE '%t%' LIMIT 5",
        "SHOW DATABASES",
        "SHOW CREATE TABLE t",
        "SHOW COLUMNS FROM t",
        "SHOW SETTINGS LIKE 'max_%'",
        "SHOW FUNCTIONS LIKE 'abs'",
        "DESCRIBE TABLE t FORMAT JSONEachRow",
        "DESCRIBE (SELECT a FROM t)",
        "EXISTS TABLE t",
        "EXPLAIN indexes = 1 SELECT * FROM t WHERE a = 1",
        "EXPLAIN PIPELINE SELECT * FROM t",
        "SELECT version(), timezone(), currentDatabase(), currentUser(), hostName()",
        // Grafana's data source.
        "SELECT name FROM system.databases",
        "SELECT name FROM system.tables WHERE database = 'rebuffer'",
        "SELECT name, type, table FROM system.columns WHERE database = 'rebuffer' AND table = 't'",
        "SELECT DISTINCT arrayJoin(mapKeys(map('a', 1))) FROM t LIMIT 1000",
        "SELECT toStartOfInterval(toDateTime(a), INTERVAL 60 second) AS time, count() FROM t WHERE time >= toDateTime(0) \
         AND time <= toDateTime(9999999999) GROUP BY time ORDER BY time ASC LIMIT 1000",
        "SELECT name, is_aggregate FROM system.functions LIMIT 1",
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't'",
        // What drivers ask first.
        "SELECT name, value, readonly FROM system.settings WHERE name LIKE 'max%' LIMIT 3",
        "SELECT name, engine, create_table_query, total_rows FROM system.tables LIMIT 1",
        "SELECT alias_to, name FROM system.data_type_families LIMIT 1",
    ] {
        let answer = read(&rig, query).await;
        assert_eq!(answer.status, 200, "{query}: {:?}", answer.body);
        let get = rig.ask(Method::GET).user(rig.archive.analyst()).param("query", query).send().await;
        assert_eq!(get.status, 200, "GET {query}: {:?}", get.body);
    }
    let bound = ask(&rig, "SELECT s FROM {t:Identifier} WHERE a = {a:Int32}")
        .param("param_t", "t")
        .param("param_a", "2");
    assert_eq!(bound.send().await.text(), "2\n");
    assert_eq!(read(&rig, "SELECT nothing").await.failure(), (404, 47), "errors are still the engine's");
    let why = read(&rig, "SELECT file('x')").await;
    let text = String::from_utf8_lossy(&why.body).into_owned();
    assert!(text.contains("the archive's reader may not call the function file: reads files"), "{text}");
}
