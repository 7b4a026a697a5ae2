//! The text files of the source tree, read once, and what kind of file each is.
//!
//! Ignored files (`.gitignore`), `.git`, symbolic links and anything that is not UTF-8 are left out: the rules speak of
//! what people write. Files nobody has added yet are included, so a rule fails before the commit and not after it.

use std::path::Path;

use ignore::WalkBuilder;

/// Written by package managers, in words we do not choose.
const LOCK_FILES: [&str; 2] = ["Cargo.lock", "package-lock.json"];

#[derive(Debug, Clone)]
pub struct SourceFile {
    /// From the root of the tree, with `/`.
    pub path: String,
    pub text: String,
}

/// Every text file below `root`, in the order of their paths.
///
/// # Errors
/// When a folder or a file cannot be read.
pub fn read(root: &Path) -> Result<Vec<SourceFile>, ignore::Error> {
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .require_git(false)
        .git_global(false)
        .parents(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .sort_by_file_path(Path::cmp)
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        // A file that vanishes between listing and reading is somebody's temporary file.
        let Ok(bytes) = std::fs::read(entry.path()) else { continue };
        let (Ok(text), Ok(path)) = (String::from_utf8(bytes), entry.path().strip_prefix(root)) else {
            continue;
        };
        files.push(SourceFile { path: path.to_string_lossy().into_owned(), text });
    }
    Ok(files)
}

impl SourceFile {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Without the dot; the whole name when there is none.
    pub fn extension(&self) -> &str {
        self.name().rsplit('.').next().unwrap_or_default()
    }

    pub fn is_lock(&self) -> bool {
        LOCK_FILES.contains(&self.name())
    }

    /// Written by `make gen`, never by hand.
    pub fn is_generated(&self) -> bool {
        let openapi = self.extension() == "json" && self.path.contains("/openapi/");
        self.path.ends_with(".gen.ts") || self.name() == "schema.sql" || openapi
    }

    /// Benchmarks measure on the wall clock and are no tests.
    pub fn is_test(&self) -> bool {
        let folder = self.path.split('/').rev().skip(1).any(|part| part == "tests");
        let named =
            self.name() == "tests.rs" || self.path.ends_with(".test.ts") || self.path.ends_with(".spec.ts");
        (folder || named) && !self.path.starts_with("tests/bench/")
    }

    /// Lines with their numbers, without those that are only a `//` comment.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The number of the first line of test code: 1 in a test file, that of the inline test module elsewhere.
    pub fn tests_begin(&self) -> usize {
        if self.is_test() {
            return 1;
        }
        let lines = self.text.lines().map(str::trim).collect::<Vec<_>>();
        let module = lines.windows(2).position(|pair| {
            pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
        });
        module.map_or(usize::MAX, |index| index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_from_production_code() {
        for path in
            ["proxy/server/tests/isolation.rs", "tests/kit/src/rig.rs", "proxy/media/src/hls/tests.rs"]
        {
            assert!(SourceFile::new(path, "").is_test(), "{path}");
        }
        for path in ["proxy/server/src/listen.rs", "tests/bench/src/main.rs", "dashboard/src/tests.vue"] {
            assert!(!SourceFile::new(path, "").is_test(), "{path}");
        }
        assert!(SourceFile::new("dashboard/src/charts/scale.test.ts", "").is_test());
    }

    #[test]
    fn an_inline_test_module_begins_at_its_attribute_and_an_outside_one_does_not() {
        let inline = SourceFile::new("a/src/lib.rs", "//! a\nfn a() {}\n#[cfg(test)]\nmod tests {\n}\n");
        assert_eq!(inline.tests_begin(), 3);
        let outside = SourceFile::new("a/src/lib.rs", "//! a\n#[cfg(test)]\nmod tests;\nfn a() {}\n");
        assert_eq!(outside.tests_begin(), usize::MAX);
    }

    #[test]
    fn generated_and_lock_files_are_known() {
        for path in
            ["dashboard/src/api/control.gen.ts", "schema/api/openapi/v2.json", "schema/tables/schema.sql"]
        {
            assert!(SourceFile::new(path, "").is_generated(), "{path}");
        }
        assert!(!SourceFile::new("schema/tables/migrations/0001_first.sql", "").is_generated());
        assert!(SourceFile::new("dashboard/package-lock.json", "").is_lock());
    }

    #[test]
    fn the_tree_is_read_without_what_is_ignored() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = read(root).unwrap();
        assert!(files.iter().any(|file| file.path == "src/tree.rs"));
        let house = read(&root.join("../..")).unwrap();
        assert!(
            house.iter().all(|file| !file.path.starts_with("target/") && !file.path.contains("node_modules"))
        );
    }
}
