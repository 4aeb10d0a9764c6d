//! The command that runs some tests: package by package, each in its folder.

use muster_sdk::builder::Place;
use muster_sdk::types::{Command, Error, Test};

use crate::names::{WHOLE, full};
use crate::plan::with_cache;
use crate::runner;
use crate::settings::GoSettings;

/// The command that runs exactly these tests. Packages go in the order of their first tests; within one the binary's
/// own order holds, whatever is selected.
pub(crate) fn run(settings: &GoSettings, memo: &str, tests: &[Test], place: &Place) -> Result<Command, Error> {
    let mut parts: Vec<(&str, Vec<&str>)> = Vec::new();
    for test in tests {
        let (package, function) = (test.suite.as_str(), test.case.as_str());
        let is_whole = test.name == package && function == WHOLE;
        if !is_whole && test.name != full(package, function) {
            return Err(Error::Invalid(format!("`{}` is not a test of this builder", test.name)));
        }
        let at = parts.iter().position(|(known, _)| *known == package).unwrap_or_else(|| {
            parts.push((package, Vec::new()));
            parts.len() - 1
        });
        // None selects all.
        parts[at].1.extend((!is_whole).then_some(function));
    }
    Ok(with_cache(runner::request(settings, place, "run", &parts), memo))
}

#[cfg(test)]
mod tests {
    use muster_sdk::builder::place;
    use muster_sdk::types::test;
    use serde_json::{Value, json};

    use super::*;

    fn of(package: &str, case: &str, name: &str) -> Test {
        Test { suite: package.into(), case: case.into(), ..test(name) }
    }

    #[test]
    fn tests_go_by_package() {
        let tests = [
            of("m/b", "TestY", "m/b.TestY"),
            of("m/a", "TestX", "m/a.TestX"),
            of("m/b", "TestZ", "m/b.TestZ"),
            of("m", "TestMain", "m"),
        ];
        let settings = GoSettings::parse("").unwrap();
        let command = run(&settings, "/cache", &tests, &place("/h")).unwrap();
        assert_eq!(command.argv, ["/h/tree/.muster-go/runner", "run", "/h/attempt/muster-go.json"]);
        let request: Value = serde_json::from_slice(&command.files[0].1).unwrap();
        let expected = json!([
            { "package": "m/b", "tests": ["TestY", "TestZ"] },
            { "package": "m/a", "tests": ["TestX"] },
            { "package": "m", "tests": [] },
        ]);
        assert_eq!(request["run"], expected);
        assert!(run(&settings, "", &[test("x")], &place("/h")).is_err());
    }
}
