//! Who may use whom: the arrows between the crates of the workspace.
//!
//! [`ARROWS`] is the only declaration. A crate may use what its row names, and whatever those may use in turn. Crates
//! under `tests/` may use anything and may be used by nobody; development dependencies are free, because they never ship.

use std::collections::BTreeSet;

use crate::Finding;
use crate::workspace::Member;

/// A crate, and the crates it may use directly.
pub type Arrow = (&'static str, &'static [&'static str]);

pub const ARROWS: &[Arrow] = &[
    // schema: what we mean
    ("rebuffer-model", &[]),
    ("rebuffer-tables", &["rebuffer-model"]),
    ("rebuffer-api", &["rebuffer-model"]),
    // shaper: what happens to a packet
    ("rebuffer-shape", &["rebuffer-model"]),
    ("rebuffer-shaper", &["rebuffer-shape"]),
    // proxy: what happens to a request
    ("rebuffer-media", &["rebuffer-model"]),
    ("rebuffer-engine", &["rebuffer-model", "rebuffer-media"]),
    ("rebuffer-ts", &["rebuffer-model", "rebuffer-media"]),
    ("rebuffer-demo", &["rebuffer-media"]),
    (
        "rebuffer-proxy",
        &[
            "rebuffer-engine",
            "rebuffer-media",
            "rebuffer-ts",
            "rebuffer-api",
            "rebuffer-shape",
            "rebuffer-shaper",
        ],
    ),
    // forwarder: what is remembered
    ("rebuffer-labels", &["rebuffer-model"]),
    ("rebuffer-archive", &["rebuffer-model", "rebuffer-tables"]),
    ("rebuffer-embedded", &[]),
    ("rebuffer-forwarder", &["rebuffer-labels", "rebuffer-tables", "rebuffer-archive", "rebuffer-api"]),
    // harness: the one binary
    (
        "rebuffer",
        &[
            "rebuffer-proxy",
            "rebuffer-forwarder",
            "rebuffer-embedded",
            "rebuffer-shaper",
            "rebuffer-demo",
            "rebuffer-api",
        ],
    ),
];

/// Arrows that `table` does not allow, and crates it does not know.
pub fn check(members: &[Member], table: &[Arrow]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members.iter().filter(|member| !member.is_test()) {
        let Some((_, direct)) = table.iter().find(|(name, _)| *name == member.name) else {
            findings.push(Finding::new("arrows", &member.name, "has no row in tests/tidy/src/arrows.rs"));
            continue;
        };
        let allowed = reach(direct, table);
        for used in member.uses.iter().filter(|used| !allowed.contains(used.as_str())) {
            findings.push(Finding::new("arrows", &member.name, format!("may not use {used}")));
        }
    }
    findings
}

/// The crates in `direct` and everything they may use.
fn reach<'t>(direct: &[&'t str], table: &[Arrow]) -> BTreeSet<&'t str>
where
    'static: 't,
{
    let mut reached = BTreeSet::new();
    let mut open = direct.to_vec();
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(
                table.iter().filter(|(left, _)| *left == name).flat_map(|(_, right)| right.iter().copied()),
            );
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Arrow] = &[("model", &[]), ("media", &["model"]), ("engine", &["media"])];

    fn member(name: &str, folder: &str, uses: &[&str]) -> Member {
        let uses = uses.iter().map(|used| (*used).to_owned()).collect();
        Member { name: name.to_owned(), folder: folder.to_owned(), uses }
    }

    #[test]
    fn a_declared_arrow_and_what_follows_from_it_are_allowed() {
        assert!(check(&[member("engine", "proxy/engine", &["media", "model"])], TABLE).is_empty());
    }

    #[test]
    fn an_arrow_against_the_table_is_found() {
        let found = check(&[member("media", "proxy/media", &["engine"])], TABLE);
        assert_eq!(found, [Finding::new("arrows", "media", "may not use engine")]);
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let found = check(&[member("new", "proxy/new", &[])], TABLE);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn test_crates_use_anything_and_are_used_by_no_room() {
        assert!(check(&[member("kit", "tests/kit", &["engine"])], TABLE).is_empty());
        assert_eq!(check(&[member("engine", "proxy/engine", &["kit"])], TABLE).len(), 1);
    }

    #[test]
    fn the_table_names_only_itself_and_has_no_ring() {
        for (name, direct) in ARROWS {
            assert!(!reach(direct, ARROWS).contains(name), "{name} reaches itself");
            for right in *direct {
                assert!(ARROWS.iter().any(|(left, _)| left == right), "{name} -> {right}: no such row");
            }
        }
    }
}
