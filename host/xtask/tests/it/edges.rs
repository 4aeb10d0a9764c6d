//! Which crate may use which: the layers of the project.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::repository::{assert_none, root};

/// Each crate and those it may use. `cli` may use every crate that is part of the product.
const ALLOWED: [(&str, &[&str]); 17] = [
    ("builtin", &[]),
    ("engine", &["builtin"]),
    ("sim", &["engine", "builtin"]),
    ("snapshot", &[]),
    ("logs", &["snapshot"]),
    ("buildlet", &["snapshot"]),
    ("pool", &["engine", "buildlet"]),
    ("store", &["engine"]),
    ("coordinator", &["builtin", "engine", "pool", "buildlet", "snapshot", "store", "logs"]),
    ("plugin-host", &["engine", "pool", "coordinator"]),
    ("report", &["coordinator", "engine"]),
    ("service", &["coordinator", "store", "engine", "logs", "snapshot", "report"]),
    (
        "cli",
        &[
            "builtin",
            "engine",
            "sim",
            "snapshot",
            "buildlet",
            "pool",
            "store",
            "logs",
            "coordinator",
            "plugin-host",
            "report",
            "service",
            "guest-build",
        ],
    ),
    ("guest-build", &[]),
    ("measure", &[]),
    ("xtask", &["guest-build"]),
    ("tests", &[]),
];

/// What only tests use: a crate's tests may stand on more than the crate itself.
const ALLOWED_IN_TESTS: [(&str, &[&str]); 6] = [
    ("snapshot", &["measure"]),
    ("logs", &["measure"]),
    ("buildlet", &["measure"]),
    ("plugin-host", &["guest-build", "builtin", "measure"]),
    ("service", &["measure"]),
    ("cli", &["measure"]),
];

#[test]
fn crates_use_only_the_layers_below() -> anyhow::Result<()> {
    let allowed = BTreeMap::from(ALLOWED);
    let allowed_in_tests = BTreeMap::from(ALLOWED_IN_TESTS);
    let mut offences = Vec::new();
    for package in packages()? {
        let Some(below) = allowed.get(package.name.as_str()) else {
            offences.push(format!("{} is not in the list of crates", package.name));
            continue;
        };
        let below_in_tests = allowed_in_tests.get(package.name.as_str()).copied().unwrap_or_default();
        for edge in package.edges {
            let is_allowed = |list: &[&str]| list.contains(&edge.to.as_str());
            if !(is_allowed(below) || edge.is_for_tests && is_allowed(below_in_tests)) {
                offences.push(format!("{} -> {}", package.name, edge.to));
            }
        }
    }
    assert_none("these edges are not allowed", &offences);
    Ok(())
}

#[test]
fn the_list_itself_has_no_cycle() {
    let mut placed = BTreeSet::new();
    while placed.len() < ALLOWED.len() {
        let next: Vec<&str> = ALLOWED
            .iter()
            .filter(|(name, below)| !placed.contains(name) && below.iter().all(|below| placed.contains(below)))
            .map(|(name, _)| *name)
            .collect();
        assert!(!next.is_empty(), "a cycle above {placed:?}");
        placed.extend(next);
    }
}

struct Package {
    name: String,
    edges: Vec<Edge>,
}

struct Edge {
    to: String,
    is_for_tests: bool,
}

fn packages() -> anyhow::Result<Vec<Package>> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(["metadata", "--format-version=1", "--no-deps", "--offline"]);
    let output = command.output().context("run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    ensure!(!packages.is_empty(), "the workspace has no packages");
    packages
        .iter()
        .map(|package| {
            let name = package["name"].as_str().context("a package without a name")?.to_owned();
            let dependencies = package["dependencies"].as_array().context("no dependencies")?;
            Ok(Package { name, edges: dependencies.iter().filter_map(edge).collect() })
        })
        .collect()
}

/// A dependency by path is one of this project's crates.
fn edge(dependency: &Value) -> Option<Edge> {
    dependency["path"].as_str()?;
    Some(Edge { to: dependency["name"].as_str()?.to_owned(), is_for_tests: dependency["kind"] == "dev" })
}
