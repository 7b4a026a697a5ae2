//! The verdict on trees and texts as the engine prints them; what the engine makes of real statements is tried in `tests/archive`.

use super::*;

const BOUNDS: Bounds = Bounds { memory_bytes: 1000 };

/// The tree of these lines, with the number of children behind each, as the engine prints it.
fn grown(lines: &str) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = lines.lines().collect();
    let mut printed = String::new();
    for (at, line) in lines.iter().enumerate() {
        let below = lines[at + 1..].iter().take_while(|other| depth(other) > depth(line));
        let children = below.filter(|other| depth(other) == depth(line) + 1).count();
        let count = if children > 0 { format!(" (children {children})") } else { String::new() };
        printed += &format!("{line}{count}\n");
    }
    printed
}

fn judge(lines: &str) -> Result<Parsed, String> {
    tree(&grown(lines)).map_err(|refusal| refusal.0)
}

/// A SELECT with these lines in its list of expressions.
fn select(lines: &str) -> Result<Parsed, String> {
    let inner: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    judge(&format!("SelectWithUnionQuery\n ExpressionList\n  SelectQuery\n   ExpressionList\n{inner}"))
}

#[test]
fn functions_are_judged_wherever_they_stand() {
    assert!(select("Function sum (alias x)\n ExpressionList\n  Function ABS").is_ok());
    let file = "call the function file: reads files".to_owned();
    assert_eq!(select("Function file (alias x)"), Err(file.clone()));
    assert_eq!(select("Function abs\n ExpressionList\n  Function file"), Err(file));
    assert!(select("Function nobody_knows").is_err_and(|text| text.contains("nobody_knows")));
}

#[test]
fn combinators_follow_aggregate_functions_only() {
    for name in [
        "sumIf",
        "quantilesTimingArrayIf",
        "uniqExactOrNullIf",
        "argMaxIf",
        "sumMap",
        "countDistinct",
        "SUMIf",
    ] {
        assert!(select(&format!("Function {name}")).is_ok(), "{name}");
    }
    let many = format!("sum{}", "If".repeat(100_000));
    for name in ["fileIf", "absIf", "sumOops", "flameGraphIf", &many] {
        assert!(select(&format!("Function {name}")).is_err(), "{name}");
    }
}

#[test]
fn a_name_in_a_text_is_read_and_never_computed() {
    let call = |argument: &str| {
        select(&format!("Function arrayReduce\n ExpressionList\n  {argument}\n  Identifier a"))
    };
    for literal in ["'sum'", "'quantile(0.9)'", "'sumIf'"] {
        assert!(call(&format!("Literal {literal}")).is_ok(), "{literal}");
    }
    for argument in [
        "Literal 'flameGraph'",
        "Literal 'groupFormat(\\'CSV\\')'",
        "Literal 'abs'",
        "Function concat",
        "Identifier x",
    ] {
        assert!(call(argument).is_err(), "{argument}");
    }
}

#[test]
fn tables_of_the_engine_are_judged_and_others_are_not() {
    for name in ["system.tables", "rebuffer.t", "t", "system.columns (alias c)"] {
        assert!(select(&format!("TableIdentifier {name}")).is_ok(), "{name}");
    }
    for name in ["system.models", "SYSTEM.models", "system.models.x", "system.new_in_a_later_engine"] {
        assert!(select(&format!("TableIdentifier {name}")).is_err(), "{name}");
        assert!(select(&format!("Identifier {name}")).is_err(), "as a column: {name}");
    }
    assert!(judge("UseQuery system\n Identifier system").is_err());
}

#[test]
fn a_table_function_is_no_function() {
    let from = |name: &str| select(&format!("TableExpression\n Function {name}"));
    assert!(
        from("numbers").is_ok() && from("abs").is_err() && from("url").is_err() && from("format").is_err()
    );
    let within =
        |name: &str| select(&format!("Function in\n ExpressionList\n  Identifier a\n  Function {name}"));
    assert!(select("Function format").is_ok() && within("format").is_err() && within("toDate").is_ok());
}

