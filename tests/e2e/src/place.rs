//! The place of one test: its turn on the machine, its data directory, and what the machine offers.
//!
//! Invariant: while a [`Place`] lives, no other test of this crate runs a rig, be it in this process or in another.
//! In CI nothing may be missing, so what a machine lacks is a skipped test only elsewhere.

use std::fs::File;
use std::path::{Path, PathBuf};

use rebuffer_embedded::{Search, find_library};
use tempfile::TempDir;

/// Where a rig of one test lives.
#[derive(Debug)]
pub struct Place {
    name: &'static str,
    data: TempDir,
    library: PathBuf,
    _turn: File,
}

impl Place {
    /// Waits for the turn of this test. `None`, after saying so, where the library of the archive is missing.
    pub fn take(name: &'static str) -> Option<Self> {
        let library = library()?;
        let turn = File::create(kept().join("turn")).expect("target is ours to write");
        turn.lock().expect("a file of our own can be locked");
        let data = tempfile::tempdir().expect("a directory for the rig");
        let place = Self { name, data, library, _turn: turn };
        File::create(place.log()).expect("target is ours to write");
        Some(place)
    }

    /// The data directory of the rig.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The library of the archive.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// What the rigs of this test logged.
    pub fn log(&self) -> PathBuf {
        self.keeps("rig.log")
    }

    /// A file that stays for people to look at.
    pub fn keeps(&self, file: &str) -> PathBuf {
        kept().join(format!("{}-{file}", self.name))
    }
}

/// The binary under test: it lies beside the folder of the test programs.
pub fn program() -> PathBuf {
    let program = target().join("debug/rebuffer");
    assert!(program.is_file(), "{} is not built: `cargo build -p rebuffer` first", program.display());
    program
}

/// Says what is missing and that the test is skipped for it, or fails where nothing may be.
#[expect(clippy::print_stdout, reason = "the one line that tells why nothing was tested")]
pub fn lacks(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "missing: {what}");
    println!("skipped: {what}");
}

fn library() -> Option<PathBuf> {
    let cache = std::env::var_os("REBUFFER_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache"), PathBuf::from);
    let explicit = std::env::var_os("CHDB_LIB").map(PathBuf::from);
    let found = find_library(&Search { explicit, cache_dir: Some(cache), ..Search::default() });
    found.map_err(|error| lacks(&error.to_string())).ok()
}

/// `<target>/debug/deps/<test>` is running.
fn target() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a path");
    program.ancestors().nth(3).expect("cargo builds tests three levels deep").to_owned()
}

fn kept() -> PathBuf {
    let folder = target().join("e2e");
    std::fs::create_dir_all(&folder).expect("target is ours to write");
    folder
}
