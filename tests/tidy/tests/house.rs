//! The tree as it is, held against every rule.
//!
//! A rule is proved beside its own code; here it only has to hold. All findings are printed at once, so that one run
//! shows all there is to do.

use std::path::Path;

use rebuffer_tidy::exceptions::{self, EXCEPTIONS};
use rebuffer_tidy::tree::{self, SourceFile};
use rebuffer_tidy::{Finding, arrows, layout, packages, reserved, steady, words, workspace};

/// The rules that look at one file at a time.
const FILE_RULES: &[fn(&SourceFile) -> Vec<Finding>] = &[
    layout::root,
    layout::size,
    layout::names,
    layout::header,
    layout::lints,
    reserved::unsafe_code,
    reserved::sql,
    steady::check,
    words::check,
];

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let files = tree::read(&root).unwrap();
    assert!(files.len() > 50, "only {} files were read below {}", files.len(), root.display());
    let (members, mut packages) = workspace::read(&root).unwrap();
    if let Some(lock) = files.iter().find(|file| file.path == "dashboard/package-lock.json") {
        packages.extend(packages::npm(&lock.text).unwrap());
    }

    let mut findings =
        files.iter().flat_map(|file| FILE_RULES.iter().flat_map(|rule| rule(file))).collect::<Vec<_>>();
    findings.extend(arrows::check(&members, arrows::ARROWS));
    findings.extend(packages::licences(&packages, packages::LICENCES));
    findings.extend(packages::duplicates(&packages));

    let left = exceptions::apply(findings, EXCEPTIONS);
    let text = left.iter().map(|finding| format!("  {finding}\n")).collect::<String>();
    assert!(left.is_empty(), "{} findings:\n{text}", left.len());
}
