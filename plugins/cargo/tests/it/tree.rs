//! Every kind of test, by nextest and by binaries, on the machine that made the tree and on others.

use std::path::Path;

use muster_sdk::parser::Status;
use muster_sdk::types::{ExitStatus, Test};

use crate::machine::{Machine, Root};

/// The tests that nextest and the harness have alike, and how they end.
const ALIKE: [(&str, Status); 16] = [
    ("app tests::child_says_something", Status::Passed),
    ("app tests::fails", Status::Failed),
    ("app tests::ignored", Status::Skipped),
    ("app tests::panics", Status::Passed),
    ("app tests::passes", Status::Passed),
    ("app tests::prints_what_looks_like_a_test", Status::Passed),
    ("app::bin/app of_the_program", Status::Passed),
    ("app::it aborts", Status::Failed),
    ("app::it as_many_at_once_as_somebody_says", Status::Passed),
    ("app::it data_beside_the_manifest", Status::Passed),
    ("app::it derived", Status::Passed),
    ("app::it temporary_files_are_kept_in_the_tree", Status::Passed),
    ("app::it the_folder_is_the_package", Status::Passed),
    ("app::it the_program_is_of_this_tree", Status::Passed),
    ("app::it what_the_build_script_made", Status::Passed),
    ("derive of_the_macro", Status::Passed),
];
/// Documentation tests, and how they end.
const DOC: [(&str, Status); 9] = [
    ("app::doc app/src/lib.rs - (line 3)", Status::Passed),
    ("app::doc app/src/lib.rs - add (line 12)", Status::Passed),
    ("app::doc app/src/lib.rs - add (line 15)", Status::Passed),
    ("app::doc app/src/lib.rs - add (line 18)", Status::Skipped),
    ("app::doc app/src/lib.rs - add (line 21)", Status::Passed),
    ("app::doc app/src/lib.rs - add (line 9)", Status::Failed),
    ("app::doc app/src/lib.rs - data (line 30)", Status::Passed),
    ("app::doc app/src/more.rs - more::twice (line 5)", Status::Passed),
    ("derive::doc derive/src/lib.rs - seven (line 7)", Status::Passed),
];

/// Every test in one exec for each of its merge keys; names and ends, by name.
fn verdicts(machine: &Machine, tests: &[Test]) -> Vec<(String, Status)> {
    let mut verdicts = Vec::new();
    for key in ["nextest", "libtest", "doc"] {
        let (skipped, to_run): (Vec<Test>, Vec<Test>) =
            tests.iter().filter(|test| test.merge_key.as_deref() == Some(key)).cloned().partition(|t| t.skip.is_some());
        verdicts.extend(skipped.into_iter().map(|test| (test.name, Status::Skipped)));
        if to_run.is_empty() {
            continue;
        }
        let (results, said) = machine.run(&to_run);
        assert_ne!(said.exit, ExitStatus::Exited(0), "each of them has one that fails");
        for test in &to_run {
            let result = results.get(&test.name).unwrap_or_else(|| {
                panic!("`{}` is not reported:\n{}", test.name, String::from_utf8_lossy(&said.output))
            });
            verdicts.push((test.name.clone(), result.status));
        }
        assert_eq!(results.len(), to_run.len(), "nothing else is reported");
    }
    verdicts.sort_by(|a, b| a.0.cmp(&b.0));
    verdicts
}

fn expected(more: &[(&str, Status)]) -> Vec<(String, Status)> {
    let all = ALIKE.iter().chain(&DOC).chain(more);
    let mut all: Vec<(String, Status)> = all.map(|(name, status)| ((*name).to_owned(), *status)).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// PATH without nextest.
fn hidden() -> Option<String> {
    let path = std::env::var("PATH").unwrap();
    let keep = |folder: &&str| !Path::new(folder).join("cargo-nextest").exists();
    Some(path.split(':').filter(keep).collect::<Vec<_>>().join(":"))
}

fn has_nextest() -> bool {
    hidden().unwrap() != std::env::var("PATH").unwrap()
}

/// A shorter path, then one so long that a link has to stand for it.
fn check_moved(machine: Machine, root: &Path, tests: &[Test], expected: &[(String, Status)]) {
    let machine = machine.moved(&root.join("b"));
    assert_eq!(verdicts(&machine, tests), expected, "where the tree's path is shorter");
    let machine = machine.moved(&root.join("c").join("d".repeat(60)));
    assert_eq!(verdicts(&machine, tests), expected, "where the tree's path is longer");
}

#[test]
fn binaries_are_run_as_cargo_does() {
    let root = Root::make("libtest");
    let path = if has_nextest() { hidden() } else { None };
    let machine = Machine::with_source(&root.0.join("first"), r#"{"args": ["--quiet"]}"#, path);
    let tests = machine.make();
    let expected = expected(&[("app::it passes_the_second_time", Status::Passed), ("app::own", Status::Passed)]);
    assert_eq!(verdicts(&machine, &tests), expected, "where the tree was made");
    let alone: Vec<Test> = tests.iter().filter(|test| test.name == "app tests::fails").cloned().collect();
    let (results, _) = machine.run(&alone);
    assert!(results["app tests::fails"].message.contains("the sum"), "{results:?}");
    assert!(results["app tests::fails"].duration.is_some());
    let of_file: Vec<Test> = tests.iter().filter(|test| test.name.contains("more.rs")).cloned().collect();
    let (results, said) = machine.run(&of_file);
    assert_eq!((results.len(), said.exit), (1, ExitStatus::Exited(0)), "the failing one stands in another file");
    let names = machine.target_names();
    assert!(names.iter().all(|name| !name.contains("incremental") && !name.ends_with(".rmeta")), "{names:?}");
    check_moved(machine, &root.0, &tests, &expected);
}

#[test]
fn nextest_runs_what_it_lists() {
    if !has_nextest() {
        return assert!(hidden().is_some(), "nextest is not installed: nothing to compare");
    }
    let root = Root::make("nextest");
    // Nextest asks every harness for a list, which this one would not give.
    let settings = r#"{"runner": "nextest", "args": ["--lib", "--bins", "--test", "it"], "features": ["extra"]}"#;
    let machine = Machine::with_source(&root.0.join("first"), settings, None);
    let tests = machine.make();
    let without_doc = |verdicts: Vec<(String, Status)>| {
        verdicts.into_iter().filter(|(name, _)| !name.contains("::doc ")).collect::<Vec<_>>()
    };
    // The project has nextest try it again, and fail it even so.
    let flaky = ("app::it passes_the_second_time", Status::Failed);
    let expected = without_doc(expected(&[("app tests::extra", Status::Passed), flaky]));
    assert_eq!(verdicts(&machine, &tests), expected, "where the tree was made");
    check_moved(machine.of_others(), &root.0, &tests, &expected);
}
