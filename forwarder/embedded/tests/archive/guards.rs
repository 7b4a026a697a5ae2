//! What a client cannot do.

use http::Method;
use rebuffer_embedded::Credentials;

use crate::rig::Rig;

#[tokio::test]
async fn nobody_gets_in_without_the_password_of_this_run() {
    let Some(rig) = Rig::start().await else { return };
    let ask = || rig.post("SELECT 1");
    assert_eq!(ask().nobody().send().await.failure(), (401, 194));
    let wrong = Credentials { user: "operator".into(), password: "wrong".into() };
    assert_eq!(ask().user(&wrong).send().await.failure(), (403, 516));
    let default = Credentials { user: "default".into(), password: String::new() };
    assert_eq!(ask().user(&default).send().await.failure(), (403, 516));
    let known = rig.archive.credentials();
    let by_address = ask().nobody().param("user", &known.user).param("password", &known.password);
    assert_eq!(by_address.send().await.text(), "1\n");
    assert_eq!(rig.ask(Method::GET).nobody().send().await.text(), "Ok.\n", "being alive is no secret");
}

#[tokio::test]
async fn get_and_analysts_only_read() {
    let Some(rig) = Rig::start().await else { return };
    rig.run("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a").await;
    let analyst = rig.archive.analyst();
    for query in
        ["INSERT INTO t VALUES (1)", "INSERT INTO t SELECT 1", "DROP TABLE t", "ALTER TABLE t DELETE WHERE 1"]
    {
        let get = rig.ask(Method::GET).param("query", query).send().await;
        assert_eq!(get.failure(), (403, 164), "GET {query}");
        assert_eq!(rig.post(query).user(analyst).send().await.failure(), (403, 497), "analyst {query}");
        let raised = rig.post(query).user(analyst).param("readonly", "0").send().await;
        assert_eq!(raised.failure(), (403, 497), "analyst {query}");
    }
    assert_eq!(rig.post("SET readonly = 0").user(analyst).send().await.failure(), (403, 497));
    assert_eq!(rig.post("SELECT 1 SETTINGS readonly = 0").user(analyst).send().await.failure(), (403, 497));
    let sum = rig.post("SELECT count() FROM t").user(analyst).param("max_threads", "1").send().await;
    assert_eq!(sum.text(), "0\n");
    let file = std::fs::read_to_string(rig.archive.credentials_file()).unwrap();
    assert!(file.contains(&analyst.password) && !file.contains(&rig.archive.credentials().password));
}

#[tokio::test]
async fn one_text_is_one_statement() {
    let Some(rig) = Rig::start().await else { return };
    rig.run("CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a").await;
    for text in ["SELECT 1; DROP TABLE t", "SELECT 1;SELECT 2", "DROP TABLE t; SELECT 1"] {
        assert_eq!(rig.post(text).send().await.failure(), (400, 62), "{text}");
    }
    assert_eq!(rig.run("SELECT 1;").await, "1\n");
    assert_eq!(rig.run("EXISTS TABLE t").await, "1\n");
    assert_eq!(rig.post("SELEC 1").send().await.failure(), (400, 62), "an expression is no statement");
}

#[tokio::test]
async fn the_machine_s_files_and_network_are_out_of_reach() {
    let Some(rig) = Rig::start().await else { return };
    let out = rig.dir.path().join("out");
    std::fs::write(rig.dir.path().join("secret.csv"), "secret\n").unwrap();
    let path = rig.dir.path().display();
    rig.run("CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a").await;
    let refused = [
        format!("SELECT 1 INTO OUTFILE '{}'", out.display()),
        format!("SELECT 'it''s' # '\n INTO/**/outfile '{}'", out.display()),
        format!("INSERT INTO t FROM INFILE '{path}/secret.csv' FORMAT CSV"),
        format!("SELECT * FROM file('{path}/secret.csv', 'CSV', 'a String')"),
        format!("SELECT * FROM default.`{path}/secret.csv`"),
        format!("CREATE TABLE f (a String) ENGINE = File(CSV, '{path}/secret.csv')"),
        format!("CREATE TABLE f ENGINE = File(CSV, '{path}/secret.csv') AS SELECT 'x' AS a"),
        "CREATE TABLE u (a String) ENGINE = URL('http://127.0.0.1:1/', CSV)".into(),
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')".into(),
        "SELECT * FROM remote('127.0.0.1:1', system.one)".into(),
        "SYSTEM SHUTDOWN".into(),
    ];
    for query in refused {
        assert_eq!(rig.post(&query).send().await.failure(), (403, 497), "{query}");
    }
    assert!(!out.exists());
    assert_eq!(rig.run("SELECT 'into outfile'").await, "into outfile\n");
}

#[tokio::test]
async fn errors_carry_number_status_and_version() {
    let Some(rig) = Rig::start().await else { return };
    for (query, expected) in [
        ("SELECT * FROM nothing", (404, 60)),
        ("SELECT nothing", (404, 47)),
        ("SELECT 1 FORMAT Nothing", (404, 73)),
        ("SELECT throwIf(1)", (500, 395)),
        (
            "SELECT sleepEachRow(2) SETTINGS max_execution_time = 1, function_sleep_max_microseconds_per_block = 0",
            (408, 159),
        ),
    ] {
        let answer = rig.post(query).send().await;
        assert_eq!(answer.failure(), expected, "{query}");
        assert!(answer.body.ends_with(b"(official build))\n"), "{:?}", answer.body);
    }
}
