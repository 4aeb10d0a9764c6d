//! Projects of the Python package index, by the pytest builder.

use std::path::Path;
use std::process::Command;

use super::suite::{Own, Suite, projects, run};
use crate::support::junit;

/// The suite of a release, with the environment that was made for it.
pub(super) fn suite(release: &str, at_least: usize) -> Option<Suite> {
    let projects = projects()?;
    let environment = projects.join(format!("{release}-venv"));
    let python = environment.join("bin/python");
    Some(Suite {
        tree: projects.join(release),
        environment: vec![("VIRTUAL_ENV".to_owned(), environment.into_os_string())],
        at_least,
        wheels: projects.join("wheels"),
        own: Box::new(move |tree| pytest(&python, tree)),
    })
}

/// `python -m pytest` in the tree, leaving nothing in it.
fn pytest(python: &Path, tree: &Path) -> Own {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("own.xml");
    let mut command = Command::new(python);
    command.current_dir(tree).args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
    command.arg(format!("--junitxml={}", report.display()));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("COVERAGE_FILE", folder.path().join("coverage"));
    let (code, _) = run(&mut command);
    // An error of a fixture fails the test that asked for it.
    let results = junit::read_all(&report, |result| if result == "error" { "failed" } else { result });
    let tests = results.values().map(Vec::len).sum();
    Own { results, code, tests }
}
