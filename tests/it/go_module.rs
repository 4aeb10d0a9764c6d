//! A Go module whose tests bring their binaries down: who did has failed, and what it did not come to runs again, together.

use std::path::Path;

use serde_json::Value;

use crate::support::{Outcome, Tree, User, skip};

const GO: &str = "/usr/lib/go-1.19/bin/go";
/// The test that panics.
const PANICS: &str = "TestC";

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

func TestC(t *testing.T) {
	t.Parallel()
	<-runs
	panic("it was me")
}

func TestSerial(t *testing.T) {}
"#;

#[test]
fn after_a_panic_the_rest_of_its_package_runs_again_together() {
    let functions: Vec<String> = (b'A'..=b'P').map(|letter| format!("Test{}", char::from(letter))).collect();
    let body =
        |name: &String| if name == PANICS { "panic(\"it was me\")" } else { "t.Run(\"part\", func(*testing.T) {})" };
    let functions_in_go: Vec<String> =
        functions.iter().map(|name| format!("func {name}(t *testing.T) {{ {} }}\n", body(name))).collect();
    let source = format!("package serial\n\nimport \"testing\"\n\n{}", functions_in_go.concat());
    let Some(outcome) = build("serial", &source, "") else { return };
    assert_only_the_panic_failed(&outcome);
    assert_eq!(outcome.junit.len(), 31, "each but one with its part: {:?}", outcome.junit);
    let groups = groups_of(&outcome);
    let rest: Vec<&String> = groups[0].iter().skip_while(|name| *name != PANICS).skip(1).collect();
    assert!(rest.len() > 1, "the panic is in the middle of its group: {groups:?}");
    assert!(groups[1].iter().zip(&rest).all(|(again, rest)| again == *rest), "{rest:?} again in {groups:?}");
    assert!(groups[1].len() >= rest.len() && groups.concat().len() == functions.len() + rest.len(), "{groups:?}");
}

#[test]
fn who_ran_beside_a_panic_is_not_to_blame() {
    let Some(outcome) = build("parallel", PARALLEL, "split = \"never\"\nparallel = 4\n") else { return };
    assert_only_the_panic_failed(&outcome);
    assert_eq!(outcome.junit.len(), 3, "{:?}", outcome.junit);
    assert_eq!(groups_of(&outcome), [vec!["TestBystander", PANICS, "TestSerial"], vec!["TestBystander"]]);
}

/// Builds a module of this one package.
fn build(package: &str, source: &str, settings: &str) -> Option<Outcome> {
    if !Path::new(GO).exists() {
        skip("Go is not installed (`apt-get install golang-1.19-go`)");
        return None;
    }
    let tree = Tree::with_muster(&format!("[go]\ngo = \"{GO}\"\n{settings}"));
    std::fs::write(tree.path().join("go.mod"), "module example.com/m\n\ngo 1.19\n").unwrap();
    let folder = tree.path().join(package);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(format!("{package}_test.go")), source).unwrap();
    Some(User::new().build(tree.path(), &["--helpers", "0"]))
}

fn assert_only_the_panic_failed(outcome: &Outcome) {
    assert_eq!(outcome.code, Some(1), "{}", outcome.all());
    let failed: Vec<_> = outcome.junit.iter().filter(|(_, result)| *result != "passed").collect();
    assert!(matches!(&failed[..], [((_, name), _)] if name == PANICS), "{failed:?} in {}", outcome.all());
    let verdict = outcome.named("test").find(|event| event["verdict"] == "failed").unwrap();
    let cause = verdict["cause"].as_str().unwrap();
    assert!(cause.contains("panic: it was me"), "{cause}");
}

/// The tests of each exec, by their functions.
fn groups_of(outcome: &Outcome) -> Vec<Vec<String>> {
    let function = |name: &Value| name.as_str().unwrap().rsplit('.').next().unwrap().to_owned();
    let tests = |event: &Value| event["tests"].as_array().unwrap().iter().map(function).collect();
    outcome.named("attempt-started").map(tests).collect()
}
