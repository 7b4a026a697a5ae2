//! Everything the engine offers has been judged for the reader: a name that a later engine adds, or drops, fails here until a person
//! has put it into a list of `src/reader/words`, and each refusal of the lists is one of the archive itself.

use std::collections::BTreeSet;

use crate::rig::{Answer, Rig};

macro_rules! words {
    ($file:literal) => {
        include_str!(concat!("../../src/reader/words/", $file))
    };
}

const FUNCTIONS: &str = words!("functions.txt");
const TABLE_FUNCTIONS: &str = words!("table_functions.txt");
const SYSTEM_TABLES: &str = words!("system_tables.txt");
const FORMATS: &str = words!("formats.txt");
const SETTINGS: &str = words!("settings.txt");
const REFUSED_SETTINGS: &str = words!("settings_refused.txt");
const COMBINATORS: &str = words!("combinators.txt");

/// The words under headings that begin like this.
fn listed(list: &'static str, heading: &str) -> BTreeSet<&'static str> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix('[') {
            inside = title.starts_with(heading);
        } else if inside {
            names.extend(line.split_whitespace().filter_map(|word| word.split('=').next()));
        }
    }
    names
}

#[track_caller]
fn same(what: &str, judged: &BTreeSet<&str>, known: &str) {
    let known: BTreeSet<&str> = known.lines().collect();
    let new: Vec<_> = known.difference(judged).collect();
    let gone: Vec<_> = judged.difference(&known).collect();
    assert!(new.is_empty() && gone.is_empty(), "{what}: not judged {new:?}; no longer there {gone:?}");
}

async fn read(rig: &Rig, query: &str) -> Answer {
    rig.post(query).user(rig.archive.analyst()).send().await
}

/// Refused by the judgement, not by something the engine lacks.
fn refused(answer: &Answer) -> bool {
    answer.status == 403 && String::from_utf8_lossy(&answer.body).contains("the archive's reader may not")
}

#[tokio::test]
async fn every_function_is_judged() {
    let Some(rig) = Rig::start().await else { return };
    let mut judged = listed(FUNCTIONS, "");
    for by_the_parser in listed(FUNCTIONS, "allow: written by the parser") {
        judged.remove(by_the_parser);
    }
    same("functions", &judged, &rig.run("SELECT name FROM system.functions WHERE origin = 'System'").await);
    let combinators = rig.run("SELECT name FROM system.aggregate_function_combinators").await;
    same("combinators", &listed(COMBINATORS, ""), &combinators);
    let banned = listed(FUNCTIONS, "refuse");
    assert!(banned.len() > 100);
    for name in &banned {
        assert!(refused(&read(&rig, &format!("SELECT {name}(1)")).await), "{name}");
    }
    // The rest is the engine's to refuse: some have a syntax of their own.
    for name in judged.difference(&banned) {
        let answer = read(&rig, &format!("EXPLAIN AST SELECT {name}('sum')")).await;
        assert!(answer.status == 200 || answer.failure() == (400, 62), "{name}: {:?}", answer.body);
    }
}

#[tokio::test]
async fn every_table_function_and_table_of_the_catalogue_is_judged() {
    let Some(rig) = Rig::start().await else { return };
    same(
        "table functions",
        &listed(TABLE_FUNCTIONS, ""),
        &rig.run("SELECT name FROM system.table_functions").await,
    );
    for name in listed(TABLE_FUNCTIONS, "refuse") {
        // One of them takes a statement.
        let argument = if name == "viewIfPermitted" { "SELECT 1 ELSE null('a Int8')" } else { "'x'" };
        for query in [
            format!("SELECT * FROM {name}({argument})"),
            format!("DESCRIBE {name}({argument})"),
            format!("SELECT 1 IN {name}({argument})"),
        ] {
            let answer = read(&rig, &query).await;
            let no_syntax = query.starts_with("SELECT 1 IN view") && answer.failure() == (400, 62);
            assert!(refused(&answer) || no_syntax, "{query}");
        }
    }
    let tables = rig.run("SELECT name FROM system.tables WHERE database = 'system'").await;
    same("tables of system", &listed(SYSTEM_TABLES, ""), &tables);
    for name in listed(SYSTEM_TABLES, "refuse") {
        assert!(refused(&read(&rig, &format!("SELECT * FROM system.{name}")).await), "{name}");
    }
    for name in listed(SYSTEM_TABLES, "allow") {
        let answer = read(&rig, &format!("SELECT * FROM system.{name} LIMIT 1")).await;
        assert_eq!(answer.status, 200, "{name}: {:?}", answer.body);
    }
}

/// A reader creates nothing, so no engine of tables needs a verdict of its own.
#[tokio::test]
async fn a_table_of_no_engine_can_be_created() {
    let Some(rig) = Rig::start().await else { return };
    let engines = rig.run("SELECT name FROM system.table_engines").await;
    assert!(engines.lines().count() > 50);
    for name in engines.lines() {
        for what in ["TABLE", "TEMPORARY TABLE"] {
            assert!(
                refused(&read(&rig, &format!("CREATE {what} x (a Int8) ENGINE = {name}")).await),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn every_format_is_judged() {
    let Some(rig) = Rig::start().await else { return };
    same("formats", &listed(FORMATS, ""), &rig.run("SELECT name FROM system.formats").await);
    for name in listed(FORMATS, "refuse") {
        let asked = rig.post("SELECT 1").user(rig.archive.analyst()).param("default_format", name);
        assert!(refused(&asked.send().await), "default_format={name}");
        for query in ["SELECT 1", "SHOW TABLES", "DESCRIBE TABLE system.one", "EXPLAIN SELECT 1"] {
            assert!(refused(&read(&rig, &format!("{query} FORMAT {name}")).await), "{query} FORMAT {name}");
        }
    }
    for name in listed(FORMATS, "allow") {
        let answer = read(&rig, &format!("SELECT 'a' AS a FORMAT {name}")).await;
        assert!(!refused(&answer), "{name}: {:?}", answer.body);
    }
}

#[tokio::test]
async fn every_setting_is_judged() {
    let Some(rig) = Rig::start().await else { return };
    let (granted, banned) = (listed(SETTINGS, ""), listed(REFUSED_SETTINGS, ""));
    assert_eq!(granted.intersection(&banned).count(), 0);
    let judged = granted.union(&banned).copied().collect();
    same("settings", &judged, &rig.run("SELECT name FROM system.settings").await);
    for name in &banned {
        assert!(refused(&read(&rig, &format!("SELECT 1 SETTINGS {name} = 1")).await), "{name}");
    }
    for name in listed(SETTINGS, "at most") {
        for value in ["0", "-1", "1e9", "999999999999999", "'1G'"] {
            assert!(
                refused(&read(&rig, &format!("SELECT 1 SETTINGS {name} = {value}")).await),
                "{name} = {value}"
            );
        }
    }
}
