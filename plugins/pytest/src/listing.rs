//! From what the runner script told while listing to tests.

use muster_sdk::builder::{Listing, unlisted};
use muster_sdk::facts::{self, text};
use muster_sdk::types::{Error, ExitStatus, SECOND, Test, from_seconds, test};
use serde_json::Value;

use crate::names::junit;
use crate::settings::{PytestSettings, Unit};

/// The key under which a test remembers the file it is collected from.
pub(crate) const MODULE: &str = "module";
/// All tests may share an exec.
const MERGE_KEY: &str = "pytest";
/// How much later than pytest-timeout the host ends a test: the plugin's own report is the better one.
const TIMEOUT_MARGIN: u64 = 10 * SECOND;
/// pytest's exit status when it collected nothing: an empty list, which the host judges.
const NOTHING_COLLECTED: i32 = 5;

/// The tests of a listing, in pytest's order.
pub(crate) fn tests(settings: &PytestSettings, listing: &Listing) -> Result<Vec<Test>, Error> {
    let mut tests = Vec::new();
    let said = facts::take_out(&listing.output, |fact| read(settings, fact, &mut tests));
    match &listing.exit {
        ExitStatus::Exited(0 | NOTHING_COLLECTED) => Ok(tests),
        ExitStatus::Exited(_) | ExitStatus::Signaled(_) | ExitStatus::TimedOut | ExitStatus::Unknown(_) => {
            Err(unlisted("pytest cannot list the tests", &listing.exit, &said))
        }
    }
}

fn read(settings: &PytestSettings, fact: &Value, tests: &mut Vec<Test>) {
    match text(fact, "event") {
        Some("listed") => {
            let module = text(fact, "module").unwrap_or_default();
            let entries = fact.get("tests").and_then(Value::as_array).into_iter().flatten();
            tests.extend(entries.filter_map(|entry| listed(settings, module, entry)));
        }
        Some("skipped") => tests.extend(skipped(fact)),
        Some(_) | None => {}
    }
}

fn listed(settings: &PytestSettings, module: &str, entry: &Value) -> Option<Test> {
    let name = text(entry, "name")?;
    let (suite, case) = junit(name);
    let own_limit = entry.get("timeout").and_then(Value::as_f64).and_then(from_seconds);
    let timeout = own_limit.map(|limit| limit.saturating_add(TIMEOUT_MARGIN)).or(settings.timeout);
    let unit = match settings.unit {
        Unit::Test => text(entry, "unit").map(str::to_owned),
        Unit::Class => name.rsplit_once("::").map(|(class, _)| class.to_owned()),
        Unit::Module => Some(module.to_owned()),
    };
    Some(Test {
        suite: text(entry, "suite").map_or(suite, str::to_owned),
        case: text(entry, "case").map_or(case, str::to_owned),
        merge_key: Some(MERGE_KEY.into()),
        unit,
        setup_key: Some(module.into()),
        timeout,
        extra: vec![(MODULE.into(), module.into())],
        ..test(name)
    })
}

/// A module that skips itself as a whole: pytest reports it, and there is nothing to run.
fn skipped(fact: &Value) -> Option<Test> {
    Some(Test {
        suite: text(fact, "suite")?.into(),
        case: text(fact, "case")?.into(),
        skip: Some(text(fact, "reason")?.into()),
        ..test(text(fact, "name")?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = concat!(
        "tests/test_a.py: 2\n",
        "\x1eMUSTER {\"event\":\"skipped\",\"name\":\"t/w.py\",\"suite\":\"\",\"case\":\"t.w\",\"reason\":\"not here\"}\n",
        "\x1eMUSTER {\"event\":\"listed\",\"module\":\"tests/test_a.py\",\"tests\":[",
        "{\"name\":\"tests/test_a.py::A::x\",\"timeout\":2},",
        "{\"name\":\"tests/test_a.py::y\",\"suite\":\"s\",\"case\":\"c\",\"unit\":\"g\"}]}\n",
    );

    fn list(settings: &str, exit: ExitStatus) -> Result<Vec<Test>, Error> {
        let listing = Listing { output: OUTPUT.into(), exit, files: vec![] };
        tests(&PytestSettings::parse(settings)?, &listing)
    }

    #[test]
    fn facts_become_tests() {
        let tests = list("", ExitStatus::Exited(0)).unwrap();
        assert_eq!(tests[0].skip.as_deref(), Some("not here"));
        assert_eq!((tests[1].suite.as_str(), tests[1].case.as_str()), ("tests.test_a.A", "x"));
        assert_eq!(tests[1].timeout, Some(12 * SECOND));
        assert_eq!((tests[2].suite.as_str(), tests[2].unit.as_deref()), ("s", Some("g")));
        let by_class = list(r#"{"unit": "class"}"#, ExitStatus::Exited(0)).unwrap();
        assert_eq!(by_class[1].unit.as_deref(), Some("tests/test_a.py::A"));
    }

    #[test]
    fn a_failed_listing_says_what_pytest_said() {
        let error = list("", ExitStatus::Exited(2)).unwrap_err();
        assert_eq!(error, Error::Other("pytest cannot list the tests (exit status 2)\ntests/test_a.py: 2".into()));
    }
}
