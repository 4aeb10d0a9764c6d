//! A project's own tests, and what is compared.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Outcome, skip};

/// How many differences are shown.
const MAX_SHOWN: usize = 20;

/// A published project.
pub(super) struct Suite {
    pub(super) tree: PathBuf,
    /// What the caller of muster has set.
    pub(super) environment: Vec<(String, OsString)>,
    /// The fewest tests that make it worth its time.
    pub(super) at_least: usize,
    /// Packages for a machine that reaches no index.
    pub(super) wheels: PathBuf,
    /// Runs its own runner.
    pub(super) own: Box<dyn Fn(&Path) -> Own>,
}

/// What a runner said: each test with its results, sorted, since runners may call two tests alike.
pub(super) struct Own {
    pub(super) results: BTreeMap<(String, String), Vec<String>>,
    pub(super) code: Option<i32>,
    /// Its own number of tests, where a file holds many.
    pub(super) tests: usize,
}

impl Suite {
    pub(super) fn run_itself(&self) -> Own {
        (self.own)(&self.tree)
    }

    /// What another machine would not have: the original tree and everything beside it, homes, temporary files.
    pub(super) fn hidden(&self) -> Vec<PathBuf> {
        let mut hidden = vec![self.tree.clone(), std::env::temp_dir(), PathBuf::from("/tmp")];
        hidden.extend(self.tree.parent().map(Path::to_owned));
        hidden.extend(std::env::var_os("HOME").map(PathBuf::from));
        hidden.retain(|folder| folder.is_dir());
        hidden
    }
}

/// The folder that published projects were fetched to; why not, where there is none.
pub(super) fn projects() -> Option<PathBuf> {
    let folder = std::env::var_os("MUSTER_TEST_PROJECTS").map(PathBuf::from);
    if folder.is_none() {
        skip("no published projects were fetched (`cargo xtask test` fetches them)");
    }
    folder
}

/// Runs the project's own runner to its end.
pub(super) fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "{command:?}: {code:?}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    (code, text)
}

/// Same names, same results, none lost, none added, and the exit code that says so.
pub(super) fn assert_same(place: &str, own: &Own, outcome: &Outcome) {
    let mut differences = Vec::new();
    let (expected, got) = (without_addresses(&own.results), without_addresses(outcome.results()));
    for name in expected.keys().chain(got.keys().filter(|name| !expected.contains_key(*name))) {
        let (expected, got) = (expected.get(name), got.get(name));
        if expected != got {
            differences.push(format!("{name:?}: by its own runner {expected:?}, by muster {got:?}"));
        }
    }
    let count = differences.len();
    differences.truncate(MAX_SHOWN);
    assert!(count == 0, "{place}, {count} tests differ:\n{}\n{}", differences.join("\n"), outcome.stderr);
    assert_eq!(outcome.code, own.code, "{place}: {}", outcome.stderr);
}

/// The same tests with no place in memory in their names: that is another one in each run.
fn without_addresses(results: &BTreeMap<(String, String), Vec<String>>) -> BTreeMap<(String, String), Vec<String>> {
    let mut plain: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for ((suite, case), results) in results {
        let mut parts = case.split("0x");
        let mut name = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            name.push_str("0x");
            name.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
        }
        let alike = plain.entry((suite.clone(), name)).or_default();
        alike.extend_from_slice(results);
        alike.sort_unstable();
    }
    plain
}