#[test]
fn what_is_no_parse_of_a_known_kind_is_refused() {
    for printed in [
        "",
        "\n",
        " SelectQuery",
        "SystemQuery",
        "SelectWithUnionQuery\nSelectWithUnionQuery",
        "SelectWithUnionQuery\n   Literal 1",
        "SelectWithUnionQuery\n Literal 'a file'",
        "SelectWithUnionQuery\n ColumnsApplyTransformer",
        "SelectWithUnionQuery\n InsertQuery",
        "Explain EXPLAIN CURRENT TRANSACTION",
    ] {
        assert!(judge(printed).is_err(), "{printed}");
    }
    assert!(judge("SelectWithUnionQuery\n ExpressionList").is_ok());
    // Cut at either end, which is what a limit of rows would do.
    let whole = grown(
        "SelectWithUnionQuery\n ExpressionList\n  SelectQuery\n   ExpressionList\n    Function abs\n    Literal 1",
    );
    let lines: Vec<&str> = whole.lines().collect();
    assert!(tree(&whole).is_ok());
    for at in 1..lines.len() {
        assert!(tree(&lines[..at].join("\n")).is_err() && tree(&lines[at..].join("\n")).is_err(), "{at}");
    }
}

#[test]
fn settings_go_downwards_and_are_all_seen() {
    let judged = |text: &str, settings| {
        let parsed = Parsed { settings, formats: true, shows: false };
        super::text(text, BOUNDS).and_then(|written| parsed.agree(&written)).map_err(|refusal| refusal.0)
    };
    assert_eq!(judged("SELECT 1 SETTINGS max_execution_time = 5, join_use_nulls = 1 FORMAT JSON", 1), Ok(()));
    for text in [
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS max_execution_time = 0.0001",
        "SELECT 1 SETTINGS max_execution_time = 300.5",
        "SELECT 1 SETTINGS max_execution_time = -1",
        "SELECT 1 SETTINGS max_execution_time = DEFAULT",
        "SELECT 1 SETTINGS max_execution_time = '1e9'",
        "SELECT 1 SETTINGS max_memory_usage = 1001",
        "SELECT 1 SETTINGS max_memory_usage = '1G'",
        "SELECT 1 SETTINGS max_threads = 1, readonly = 0",
        "SELECT 1 SETTINGS additional_table_filters = {'t':'1'}",
        "SELECT 1 SETTINGS nobody_knows = 1",
        "SELECT 1 FORMAT Template SETTINGS max_threads = 1",
        "SET param_x = 1",
    ] {
        assert!(judged(text, 1).is_err(), "{text}");
    }
    assert!(judged("SELECT 1", 1).is_err(), "a list in the tree that the text does not show");
    assert!(judged("SELECT 1 SETTINGS max_threads = 1", 0).is_err(), "a list in the text that is none");
}

#[test]
fn lists_of_settings_are_counted_in_the_tree() {
    let count = |printed: &str| judge(printed).unwrap().settings;
    assert_eq!(count("Set"), 1);
    assert_eq!(
        count("SelectWithUnionQuery\n ExpressionList\n  SelectQuery\n   Set\n Set\n Identifier JSON"),
        2
    );
    assert_eq!(count("Explain EXPLAIN\n Set\n SelectWithUnionQuery\n Set"), 1, "the first are EXPLAIN's own");
    assert_eq!(count("Explain EXPLAIN\n SelectWithUnionQuery\n Set"), 1);
}

/// Pieces of trees and texts in any order: whatever the engine may print one day, the answer is a verdict.
#[test]
fn no_text_makes_it_panic() {
    let pieces = [
        "SelectWithUnionQuery",
        "\n",
        " ",
        "Function ",
        "file",
        "sumIf",
        "(children 1)",
        " (alias ",
        "Literal '",
        "'",
        "\\",
        "é",
        "system.",
        "Identifier ",
        "SETTINGS ",
        "max_threads = ",
        "{",
        "}",
        "(",
        ")",
        ",",
        "1",
        "FORMAT ",
        "JSON",
        "Set",
        "\u{0}",
        "SHOW ",
    ];
    let mut state = 1_u64;
    for length in 0..4000 {
        let mut text = String::new();
        for _ in 0..length % 60 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(state >> 33).unwrap() % pieces.len();
            text.push_str(pieces[at]);
        }
        let _ = tree(&text);
        let _ = super::text(&text, BOUNDS);
        let _ = setting(&text, Some(&text), BOUNDS);
    }
}
