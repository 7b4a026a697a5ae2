//! What others wrote and we ship: their licences, and the packages we carry twice.
//!
//! This is what `cargo deny check licenses bans` would answer, without minutes of compiling a tool on every fresh
//! machine; the npm packages of the dashboard are held to the same list. Known vulnerabilities are not asked for here:
//! that needs the network and changes without a commit.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::Finding;

/// Licences that ask for no more than a notice.
pub const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "CDLA-Permissive-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[derive(Debug, Clone)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// An SPDX expression, as its author wrote it.
    pub licence: Option<String>,
    /// Linked into what users run; false for what only compiling and testing need.
    pub ships: bool,
}

/// Packages whose licence is missing, unreadable, or not to be had with `allowed` alone.
pub fn licences(packages: &[Package], allowed: &[&str]) -> Vec<Finding> {
    let refuse = |package: &Package| {
        let text = package.licence.as_deref().unwrap_or("none");
        let accepted = Expression::parse_mode(text, ParseMode::LAX).is_ok_and(|expression| {
            expression.evaluate(|required| required.license.id().is_some_and(|id| allowed.contains(&id.name)))
        });
        let why = format!("{} has the licence `{text}`, which is not on the list", package.version);
        (!accepted).then(|| Finding::new("licences", &package.name, why))
    };
    packages.iter().filter_map(refuse).collect()
}

/// Shipped packages that come in more than one version.
pub fn duplicates(packages: &[Package]) -> Vec<Finding> {
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for package in packages.iter().filter(|package| package.ships) {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let twice = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    let finding = |(name, versions): (&str, BTreeSet<&str>)| {
        let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
        Finding::new(
            "duplicates",
            name,
            format!("ships as {versions}: `cargo tree -i {name}@VERSION` says for whom"),
        )
    };
    twice.map(finding).collect()
}

#[derive(Deserialize)]
struct NpmLock {
    packages: BTreeMap<String, NpmEntry>,
}

#[derive(Deserialize)]
struct NpmEntry {
    #[serde(default)]
    version: String,
    license: Option<String>,
    #[serde(default)]
    dev: bool,
    /// Only in the trees of dev packages and of optional peers nobody installed.
    #[serde(default, rename = "devOptional")]
    dev_optional: bool,
}

/// The packages of a `package-lock.json` that end up in the built page.
///
/// # Errors
/// When the text is no lock file of npm.
pub fn npm(lock: &str) -> Result<Vec<Package>, serde_json::Error> {
    let lock = serde_json::from_str::<NpmLock>(lock)?;
    let ours = |(path, entry): (String, NpmEntry)| {
        let name = path.rsplit_once("node_modules/")?.1.to_owned();
        let ships = !entry.dev && !entry.dev_optional;
        ships.then_some(Package { name, version: entry.version, licence: entry.license, ships })
    };
    Ok(lock.packages.into_iter().filter_map(ours).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, licence: Option<&str>, ships: bool) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: licence.map(str::to_owned),
            ships,
        }
    }

    fn refused(licence: Option<&str>) -> bool {
        !licences(&[package("a", "1.0.0", licence, true)], LICENCES).is_empty()
    }

    #[test]
    fn a_licence_passes_when_the_list_alone_satisfies_it() {
        for good in ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "(MIT OR GPL-2.0) AND Unicode-3.0"] {
            assert!(!refused(Some(good)), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND LGPL-2.1", "SEE LICENSE IN file", ""] {
            assert!(refused(Some(bad)), "{bad}");
        }
        assert!(refused(None));
    }

    #[test]
    fn two_shipped_versions_are_found_and_those_of_tests_are_not() {
        let shipped = [package("a", "1.0.0", None, true), package("a", "2.0.0", None, true)];
        assert_eq!(duplicates(&shipped).len(), 1);
        let tests = [package("a", "1.0.0", None, true), package("a", "2.0.0", None, false)];
        assert!(duplicates(&tests).is_empty());
    }

    #[test]
    fn npm_packages_are_named_by_their_last_folder_and_tools_are_left_out() {
        let lock = r#"{"packages": {
            "": {"version": "0.1.0"},
            "node_modules/vue": {"version": "3.5.0", "license": "MIT"},
            "node_modules/vue/node_modules/@vue/shared": {"version": "3.4.0"},
            "node_modules/vite": {"version": "7.0.0", "license": "MIT", "dev": true}
        }}"#;
        let found = npm(lock).unwrap();
        let names = found.iter().map(|package| package.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names, ["vue", "@vue/shared"]);
        assert_eq!(licences(&found, LICENCES).len(), 1, "a package without a licence is refused");
        assert!(npm("[]").is_err());
    }
}
