//! How the tree is made: the runner is compiled, and does the rest.

use muster_sdk::builder::{BuildPlan, Place, Step, TestPlan};
use muster_sdk::types::{Command, command};

use crate::settings::{CargoSettings, Tool};
use crate::unit::escape;

/// Where the runner lies, below the tree.
const RUNNER: &str = "target/muster/runner";
/// The folder of its source below the attempt's directory.
const SOURCE: &str = "runner";
/// What it is asked, below the attempt's directory.
pub(crate) const REQUEST: &str = "request";
/// Where it puts what it knows of the tests, below the attempt's directory.
const LISTING: &str = "listing";
/// Compiles it with the project's own compiler, unoptimised: that takes a second, and it waits for others mostly.
const COMPILE: &str =
    r#"mkdir -p target/muster && exec "${RUSTC:-rustc}" --edition 2021 -C strip=symbols -o "$0" "$1/main.rs""#;
/// Its source.
const FILES: [(&str, &str); 15] = [
    ("main.rs", include_str!("runner/main.rs")),
    ("facts.rs", include_str!("runner/facts.rs")),
    ("folders.rs", include_str!("runner/folders.rs")),
    ("libtest.rs", include_str!("runner/libtest.rs")),
    ("make.rs", include_str!("runner/make.rs")),
    ("output.rs", include_str!("runner/output.rs")),
    ("prune.rs", include_str!("runner/prune.rs")),
    ("record.rs", include_str!("runner/record.rs")),
    ("relocate.rs", include_str!("runner/relocate.rs")),
    ("request.rs", include_str!("runner/request.rs")),
    ("run.rs", include_str!("runner/run.rs")),
    ("run_binary.rs", include_str!("runner/run_binary.rs")),
    ("run_nextest.rs", include_str!("runner/run_nextest.rs")),
    ("serial.rs", include_str!("runner/serial.rs")),
    ("unit.rs", include_str!("runner/unit.rs")),
];

/// The plan of a tree.
pub(crate) fn plan(settings: &CargoSettings, place: &Place) -> BuildPlan {
    let step = |name: &str, command: Command| Step { name: name.into(), command };
    let request = Request::of(settings);
    let mut make = vec![
        step("runner", compile(place)),
        step("compile", request.command(place, "compile")),
        step("tests", request.command(place, "record")),
    ];
    if settings.prune {
        make.push(step("prune", request.command(place, "prune")));
    }
    let mut list = request.command(place, "list");
    list.argv.push(format!("{}/{LISTING}", place.attempt_dir));
    list.results = vec![format!("{LISTING}/*")];
    BuildPlan { make, clean: settings.common.clean.clone(), tests: TestPlan::Listed(list), memo: String::new() }
}

fn compile(place: &Place) -> Command {
    let runner = format!("{}/{RUNNER}", place.tree);
    let source = format!("{}/{SOURCE}", place.attempt_dir);
    let mut command = command(["/bin/sh", "-c", COMPILE, &runner, &source]);
    command.files = FILES.iter().map(|(name, text)| (format!("{SOURCE}/{name}"), (*text).into())).collect();
    command
}

/// What the runner is asked: a key and a value in each line.
#[derive(Debug)]
pub(crate) struct Request(String);

impl Request {
    /// What every request says.
    pub(crate) fn of(settings: &CargoSettings) -> Request {
        let mut request = Request(String::new());
        let tool = match settings.tool {
            Tool::Auto => "auto",
            Tool::Nextest => "nextest",
            Tool::Libtest => "libtest",
        };
        request.say("tool", tool);
        request.say("doc", if settings.doc_tests { "true" } else { "false" });
        settings.args.iter().for_each(|arg| request.say("arg", arg));
        settings.profile.iter().for_each(|profile| request.say("profile", profile));
        settings.target.iter().for_each(|target| request.say("target", target));
        settings.nextest_profile.iter().for_each(|profile| request.say("nextest-profile", profile));
        request
    }

    /// Adds a line.
    pub(crate) fn say(&mut self, key: &str, value: &str) {
        self.0.push_str(key);
        self.0.push(' ');
        self.0.push_str(&escape(value));
        self.0.push('\n');
    }

    /// A command of the runner with this request.
    pub(crate) fn command(&self, place: &Place, what: &str) -> Command {
        let runner = format!("{}/{RUNNER}", place.tree);
        let mut command = command([runner, what.to_owned(), format!("{}/{REQUEST}", place.attempt_dir)]);
        command.files = vec![(REQUEST.into(), self.0.clone().into_bytes())];
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_runner_goes_along() {
        let main = FILES[0].1;
        let modules: Vec<&str> = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
        let sent: Vec<&str> = FILES[1..].iter().filter_map(|(name, _)| name.strip_suffix(".rs")).collect();
        assert_eq!(modules, sent);
    }

    #[test]
    fn settings_are_asked_for_line_by_line() {
        let settings = CargoSettings::parse(r#"{"args": ["a\nb"], "profile": "ci", "runner": "libtest"}"#).unwrap();
        assert_eq!(Request::of(&settings).0, "tool libtest\ndoc true\narg a\\nb\nprofile ci\n");
    }
}
