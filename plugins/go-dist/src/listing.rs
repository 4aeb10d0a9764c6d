//! From what `dist` lists to tests.

use std::collections::BTreeMap;

use muster_sdk::builder::{Listing, Purpose, unlisted};
use muster_sdk::types::{Error, ExitStatus, Test, test};
use regex_lite::Regex;

use crate::left_out;
use crate::names::{GO_TEST, before_1_21};
use crate::plan::LIST_NAME;
use crate::run::{TEST_ONLY, limit};
use crate::spec::Spec;

/// What JUnit XML calls the suite of all of them: `dist` has none of its own.
const SUITE: &str = "dist";
/// Only tests of packages may share an exec: `dist` hands them all to one `go test`.
const MERGE_KEY: &str = "go_test";
/// The test that renames the tree while it runs.
const MOVES_THE_TREE: &str = "moved_goroot";

/// The tests of a listing, in the order of `dist`.
pub(crate) fn tests(spec: &Spec, purpose: Purpose, listing: &Listing) -> Result<Vec<Test>, Error> {
    if listing.exit != ExitStatus::Exited(0) {
        return Err(unlisted("go tool dist test --list failed", &listing.exit, &listing.output));
    }
    let file = listing.files.iter().find(|(name, _)| name.rsplit('/').next() == Some(LIST_NAME));
    let output = String::from_utf8_lossy(file.map_or(&listing.output, |(_, content)| content));
    let raw: Vec<&str> = output.split_whitespace().collect();
    let known = before_1_21(&raw);
    let left_out: Vec<Option<&str>> = known.iter().map(|name| left_out::why(&spec.name, purpose, name)).collect();
    let names = unique(&raw, known);
    let only = only(spec)?;
    let listed = raw.iter().zip(left_out).zip(names);
    let wanted = listed.filter(|(_, name)| only.as_ref().is_none_or(|only| only.admits(name)));
    let test = |((raw, left_out), name): ((&&str, Option<&str>), String)| Test {
        skip: left_out.map(str::to_owned),
        ..one(spec, raw, name)
    };
    let mut tests: Vec<Test> = wanted.map(test).collect();
    sort_packages(&mut tests);
    Ok(tests)
}

/// A name that several tests had before stays with none of them.
fn unique(raw: &[&str], names: Vec<String>) -> Vec<String> {
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    for name in &names {
        *count.entry(name.clone()).or_default() += 1;
    }
    raw.iter().zip(names).map(|(raw, name)| if count[&name] > 1 { (*raw).to_owned() } else { name }).collect()
}

/// `case` is what `dist` itself calls the test: what its command line needs.
fn one(spec: &Spec, raw: &str, name: String) -> Test {
    let package = name.strip_prefix(GO_TEST);
    let alone = [&name, raw].iter().any(|name| name.rsplit(':').next() == Some(MOVES_THE_TREE));
    Test {
        suite: SUITE.into(),
        case: raw.into(),
        merge_key: package.map(|_| MERGE_KEY.into()),
        setup_key: package.map(|package| if is_command(package) { "cmd" } else { "std" }.into()),
        alone: alone.then(|| "machine".into()),
        timeout: Some(limit(spec)),
        ..test(name)
    }
}

fn is_command(package: &str) -> bool {
    package.starts_with("cmd/")
}

/// Packages of the library, then those of the commands, each by name, in the places where packages stand: so `dist`
/// lists them anyway, and so neighbours may share an exec whatever it does.
fn sort_packages(tests: &mut [Test]) {
    let places: Vec<usize> = (0..tests.len()).filter(|&at| tests[at].merge_key.is_some()).collect();
    let mut packages: Vec<Test> = places.iter().map(|&at| tests[at].clone()).collect();
    packages.sort_by(|a, b| (&b.setup_key, &a.name).cmp(&(&a.setup_key, &b.name)));
    for (at, package) in places.into_iter().zip(packages) {
        tests[at] = package;
    }
}

/// The expression of a builder that runs only some tests: `!` before it turns it round.
struct Only {
    expression: Regex,
    inverted: bool,
}

impl Only {
    fn admits(&self, name: &str) -> bool {
        self.expression.is_match(name) != self.inverted
    }
}

