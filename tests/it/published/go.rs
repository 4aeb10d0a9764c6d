//! A Go module, by the go builder.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::suite::{Own, Suite, assert_same, projects, run};
use crate::support::User;

/// What is laid into its tree: where Debian's toolchain is.
const MUSTER: &str = include_str!("x-text.toml");
const GO: &str = "/usr/lib/go-1.19/bin/go";
/// `suite` and `name` of each test to its results.
type Results = BTreeMap<(String, String), Vec<String>>;
/// How JUnit XML calls a package as a whole.
const WHOLE: &str = "TestMain";

/// golang.org/x/text, as Debian installs its source.
pub(super) fn suite() -> Option<Suite> {
    let projects = projects()?;
    let tree = projects.join("golang-golang-x-text-dev");
    std::fs::write(tree.join("muster.toml"), MUSTER).unwrap();
    Some(Suite {
        tree,
        environment: Vec::new(),
        at_least: 400,
        wheels: projects.join("wheels"),
        own: Box::new(go_test),
    })
}

/// `go test -json ./...` in the tree.
fn go_test(tree: &Path) -> Own {
    let (code, text) = run(&mut go_test_command(tree, &[]));
    let results = read(&text);
    let tests = results.keys().filter(|(_, case)| !case.contains('/') && case != WHOLE).count();
    Own { results, code, tests }
}

fn go_test_command(tree: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(GO);
    command.current_dir(tree).args(["test", "-json", "-count=1"]).args(args).arg("./...");
    command.env("GOFLAGS", "").env("GOPROXY", "off");
    command
}

/// Each test with its results. A package has a verdict of its own where none of its tests has one, or where it failed
/// and none of them did.
fn read(text: &str) -> Results {
    let mut packages: BTreeMap<String, String> = BTreeMap::new();
    let mut tests = Results::new();
    for line in text.lines() {
        // What does not compile go 1.19 tells in plain words.
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            let package = line.strip_prefix("FAIL\t").and_then(|rest| rest.strip_suffix(" [build failed]")).unwrap();
            packages.insert(package.to_owned(), "failed".to_owned());
            continue;
        };
        let result = match event["Action"].as_str() {
            Some("pass") => "passed",
            Some("fail") => "failed",
            Some("skip") => "skipped",
            Some(_) | None => continue,
        };
        let package = event["Package"].as_str().unwrap().to_owned();
        match event["Test"].as_str() {
            Some(test) => tests.entry((package, test.to_owned())).or_default().push(result.to_owned()),
            None => drop(packages.insert(package, result.to_owned())),
        }
    }
    for (package, result) in packages {
        let mut own = tests.iter().filter(|((of, _), _)| *of == package).map(|(_, results)| results);
        let is_whole = if result == "failed" {
            !own.any(|results| results.iter().any(|result| result == "failed"))
        } else {
            own.next().is_none()
        };
        if is_whole {
            tests.insert((package, WHOLE.to_owned()), vec![result]);
        }
    }
    tests.values_mut().for_each(|results| results.sort());
    tests
}

/// What go 1.19 does not say of the sample: how a test ended that brought its binary down, or began in the middle of a
/// line of output, and how the rest of a package would have ended.
const UNTOLD: [(&str, &str, &str); 6] = [
    ("exits", "TestExits", "failed"),
    ("hangs", "TestHangs", "failed"),
    ("hangs", "TestNeverReached", "passed"),
    ("panics", "TestAfter", "passed"),
    ("plain", "TestNoNewline", "passed"),
    ("plain", "TestNoNewline/sub", "passed"),
];

/// A module that fails in every way: a failed test, a panic, a hang, an exit, a package that does not compile, one that
/// vet refuses, one that cannot start.
pub(super) fn check_sample() {
    if projects().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("sample");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/go/sample");
    run(Command::new("cp").arg("-r").arg(sample).arg(&tree));
    std::fs::write(tree.join("muster.toml"), format!("{MUSTER}timeout = \"2s\"\n")).unwrap();
    let output = go_test_command(&tree, &["-timeout=2s"]).output().unwrap();
    let mut expected = read(&String::from_utf8_lossy(&output.stdout));
    for (package, test, result) in UNTOLD {
        let package = format!("example.com/sample/{package}");
        if result == "failed" {
            expected.remove(&(package.clone(), WHOLE.to_owned()));
        }
        let before = expected.insert((package, test.to_owned()), vec![result.to_owned()]);
        assert_eq!(before, None, "{test} is told after all");
    }
    let tests = expected.len();
    let own = Own { results: expected, code: Some(1), tests };
    let user = User::new();
    let outcome = user.run(user.build_command(&tree, &["--helpers", "2"]));
    assert_same("the sample", &own, &outcome);
}
