//! From what the runner told while listing to tests.

use std::collections::BTreeSet;

use muster_sdk::builder::{Listing, unlisted};
use muster_sdk::facts;
use muster_sdk::types::{Duration, Error, ExitStatus, SECOND, Test, test};
use serde_json::Value;

use crate::names::{WHOLE, full};
use crate::settings::GoSettings;

/// All tests may share an exec.
const MERGE_KEY: &str = "go";
/// How much later than the binary's own time-out, and the runner's a minute after it, the host ends a test.
const TIMEOUT_MARGIN: Duration = 120 * SECOND;

/// A package as the runner told it.
struct Package {
    path: String,
    has_binary: bool,
    failed: String,
    has_main: bool,
    functions: Vec<String>,
}

impl Package {
    /// A folder may have a function of one name in its package and in that package's `_test`: they run together, and
    /// have one verdict.
    fn name_each_once(&mut self) {
        let mut seen = BTreeSet::new();
        self.functions.retain(|function| seen.insert(function.clone()));
    }
}

/// The tests of a listing, in `go test`'s order.
pub(crate) fn tests(settings: &GoSettings, listing: &Listing) -> Result<Vec<Test>, Error> {
    let mut packages: Vec<Package> = Vec::new();
    let text = facts::take_out(&listing.output, |fact| {
        if let Some(package) = read(fact) {
            match packages.last_mut().filter(|last| last.path == package.path) {
                Some(last) => last.functions.extend(package.functions),
                None => packages.push(package),
            }
        }
    });
    if listing.exit != ExitStatus::Exited(0) {
        return Err(unlisted("the tests cannot be listed", &listing.exit, &text));
    }
    packages.iter_mut().for_each(Package::name_each_once);
    Ok(packages.iter().flat_map(|package| of_package(settings, package)).collect())
}

fn read(fact: &Value) -> Option<Package> {
    let text = |key: &str| facts::text(fact, key).unwrap_or_default().to_owned();
    let flag = |key: &str| fact.get(key).and_then(Value::as_bool).unwrap_or_default();
    (text("event") == "listed").then(|| Package {
        path: text("package"),
        has_binary: flag("binary"),
        failed: text("failed"),
        has_main: flag("main"),
        functions: fact.get("tests").and_then(muster_sdk::settings::texts).unwrap_or_default(),
    })
}

/// Its functions; or the package itself, where nothing smaller has a verdict.
fn of_package(settings: &GoSettings, package: &Package) -> Vec<Test> {
    if !package.functions.is_empty() {
        let functions = package.functions.iter();
        return functions.map(|function| one(settings, package, Some(function))).collect();
    }
    let mut whole = one(settings, package, None);
    if !package.has_binary && package.failed.is_empty() {
        whole.skip = Some("no test files".into());
    }
    vec![whole]
}

fn one(settings: &GoSettings, package: &Package, function: Option<&String>) -> Test {
    let name = function.map_or_else(|| package.path.clone(), |function| full(&package.path, function));
    Test {
        suite: package.path.clone(),
        case: function.map_or(WHOLE, String::as_str).to_owned(),
        merge_key: Some(MERGE_KEY.into()),
        unit: settings.is_together(&package.path, package.has_main).then(|| package.path.clone()),
        setup_key: Some(package.path.clone()),
        timeout: (settings.timeout > 0).then(|| settings.timeout.saturating_add(TIMEOUT_MARGIN)),
        ..test(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = concat!(
        "\x1eMUSTER {\"event\":\"listed\",\"package\":\"m\",\"binary\":false,\"failed\":\"\",\"tests\":[]}\n",
        "\x1eMUSTER {\"event\":\"listed\",\"package\":\"m/a\",\"binary\":true,\"failed\":\"\",\"tests\":[\"TestA\"]}\n",
        "\x1eMUSTER {\"event\":\"listed\",\"package\":\"m/a\",\"binary\":true,\"failed\":\"\",\"tests\":[\"ExampleB\",\"TestA\"]}\n",
        "said by a TestMain\n",
        "\x1eMUSTER {\"event\":\"listed\",\"package\":\"m/b\",\"binary\":false,\"failed\":\"build failed\",\"tests\":[]}\n",
        "\x1eMUSTER {\"event\":\"listed\",\"package\":\"m/c\",\"binary\":true,\"failed\":\"\",\"tests\":[]}\n",
        "\x1eMUSTER {\"event\":\"listed\",\"package\":\"m/d\",\"binary\":true,\"failed\":\"\",\"main\":true,",
        "\"tests\":[\"TestD\"]}\n",
    );

    fn list(settings: &str, exit: ExitStatus) -> Result<Vec<Test>, Error> {
        let listing = Listing { output: OUTPUT.into(), exit, files: vec![] };
        tests(&GoSettings::parse(settings)?, &listing)
    }

    #[test]
    fn functions_and_packages_without_any() {
        let tests = list("", ExitStatus::Exited(0)).unwrap();
        let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["m", "m/a.TestA", "m/a.ExampleB", "m/b", "m/c", "m/d.TestD"]);
        let skips: Vec<bool> = tests.iter().map(|test| test.skip.is_some()).collect();
        assert_eq!(skips, [true, false, false, false, false, false]);
        let (a, d) = (&tests[1], &tests[5]);
        assert_eq!((a.suite.as_str(), a.case.as_str(), &a.unit), ("m/a", "TestA", &None));
        assert_eq!((a.setup_key.as_deref(), a.timeout), (Some("m/a"), Some(720 * SECOND)));
        assert_eq!(d.unit.as_deref(), Some("m/d"));
        assert_eq!(list(r#"{"timeout": 0}"#, ExitStatus::Exited(0)).unwrap()[1].timeout, None);
    }

    #[test]
    fn a_failed_listing_says_why() {
        let error = list("", ExitStatus::Exited(2)).unwrap_err();
        assert_eq!(error, Error::Other("the tests cannot be listed (exit status 2)\nsaid by a TestMain".into()));
    }
}