fn only(spec: &Spec) -> Result<Option<Only>, Error> {
    let Some(text) = spec.variable(TEST_ONLY).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let (text, inverted) = text.strip_prefix('!').map_or((text, false), |rest| (rest, true));
    let expression = Regex::new(text).map_err(|error| {
        Error::Invalid(format!("`{TEST_ONLY}` of builder `{}` is no regular expression: {error}", spec.name))
    })?;
    Ok(Some(Only { expression, inverted }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use crate::settings::GoDistSettings;

    fn list(builder: &str, output: &str) -> Vec<Test> {
        let spec = catalog::find(&GoDistSettings::parse("").unwrap(), builder).unwrap();
        let listing = Listing { output: output.into(), exit: ExitStatus::Exited(0), files: vec![] };
        tests(&spec, Purpose::TryBuild, &listing).unwrap()
    }

    fn names(tests: &[Test]) -> Vec<&str> {
        tests.iter().map(|test| test.name.as_str()).collect()
    }

    #[test]
    fn only_packages_share_an_exec() {
        let tests =
            list("linux-amd64", "go_test:archive/tar\ngo_test:cmd/go\nruntime:cpu124\nmoved_goroot\ntest:0_10\n");
        let merge: Vec<_> = tests.iter().map(|test| test.merge_key.as_deref()).collect();
        assert_eq!(merge, [Some("go_test"), Some("go_test"), None, None, None]);
        let alone: Vec<_> = tests.iter().map(|test| test.alone.as_deref()).collect();
        assert_eq!(alone, [None, None, None, Some("machine"), None]);
        assert_eq!((tests[0].setup_key.as_deref(), tests[1].setup_key.as_deref()), (Some("std"), Some("cmd")));
    }

    #[test]
    fn names_of_1_21_are_kept_for_the_command() {
        let tests = list("linux-amd64", "archive/tar flag:race os:race fmt:moved_goroot cmd/internal/testdir:0_10");
        assert_eq!(names(&tests), ["go_test:archive/tar", "flag:race", "os:race", "moved_goroot", "test:0_10"]);
        let raw: Vec<&str> = tests.iter().map(|test| test.case.as_str()).collect();
        assert_eq!(raw, ["archive/tar", "flag:race", "os:race", "fmt:moved_goroot", "cmd/internal/testdir:0_10"]);
        assert_eq!(tests[3].alone.as_deref(), Some("machine"));
    }

    #[test]
    fn packages_come_by_name_where_packages_stand() {
        let tests = list("linux-amd64", "api go_test:cmd/go go_test:sort race go_test:bytes");
        assert_eq!(names(&tests), ["api", "go_test:bytes", "go_test:sort", "race", "go_test:cmd/go"]);
    }

    #[test]
    fn a_builder_may_run_only_some() {
        let all = "go_test:archive/tar go_test:net/http test cgo_test runtime:cpu124 sync_cpu api";
        for (builder, expected) in [
            ("linux-arm-shard_test", "test"),
            ("linux-arm-shard_std_am", "go_test:archive/tar"),
            ("linux-arm-shard_std_nz", "go_test:net/http"),
            ("linux-arm-shard_runtimecpu", "runtime:cpu124"),
            ("linux-arm-shard_cgotest", "cgo_test"),
            ("linux-arm-shard_misc", "sync_cpu api"),
            ("linux-arm", all),
        ] {
            assert_eq!(names(&list(builder, all)).join(" "), expected, "{builder}");
        }
    }

    #[test]
    fn what_other_builders_show_is_skipped_with_the_reason() {
        let tests = list("linux-386", "go_test:bytes api");
        assert_eq!(names(&tests), ["go_test:bytes", "api"]);
        assert_eq!(tests[0].skip, None);
        assert!(tests[1].skip.as_ref().is_some_and(|why| why.contains("linux-amd64 alone")), "{:?}", tests[1].skip);
        let tests = list("darwin-amd64-10_10", "archive/tar flag:race os:race cmd/internal/testdir:0_10");
        let skipped: Vec<&str> =
            tests.iter().filter(|test| test.skip.is_some()).map(|test| test.name.as_str()).collect();
        assert_eq!(skipped, ["flag:race", "os:race", "test:0_10"], "by the names from before Go 1.21");
    }

    #[test]
    fn the_list_is_in_its_file() {
        let spec = catalog::find(&GoDistSettings::parse("").unwrap(), "linux-amd64").unwrap();
        let files = vec![(LIST_NAME.to_owned(), b"go_test:bytes\n".to_vec())];
        let listing = Listing { output: b"warning: x\n".to_vec(), exit: ExitStatus::Exited(0), files };
        assert_eq!(names(&tests(&spec, Purpose::TryBuild, &listing).unwrap()), ["go_test:bytes"]);
        let failed = Listing { exit: ExitStatus::Exited(2), ..listing };
        assert!(
            matches!(tests(&spec, Purpose::TryBuild, &failed), Err(Error::Other(text)) if text.ends_with("warning: x"))
        );
    }
}
