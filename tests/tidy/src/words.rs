//! Words that do not belong into the tree: promises, numbers of issues, paths of one machine, hosts of registries.
//!
//! A promise is an issue, an issue's number is for the commit that closes it, and a tree that names a machine or a
//! registry works only there. Lock files are written by others and are not read; binaries are not text.

use std::sync::LazyLock;

use regex::Regex;

use crate::tree::SourceFile;
use crate::{Finding, pattern};

static PROMISE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(TODO|FIXME|XXX)\b"));
static ISSUE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[\s(])#[0-9]{1,5}\b|\b[Ii]ssue #?[0-9]+\b"));
static MACHINE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\w.~-])/(work|root)/"));
static REGISTRY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\b(crates\.io|registry\.npmjs\.org|deb\.debian\.org|pypi\.org|files\.pythonhosted\.org)\b")
});

pub fn check(file: &SourceFile) -> Vec<Finding> {
    if file.is_lock() {
        return Vec::new();
    }
    let complain = |line: &str| {
        if PROMISE.is_match(line) {
            Some("unfinished work is an issue, not text")
        } else if MACHINE.is_match(line) {
            Some("names a path of one machine")
        } else if REGISTRY.is_match(line) {
            Some("names a registry: leave that to the client's own settings")
        } else if comment(file.extension(), line).is_some_and(|comment| ISSUE.is_match(comment)) {
            Some("names an issue by number: say what it says")
        } else {
            None
        }
    };
    let lines = (1..).zip(file.text.lines());
    lines
        .filter_map(|(number, line)| Some(Finding::new("words", &file.path, complain(line)?).at(number)))
        .collect()
}

/// The part of a line that is prose: all of it in Markdown, the comment in code, where `#12` may also be a colour.
fn comment<'l>(extension: &str, line: &'l str) -> Option<&'l str> {
    match extension {
        "md" => Some(line),
        "rs" | "ts" | "vue" | "css" => {
            let block = line.trim_start();
            let inside = block.starts_with("/*") || block.starts_with("* ") || block.starts_with("<!--");
            if inside { Some(block) } else { line.split_once("//").map(|(_, after)| after) }
        }
        "sql" => line.split_once("--").map(|(_, after)| after),
        "sh" | "toml" | "yml" | "yaml" | "Makefile" => line.split_once('#').map(|(_, after)| after),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&SourceFile::new(path, text)).len()
    }

    #[test]
    fn promises_are_found_and_patterns_of_mktemp_are_not() {
        for bad in ["// TODO: later", "/* FIXME */", "XXX"] {
            assert_eq!(found("a/src/lib.rs", bad), 1, "{bad}");
        }
        assert_eq!(found("a/fetch.sh", "mktemp -d /tmp/x.XXXXXX"), 0);
    }

    #[test]
    fn issue_numbers_are_found_in_prose_only() {
        assert_eq!(found("a/src/lib.rs", "// see #12"), 1);
        assert_eq!(found("a/src/lib.rs", "let a = 1; // issue 7"), 1);
        assert_eq!(found("README.md", "fixed by (#7)"), 1);
        assert_eq!(found("Makefile", "# because of #7"), 1);
        assert_eq!(found("dashboard/src/App.vue", "color: #123;"), 0);
        assert_eq!(found("a/src/lib.rs", "let a = r#\"#12\"#;"), 0);
        assert_eq!(found("README.md", "# 1. Title"), 0);
    }

    #[test]
    fn machine_paths_and_registries_are_found() {
        for bad in ["cd /work/main", "\"/root/.cargo\"", "https://deb.debian.org/debian", "see crates.io"] {
            assert_eq!(found("Makefile", bad), 1, "{bad}");
        }
        for good in ["https://example.com/work/1", "src/root/", "./work/"] {
            assert_eq!(found("Makefile", good), 0, "{good}");
        }
        assert_eq!(
            found("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\""),
            0
        );
    }
}
