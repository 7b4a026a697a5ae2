//! The workspace as cargo sees it: its members, and every package they are built from.
//!
//! Only the platform the tests run on is asked for: what other systems would pull in does not ship. The answer is turned
//! at once into the few fields the rules need; nothing else of `cargo metadata` leaves this file.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, PackageId, Target};

use crate::packages::Package;

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub struct Member {
    pub name: String,
    /// From the root of the tree.
    pub folder: String,
    /// The members it is built from; development dependencies are not among them.
    pub uses: Vec<String>,
}

impl Member {
    pub fn is_test(&self) -> bool {
        self.folder.starts_with("tests/")
    }
}

/// Asks cargo about the workspace at `root`.
///
/// # Errors
/// When cargo cannot be run or refuses, for example because the lock file is not current.
pub fn read(root: &Path) -> Result<(Vec<Member>, Vec<Package>), cargo_metadata::Error> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--locked".to_owned(), "--filter-platform".to_owned(), platform])
        .exec()?;
    let members = members(&metadata);
    let packages = packages(&metadata, &members);
    Ok((members, packages))
}

fn members(metadata: &Metadata) -> Vec<Member> {
    let inside = metadata.workspace_packages();
    let names = inside.iter().map(|package| package.name.as_str()).collect::<HashSet<_>>();
    let member = |package: &cargo_metadata::Package| {
        let folder =
            package.manifest_path.parent().and_then(|path| path.strip_prefix(&metadata.workspace_root).ok());
        let mut uses = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .map(|dependency| dependency.name.clone())
            .filter(|name| names.contains(name.as_str()))
            .collect::<Vec<_>>();
        uses.sort();
        Member {
            name: package.name.to_string(),
            folder: folder.map(ToString::to_string).unwrap_or_default(),
            uses,
        }
    };
    inside.into_iter().map(member).collect()
}

fn packages(metadata: &Metadata, members: &[Member]) -> Vec<Package> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let nodes = nodes.map(|node| (&node.id, node)).collect::<HashMap<_, _>>();
    let rooms = metadata.workspace_packages().into_iter().filter(|package| {
        members.iter().any(|member| member.name == package.name.as_str() && !member.is_test())
    });
    let macros = metadata
        .packages
        .iter()
        .filter(|package| package.targets.iter().any(Target::is_proc_macro))
        .map(|package| &package.id)
        .collect();
    let shipped = shipped(rooms.map(|package| &package.id).collect(), &nodes, &macros);
    let package = |package: &cargo_metadata::Package| Package {
        name: package.name.to_string(),
        version: package.version.to_string(),
        licence: package.license.clone(),
        ships: shipped.contains(&package.id),
    };
    metadata.packages.iter().filter(|each| nodes.contains_key(&each.id)).map(package).collect()
}

/// Everything that is linked into the crates in `open`, themselves included: no macros, build scripts or tests.
fn shipped<'m>(
    mut open: Vec<&'m PackageId>,
    nodes: &HashMap<&PackageId, &'m Node>,
    macros: &HashSet<&PackageId>,
) -> HashSet<&'m PackageId> {
    let mut shipped = HashSet::new();
    while let Some(id) = open.pop() {
        if macros.contains(id) || !shipped.insert(id) {
            continue;
        }
        let dependencies = nodes.get(id).into_iter().flat_map(|node| &node.deps);
        let linked =
            dependencies.filter(|each| each.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        open.extend(linked.map(|each| &each.pkg));
    }
    shipped
}
