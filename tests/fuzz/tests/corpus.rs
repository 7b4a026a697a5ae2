//! Every fixture and every finding, through every target: what once failed never does again.
//!
//! Deliberately absent: new inputs; `make fuzz` looks for them.

use std::path::{Path, PathBuf};

use rebuffer_fuzz::{TARGETS, fixtures};

/// The files of a folder and of those beneath it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("a readable folder").path());
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[test]
fn no_input_of_the_corpus_fails_in_any_target() {
    let files = files(&fixtures());
    assert!(files.len() > 20, "{files:?}");
    for path in files {
        let data = std::fs::read(&path).unwrap();
        for target in TARGETS {
            // The panic of a target names the file, so that it can be tried alone.
            let run = std::panic::catch_unwind(|| (target.run)(&data));
            assert!(run.is_ok(), "{} fails in {}", path.display(), target.name);
        }
    }
}

#[test]
fn every_target_has_seeds_and_a_name_of_its_own() {
    for (place, target) in TARGETS.iter().enumerate() {
        assert!(TARGETS.iter().skip(place + 1).all(|other| other.name != target.name), "{}", target.name);
        for seeds in target.seeds {
            assert!(!files(&fixtures().join(seeds)).is_empty(), "{seeds}");
        }
    }
}
