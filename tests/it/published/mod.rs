//! Projects that we did not write, each built by muster and tested by its own runner: same names, same results.
//!
//! Then again on machines that share nothing but a network: no tree, no work directory, no index of packages. One
//! disk hides the commonest fault of spreading tests, a path that only the first machine has.

mod cargo_test;
mod go;
mod losses;
mod perl;
mod python;
mod rust;
mod suite;

use crate::support::{Lab, User, is_full, is_full_for};
use suite::{Suite, assert_same};

/// A collector and fixtures of its own, shared by 4,000 files.
#[test]
fn pygments_has_the_verdicts_of_its_own_runner() {
    check(&python::suite("pygments-2.18.0", 4_000), is_full());
}

/// A compiled extension, and fixtures shared by the session.
#[test]
fn multidict_has_the_verdicts_of_its_own_runner() {
    check(&python::suite("multidict-6.1.0", 1_000), true);
}

/// Installed in editable form.
#[test]
fn babel_has_the_verdicts_of_its_own_runner() {
    check(&python::suite("babel-2.16.0", 7_000), is_full());
}

/// No Python: 339 files of 8,000 points, read from what `prove` prints.
#[test]
fn type_tiny_has_the_verdicts_of_its_own_runner() {
    check(&perl::suite(), is_full());
}

/// Three crates by nextest: documentation tests, and harnesses of their own.
#[test]
fn toml_has_the_verdicts_of_nextest_and_rustdoc() {
    in_full("the crates of toml", rust::workspace, false);
}

/// Five crates by their test binaries, where nextest is not used: the verdicts are those of `cargo test`, documentation
/// tests included. Not on machines apart: a main one that reaches no index of crates compiles nothing.
#[test]
fn num_has_the_verdicts_of_cargo_test() {
    check(&rust::without_nextest(), false);
}

/// No Python: 56 packages of Go, whose test binaries are all that the other machines get.
#[test]
fn x_text_has_the_verdicts_of_its_own_runner() {
    in_full("golang.org/x/text", go::suite, true);
}

/// One that fails in every way that Go can.
#[test]
fn a_failing_module_has_the_verdicts_of_its_own_runner() {
    go::check_sample();
}

/// Those that take minutes are checked by `cargo xtask test --full`; what they show of a builder, its own tests show on a
/// small tree.
fn in_full(what: &str, suite: impl FnOnce() -> Option<Suite>, apart: bool) {
    if is_full_for(what) {
        check(&suite(), apart);
    }
}

/// Without projects to build there is nothing to check, which is said.
fn check(suite: &Option<Suite>, apart: bool) {
    let Some(suite) = suite else { return };
    let own = suite.run_itself();
    // A failure that both runners have alike would show nothing.
    assert_eq!(own.code, Some(0), "the project passes its own runner");
    assert!(own.tests >= suite.at_least, "{} tests are fewer than {}", own.tests, suite.at_least);
    let user = User::new();
    let mut command = user.build_command(&suite.tree, &["--helpers", "2"]);
    command.envs(suite.environment.iter().map(|(name, value)| (name, value)));
    assert_same("on this machine", &own, &user.run(command));
    if !apart {
        return;
    }
    let hidden = suite.hidden();
    let Some(lab) = Lab::start(3, &hidden, &suite.wheels) else { return };
    let user = User::new();
    let urls = lab.urls();
    let args: Vec<&str> = urls.iter().flat_map(|url| ["--buildlet", url]).collect();
    let mut command = user.build_command(&suite.tree, &args);
    command.envs(suite.environment.iter().map(|(name, value)| (name, value)));
    let outcome = user.run(lab.inside(&command));
    assert_same("on machines that share no disk", &own, &outcome);
    // Worth nothing unless all of them took part.
    let ran: std::collections::BTreeSet<_> =
        outcome.named("attempt-started").map(|e| e["buildlet"].to_string()).collect();
    assert_eq!(ran.len(), 3, "machines that ran tests: {ran:?}");
}
