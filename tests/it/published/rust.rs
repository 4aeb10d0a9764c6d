//! Crates of crates.io, by the cargo builder with nextest and without.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cargo_test;
use super::suite::{Own, Suite, projects};
use crate::support::skip;

/// What is laid into a tree that is to be tested without nextest.
const LIBTEST: &str = include_str!("num.toml");
/// Where the time stands in a line of nextest's: after a word that is padded to it.
const TIME_COLUMN: usize = 13;

type Results = BTreeMap<(String, String), Vec<String>>;

/// The crates of toml, by nextest; their documentation tests by cargo.
pub(super) fn workspace() -> Option<Suite> {
    let projects = projects()?;
    if nextest().is_none() {
        skip("cargo-nextest is not installed");
        return None;
    }
    let target = projects.join("toml-workspace-target");
    Some(Suite {
        tree: projects.join("toml-workspace"),
        environment: environment(),
        at_least: 2_000,
        wheels: projects.join("wheels"),
        own: Box::new(move |tree| {
            let mut own = by_nextest(tree, &target);
            let doc = cargo_test::run(tree, || cargo(tree, &target), &["--doc"]);
            own.results.extend(doc.results);
            Own { code: own.code.max(doc.code), tests: own.tests + doc.tests, ..own }
        }),
    })
}

/// The crates of num, by their test binaries as `cargo test` runs them.
pub(super) fn without_nextest() -> Option<Suite> {
    let projects = projects()?;
    let (tree, target) = (projects.join("num-workspace"), projects.join("num-workspace-target"));
    lay(&tree.join("muster.toml"), LIBTEST);
    Some(Suite {
        tree,
        environment: environment(),
        at_least: 600,
        wheels: projects.join("wheels"),
        own: Box::new(move |tree| cargo_test::run(tree, || cargo(tree, &target), &[])),
    })
}

/// Writes a file whole: tests of other processes may be reading it.
fn lay(file: &Path, text: &str) {
    if std::fs::read_to_string(file).is_ok_and(|there| there == text) {
        return;
    }
    let partial = file.with_extension(std::process::id().to_string());
    std::fs::write(&partial, text).unwrap();
    std::fs::rename(&partial, file).unwrap();
}

/// What both runners have set: where the toolchain is, and no debug information, which takes most of the time and of the
/// snapshot.
fn environment() -> Vec<(String, OsString)> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let folder = |variable: &str, usual: &str| {
        let folder = std::env::var_os(variable).unwrap_or_else(|| home.join(usual).into_os_string());
        (variable.to_owned(), folder)
    };
    let debug = ("CARGO_PROFILE_DEV_DEBUG".to_owned(), "0".into());
    vec![debug, folder("RUSTUP_HOME", ".rustup"), folder("CARGO_HOME", ".cargo")]
}

/// The folder of nextest.
fn nextest() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).find(|folder| folder.join("cargo-nextest").exists())
}

/// A command of cargo in the tree, leaving nothing in it.
fn cargo(tree: &Path, target: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(tree).envs(environment());
    command.env("CARGO_TARGET_DIR", target).env("CARGO_TERM_COLOR", "never");
    command
}

/// Its line for each test.
fn by_nextest(tree: &Path, target: &Path) -> Own {
    let mut command = cargo(tree, target);
    command.args(["nextest", "run", "--no-fail-fast", "--color", "never"]);
    command.args(["--status-level", "all", "--final-status-level", "none", "--failure-output", "never"]);
    let output = command.output().unwrap();
    // All of it is for people, and goes to standard error.
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().map(|code| i32::from(code == 100));
    let results: Results = text.lines().filter_map(line).collect();
    let tests = results.len();
    Own { results, code, tests }
}

/// `        PASS [   0.005s] crate::binary test::name`.
fn line(line: &str) -> Option<((String, String), Vec<String>)> {
    let (word, rest) = line.split_at_checked(TIME_COLUMN)?;
    let (_, name) = rest.strip_prefix('[')?.split_once("] ")?;
    // A count may stand before the name.
    let name = name.strip_prefix('(').and_then(|rest| rest.split_once(") ")).map_or(name, |(_, name)| name);
    let (binary, test) = name.split_once(' ')?;
    let result = match word.trim() {
        "PASS" | "LEAK" => "passed",
        "SKIP" => "skipped",
        "SLOW" | "Summary" => return None,
        _ => "failed",
    };
    Some(((binary.to_owned(), test.to_owned()), vec![result.to_owned()]))
}
