//! Tests that give the same answer every time: no sleeping, no fixed port, nothing left out.
//!
//! A test waits for an event, or lets paused time run. tokio's `sleep` is allowed in a file that pauses its time, the
//! sleep of a thread nowhere. Addresses that are only text are best taken from 192.0.2.0/24, which nobody can bind.

use std::sync::LazyLock;

use regex::Regex;

use crate::tree::SourceFile;
use crate::{Finding, pattern};

static THREAD_SLEEP: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bthread::sleep\b"));
static TOKIO_SLEEP: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bsleep(_until)?\("));
static PAUSED: LazyLock<Regex> = LazyLock::new(|| pattern(r"start_paused\s*=\s*true|\btime::pause\(\)"));
static PORT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(127\.0\.0\.1|0\.0\.0\.0|localhost|\[::1?\]):[1-9][0-9]+|\[(127, 0, 0, 1|0, 0, 0, 0)\], [1-9]")
});
static LEFT_OUT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"#\[ignore\b|\b(it|test|describe)\.(only|skip|todo)\b"));

pub fn check(file: &SourceFile) -> Vec<Finding> {
    if !matches!(file.extension(), "rs" | "ts") {
        return Vec::new();
    }
    let paused = PAUSED.is_match(&file.text);
    let complain = |line: &str| {
        if THREAD_SLEEP.is_match(line) {
            Some("a test may not sleep: wait for an event")
        } else if TOKIO_SLEEP.is_match(line) && !paused {
            Some("a test may sleep on paused time only (`start_paused = true`): wait for an event")
        } else if PORT.is_match(line) {
            Some("a test may not fix a port: bind port 0, or use 192.0.2.1 where it is only text")
        } else if LEFT_OUT.is_match(line) {
            Some("a test runs or is removed; what the machine lacks is checked at run time")
        } else {
            None
        }
    };
    let begin = file.tests_begin();
    let tests = file.code().filter(|(number, _)| *number >= begin);
    tests
        .filter_map(|(number, line)| Some(Finding::new("steady", &file.path, complain(line)?).at(number)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&SourceFile::new(path, text)).len()
    }

    #[test]
    fn sleeping_is_found_unless_time_is_paused() {
        let thread = "fn a() { std::thread::sleep(ONE); }";
        let tokio = "tokio::time::sleep(ONE).await;";
        assert_eq!(found("a/tests/x.rs", thread), 1);
        assert_eq!(found("a/tests/x.rs", tokio), 1);
        assert_eq!(found("a/tests/x.rs", &format!("#[tokio::test(start_paused = true)]\n{tokio}")), 0);
        assert_eq!(found("a/tests/x.rs", &format!("#[tokio::test(start_paused = true)]\n{thread}")), 1);
    }

    #[test]
    fn production_code_is_left_alone_and_its_test_module_is_not() {
        let text = "//! a\nsleep(ONE).await;\n";
        assert_eq!(found("a/src/lib.rs", text), 0);
        assert_eq!(found("a/src/lib.rs", &format!("{text}#[cfg(test)]\nmod tests {{\n    {text}}}\n")), 1);
    }

    #[test]
    fn fixed_ports_are_found() {
        for bad in [
            "\"127.0.0.1:8080\"",
            "http://localhost:30000/",
            "([127, 0, 0, 1], 80)",
            "[::1]:443",
            "0.0.0.0:80",
        ] {
            assert_eq!(found("a/tests/x.rs", bad), 1, "{bad}");
        }
        for good in ["\"127.0.0.1:0\"", "([127, 0, 0, 1], 0)", "http://192.0.2.1:30181/", "// localhost:80"] {
            assert_eq!(found("a/tests/x.rs", good), 0, "{good}");
        }
    }

    #[test]
    fn tests_that_are_left_out_are_found() {
        assert_eq!(found("a/tests/x.rs", "#[ignore = \"slow\"]"), 1);
        assert_eq!(found("dashboard/src/scale.test.ts", "it.only('scales', () => {})"), 1);
        assert_eq!(found("dashboard/src/scale.test.ts", "describe.skip('scales', () => {})"), 1);
        assert_eq!(found("dashboard/src/scale.test.ts", "it('scales only up', () => {})"), 0);
    }
}
