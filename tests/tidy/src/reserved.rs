//! What only one room may do: unsafe code, and reading from the archive.
//!
//! The compiler refuses unsafe code wherever it is not expected (`unsafe_code = "deny"`); this keeps the expectation
//! itself inside two rooms. Test code may query what it wants to see in the archive.

use std::sync::LazyLock;

use regex::Regex;

use crate::tree::SourceFile;
use crate::{Finding, pattern};

const UNSAFE_ROOMS: &[&str] = &["shaper/kernel/", "forwarder/embedded/"];
const SQL_ROOM: &str = "forwarder/archive/";

static UNSAFE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(expect|allow|warn)\(.*unsafe_code"));
static SELECT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bSELECT(\s|$)"));

pub fn unsafe_code(file: &SourceFile) -> Vec<Finding> {
    let free = UNSAFE_ROOMS.iter().any(|room| file.path.starts_with(room));
    if free || file.extension() != "rs" {
        return Vec::new();
    }
    let why = "unsafe code lives in shaper/kernel and forwarder/embedded only";
    let lines = file.code().filter(|(_, line)| UNSAFE.is_match(line));
    lines.map(|(number, _)| Finding::new("unsafe", &file.path, why).at(number)).collect()
}

pub fn sql(file: &SourceFile) -> Vec<Finding> {
    let code = matches!(file.extension(), "rs" | "ts" | "vue");
    if file.path.starts_with(SQL_ROOM) || !code {
        return Vec::new();
    }
    let why = "only forwarder/archive asks the archive: give it a function and call that";
    let production = file.code().take_while(|(number, _)| *number < file.tests_begin());
    let lines = production.filter(|(_, line)| SELECT.is_match(line));
    lines.map(|(number, _)| Finding::new("sql", &file.path, why).at(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_is_expected_in_its_rooms_only() {
        let text = "//! a\n#![expect(unsafe_code, reason = \"netlink\")]\n";
        assert!(unsafe_code(&SourceFile::new("shaper/kernel/src/netlink.rs", text)).is_empty());
        let found = unsafe_code(&SourceFile::new("proxy/server/src/listen.rs", text));
        assert_eq!(found.first().and_then(|finding| finding.line), Some(2));
        let allowed = SourceFile::new("proxy/server/src/listen.rs", "#[allow(dead_code, unsafe_code)]\n");
        assert_eq!(unsafe_code(&allowed).len(), 1);
    }

    #[test]
    fn queries_are_written_in_the_archive_only() {
        let text = "//! a\nconst Q: &str = \"SELECT 1\";\n";
        assert!(sql(&SourceFile::new("forwarder/archive/src/plays.rs", text)).is_empty());
        assert_eq!(sql(&SourceFile::new("forwarder/server/src/plays.rs", text)).len(), 1);
        assert_eq!(sql(&SourceFile::new("dashboard/src/features/Ask.vue", text)).len(), 1);
    }

    #[test]
    fn comments_and_tests_may_speak_of_queries() {
        let comment = SourceFile::new("forwarder/server/src/plays.rs", "//! a\n// SELECT is not for us\n");
        assert!(sql(&comment).is_empty());
        let inline = "//! a\n#[cfg(test)]\nmod tests {\n    const Q: &str = \"SELECT 1\";\n}\n";
        assert!(sql(&SourceFile::new("forwarder/server/src/plays.rs", inline)).is_empty());
        assert!(sql(&SourceFile::new("tests/e2e/tests/lost.rs", "const Q: &str = \"SELECT 1\";")).is_empty());
    }
}
