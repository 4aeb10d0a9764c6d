//! A Go module whose tests bring their binaries down: who did has failed, and what it did not come to runs again, together.

use std::path::Path;

use crate::support::{Outcome, Tree, User, skip};

const GO: &str = "/usr/lib/go-1.19/bin/go";

/// One after the other.
const SERIAL: &str = r#"package serial

import "testing"

func TestA(t *testing.T) {}
func TestB(t *testing.T) {}
func TestPanics(t *testing.T) { panic("it was me") }
func TestC(t *testing.T) {}
func TestD(t *testing.T) { t.Run("part", func(t *testing.T) {}) }
func TestE(t *testing.T) {}
func TestF(t *testing.T) {}
"#;

/// Side by side: another one runs when one panics.
const PARALLEL: &str = r#"package parallel

import (
	"testing"
	"time"
)

var runs = make(chan bool, 1)

func TestBystander(t *testing.T) {
	t.Parallel()
	runs <- true
	time.Sleep(300 * time.Millisecond)
}

func TestPanics(t *testing.T) {
	t.Parallel()
	<-runs
	panic("it was me")
}

func TestSerial(t *testing.T) {}
"#;

#[test]
fn after_a_panic_the_rest_of_its_package_runs_again_together() {
    let Some(outcome) = build("serial", SERIAL) else { return };
    let rest = ["TestC", "TestD", "TestE", "TestF"];
    assert_only_the_panic_failed(&outcome, &rest);
    assert_eq!(outcome.result("TestD/part"), "passed", "{}", outcome.all());
    let groups = ["TestA TestB TestPanics TestC TestD TestE TestF", "TestC TestD TestE TestF"];
    assert_eq!(groups_of(&outcome), groups, "{}", outcome.all());
}

#[test]
fn who_ran_beside_a_panic_is_not_to_blame() {
    let Some(outcome) = build("parallel", PARALLEL) else { return };
    assert_only_the_panic_failed(&outcome, &["TestBystander", "TestSerial"]);
    let groups = ["TestBystander TestPanics TestSerial", "TestBystander"];
    assert_eq!(groups_of(&outcome), groups, "{}", outcome.all());
}

/// Builds a module of this one package, whose tests are one group whenever they may be.
fn build(package: &str, source: &str) -> Option<Outcome> {
    if !Path::new(GO).exists() {
        skip("Go is not installed (`apt-get install golang-1.19-go`)");
        return None;
    }
    let tree = Tree::with_muster(&format!("[go]\ngo = \"{GO}\"\nsplit = \"never\"\nparallel = 4\n"));
    std::fs::write(tree.path().join("go.mod"), "module example.com/m\n\ngo 1.19\n").unwrap();
    let folder = tree.path().join(package);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(format!("{package}_test.go")), source).unwrap();
    Some(User::new().build(tree.path(), &["--helpers", "0"]))
}

fn assert_only_the_panic_failed(outcome: &Outcome, others: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    let failed: Vec<_> = outcome.junit.iter().filter(|(_, result)| *result != "passed").collect();
    assert!(matches!(&failed[..], [((_, name), _)] if name == "TestPanics"), "{failed:?} in {}", outcome.all());
    for name in others {
        assert_eq!(outcome.result(name), "passed", "{}", outcome.all());
    }
    let verdict = outcome.named("test").find(|event| event["verdict"] == "failed").unwrap();
    let cause = verdict["cause"].as_str().unwrap();
    assert!(cause.contains("panic: it was me"), "{cause}");
}

/// The tests of each exec, by their functions.
fn groups_of(outcome: &Outcome) -> Vec<String> {
    let function = |name: &serde_json::Value| name.as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    let tests = |event: &serde_json::Value| event["tests"].as_array().unwrap().iter().map(function).collect::<Vec<_>>();
    outcome.named("attempt-started").map(|event| tests(event).join(" ")).collect()
}
