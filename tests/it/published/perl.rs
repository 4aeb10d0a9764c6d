//! A Perl distribution, by the command builder.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::suite::{Own, Suite, projects, run};

/// What is laid into its tree: how it is listed and run.
const MUSTER: &str = include_str!("type-tiny.toml");

/// Type::Tiny, as Debian's source package has it.
pub(super) fn suite() -> Option<Suite> {
    let projects = projects()?;
    let tree = projects.join("libtype-tiny-perl");
    std::fs::write(tree.join("muster.toml"), MUSTER).unwrap();
    Some(Suite {
        tree,
        environment: Vec::new(),
        at_least: 5_000,
        wheels: projects.join("wheels"),
        own: Box::new(prove),
    })
}

/// `prove` over the whole tree.
fn prove(tree: &Path) -> Own {
    let (code, text) = run(Command::new("prove").current_dir(tree).args(["--lib", "--recurse", "t"]));
    let results: BTreeMap<_, _> = text.lines().filter_map(file).collect();
    let points = text.lines().find_map(|line| line.strip_prefix("Files=")?.split("Tests=").nth(1));
    let points = points.and_then(|rest| rest.split(',').next()?.parse().ok());
    Own { results, code, tests: points.unwrap() }
}

/// `t/name.t .... ok`: a file and what became of it.
fn file(line: &str) -> Option<((String, String), Vec<String>)> {
    let (name, rest) = line.split_once(" ..")?;
    let result = match rest.trim_start_matches('.').trim() {
        "ok" => "passed",
        skipped if skipped.starts_with("skipped") => "skipped",
        _ => "failed",
    };
    name.ends_with(".t").then(|| ((String::new(), name.trim().to_owned()), vec![result.to_owned()]))
}
