//! The shape of the tree: what stands at the root, how files are named, how long they are, how they begin.
//!
//! Lengths are counted in lines, tests and comments included; what `make gen` writes is not counted. The lints of a
//! crate are looked at here and not by cargo, which accepts a crate that inherits none.

use crate::Finding;
use crate::tree::SourceFile;

pub const MAX_LINES: usize = 600;

const WRITTEN: &[&str] = &["rs", "ts", "vue", "css", "sh", "sql"];

/// Everything that may be seen in the root; the rest belongs into a room or is a hidden file of a tool.
const ROOT: &[&str] = &[
    "ARCHITECTURE.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "dashboard",
    "deploy",
    "examples",
    "forwarder",
    "harness",
    "proxy",
    "rust-toolchain.toml",
    "schema",
    "shaper",
    "tests",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"];

pub fn root(file: &SourceFile) -> Vec<Finding> {
    let first = file.path.split('/').next().unwrap_or_default();
    if first.starts_with('.') || ROOT.contains(&first) {
        return Vec::new();
    }
    vec![Finding::new(
        "root",
        &file.path,
        "has no place in the root: put it into a room, or hide a tool's file",
    )]
}

pub fn size(file: &SourceFile) -> Vec<Finding> {
    let lines = file.text.lines().count();
    if !WRITTEN.contains(&file.extension()) || file.is_generated() || lines <= MAX_LINES {
        return Vec::new();
    }
    vec![Finding::new(
        "size",
        &file.path,
        format!("has {lines} lines, {MAX_LINES} are the limit: split it by idea"),
    )]
}

pub fn names(file: &SourceFile) -> Vec<Finding> {
    if !WRITTEN.contains(&file.extension()) {
        return Vec::new();
    }
    if file.name() == "mod.rs" {
        return vec![Finding::new("names", &file.path, "use foo.rs beside foo/ instead of foo/mod.rs")];
    }
    let stem = file.path.strip_suffix(file.extension()).unwrap_or(&file.path).trim_end_matches('.');
    let empty = stem.split('/').find(|part| EMPTY_NAMES.contains(&part.to_lowercase().as_str()));
    let file_name = empty.map(|name| (None, name));
    let inline = file.code().filter_map(|(number, line)| {
        let name = line.split_once("mod ")?.1.trim_end_matches([' ', '{', ';']);
        let declares =
            file.extension() == "rs" && (line.trim_start().starts_with("mod ") || line.contains("pub"));
        (declares && EMPTY_NAMES.contains(&name)).then_some((Some(number), name))
    });
    file_name
        .into_iter()
        .chain(inline)
        .map(|(line, name)| Finding {
            line,
            ..Finding::new("names", &file.path, format!("`{name}` names no idea: say what is inside"))
        })
        .collect()
}

pub fn header(file: &SourceFile) -> Vec<Finding> {
    if file.extension() != "rs" || file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![Finding::new("header", &file.path, "begins without `//!`: say what it owns and what it leaves out")]
}

/// For the manifest of a crate.
pub fn lints(file: &SourceFile) -> Vec<Finding> {
    let inherits = file.text.parse::<toml::Table>().is_ok_and(|manifest| {
        manifest.contains_key("workspace")
            || manifest
                .get("lints")
                .and_then(|lints| lints.get("workspace"))
                .and_then(toml::Value::as_bool)
                .unwrap_or(false)
    });
    if file.name() != "Cargo.toml" || inherits {
        return Vec::new();
    }
    vec![Finding::new(
        "lints",
        &file.path,
        "does not inherit the lints: add `[lints]` with `workspace = true`",
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rooms_stand_in_the_root() {
        for good in ["proxy/server/src/lib.rs", "README.md", ".ci/run", ".gitignore"] {
            assert!(root(&SourceFile::new(good, "")).is_empty(), "{good}");
        }
        for bad in ["notes.md", "scripts/build.sh", "deny.toml"] {
            assert_eq!(root(&SourceFile::new(bad, "")).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_long_file_is_found_and_a_generated_one_is_not() {
        let fits = "x\n".repeat(MAX_LINES);
        let long = "x\n".repeat(MAX_LINES + 1);
        assert!(size(&SourceFile::new("a/src/lib.rs", &fits)).is_empty());
        for bad in ["a/src/lib.rs", "a/tests/long.rs", "dashboard/src/App.vue", "a/migrations/0001_first.sql"]
        {
            assert_eq!(size(&SourceFile::new(bad, &long)).len(), 1, "{bad}");
        }
        for free in ["dashboard/src/api/v2.gen.ts", "schema/tables/schema.sql", "README.md"] {
            assert!(size(&SourceFile::new(free, &long)).is_empty(), "{free}");
        }
    }

    #[test]
    fn names_without_an_idea_are_found() {
        for bad in ["a/src/mod.rs", "a/src/utils.rs", "a/src/common/ring.rs", "dashboard/src/helpers/time.ts"]
        {
            assert_eq!(names(&SourceFile::new(bad, "")).len(), 1, "{bad}");
        }
        for bad in ["mod helpers {\n}\n", "mod utils;\n", "pub(crate) mod manager {\n"] {
            assert_eq!(names(&SourceFile::new("a/src/lib.rs", bad)).len(), 1, "{bad}");
        }
        let good = SourceFile::new("a/src/commonmark.rs", "mod utility_pole;\n// mod utils\n");
        assert!(names(&good).is_empty());
    }

    #[test]
    fn a_file_without_its_opening_words_is_found() {
        assert!(header(&SourceFile::new("a/src/lib.rs", "//! What it owns.\n")).is_empty());
        assert_eq!(header(&SourceFile::new("a/src/lib.rs", "use std::fmt;\n//! late\n")).len(), 1);
        assert_eq!(header(&SourceFile::new("a/src/lib.rs", "")).len(), 1);
        assert!(header(&SourceFile::new("dashboard/src/main.ts", "")).is_empty());
    }

    #[test]
    fn a_crate_that_inherits_no_lints_is_found() {
        let check = |text| lints(&SourceFile::new("a/Cargo.toml", text));
        assert!(check("[lints]\nworkspace = true\n").is_empty());
        assert!(check("[workspace]\nmembers = []\n").is_empty());
        for bad in [
            "[package]\nname = 'a'\n",
            "[lints]\nworkspace = false\n",
            "[lints.rust]\nunsafe_code = 'allow'\n",
            "[",
        ] {
            assert_eq!(check(bad).len(), 1, "{bad}");
        }
    }
}
