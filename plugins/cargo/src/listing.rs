//! From what the runner put together to tests.

use std::collections::{BTreeMap, BTreeSet};

use muster_sdk::builder::{Listing, unlisted};
use muster_sdk::types::{Error, ExitStatus, Test};
use serde_json::Value;

use crate::names::{DOC, binary_id, listed};
use crate::settings::CargoSettings;
use crate::unit::{Kind, Unit, doc_file};

/// Tests that nextest runs may share an exec.
pub(crate) const NEXTEST: &str = "nextest";
/// Tests of binaries that are run as they are may share an exec.
const LIBTEST: &str = "libtest";
/// Documentation tests may share an exec.
const DOC_TESTS: &str = "doc";

/// The tests of a listing, in the order of cargo or nextest, documentation tests last.
pub(crate) fn tests(settings: &CargoSettings, listing: &Listing) -> Result<Vec<Test>, Error> {
    if listing.exit != ExitStatus::Exited(0) {
        return Err(unlisted("the tests cannot be listed", &listing.exit, &listing.output));
    }
    let units = units(&text(listing, "units")?)?;
    let mut tests = match text(listing, "nextest.json") {
        Ok(json) => by_nextest(&json)?,
        Err(_) => by_binaries(&units, &text(listing, "artifacts.json")?)?,
    };
    for (name, unit) in units.iter().filter(|(_, unit)| unit.kind == Kind::Doc) {
        let binary = format!("{}::{DOC}", package(unit));
        let files: BTreeSet<&str> = unit.tests.iter().map(|test| doc_file(&test.name)).collect();
        tests.extend(of_unit(&binary, name, unit).map(|test| {
            let unit = doc_unit(&binary, &files, doc_file(&test.case));
            Test { unit: Some(unit), ..test }
        }));
    }
    tests.iter_mut().for_each(|test| test.timeout = settings.timeout);
    Ok(tests)
}

fn text(listing: &Listing, name: &str) -> Result<String, Error> {
    let file = listing.files.iter().find(|(path, _)| path.rsplit('/').next() == Some(name));
    let (_, content) = file.ok_or_else(|| Error::Other(format!("the listing has no `{name}`")))?;
    Ok(String::from_utf8_lossy(content).into_owned())
}

/// The units, by the name of their file.
fn units(text: &str) -> Result<Vec<(String, Unit)>, Error> {
    let pieces = text.split_inclusive('\n').fold(Vec::<(String, String)>::new(), |mut pieces, line| {
        match (line.strip_prefix("unit "), pieces.last_mut()) {
            (Some(name), _) => pieces.push((name.trim().to_owned(), String::new())),
            (None, Some((_, text))) => text.push_str(line),
            (None, None) => {}
        }
        pieces
    });
    let read = |(name, text): (String, String)| {
        let unit = Unit::from_text(&text).map_err(|why| Error::Other(format!("unit {name}: {why}")))?;
        Ok((name, unit))
    };
    pieces.into_iter().map(read).collect()
}

fn of_unit<'a>(binary: &'a str, name: &'a str, unit: &'a Unit) -> impl Iterator<Item = Test> + 'a {
    let merge = if unit.kind == Kind::Doc { DOC_TESTS } else { LIBTEST };
    unit.tests.iter().map(move |test| Test {
        merge_key: Some(merge.into()),
        skip: test.ignored.then(|| "ignored".to_owned()),
        ..listed(binary, name, &test.name)
    })
}

/// The documentation tests of one file, which the harness can be asked for; all of a crate, where the name of one file
/// is part of another's.
fn doc_unit(binary: &str, files: &BTreeSet<&str>, file: &str) -> String {
    let mut others = files.iter().filter(|other| **other != file);
    let is_mixed_up = file.contains(' ') || others.any(|other| other.contains(file) || file.contains(other));
    if is_mixed_up { binary.to_owned() } else { format!("{binary} {file}") }
}

/// Binaries as cargo runs them. What kind of target each is, cargo said when it compiled them.
fn by_binaries(units: &[(String, Unit)], artifacts: &str) -> Result<Vec<Test>, Error> {
    let targets = targets(artifacts);
    let mut tests = Vec::new();
    for (name, unit) in units.iter().filter(|(_, unit)| unit.kind != Kind::Doc) {
        let (kind, target) = targets
            .get(&unit.program)
            .ok_or_else(|| Error::Other(format!("cargo runs `{}` and did not say what it is", unit.program)))?;
        let binary = binary_id(package(unit), kind, target);
        tests.extend(of_unit(&binary, name, unit));
        if unit.kind == Kind::Plain {
            tests.push(Test { merge_key: Some(LIBTEST.into()), ..listed(&binary, name, "") });
        }
    }
    Ok(tests)
}

/// The package's name, as cargo tells the tests.
fn package(unit: &Unit) -> &str {
    let variable = unit.env.iter().find(|(name, _)| name == "CARGO_PKG_NAME");
    variable.map_or("", |(_, package)| package)
}

/// Kind and name of the target of each executable.
fn targets(artifacts: &str) -> BTreeMap<String, (String, String)> {
    let artifacts = artifacts.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executables = artifacts.filter_map(|artifact| {
        let target = artifact.get("target")?;
        let kind = target.get("kind")?.get(0)?.as_str()?.to_owned();
        let name = target.get("name")?.as_str()?.to_owned();
        Some((artifact.get("executable")?.as_str()?.to_owned(), (kind, name)))
    });
    executables.collect()
}

/// Nextest's own list, which is its documented form.
fn by_nextest(json: &str) -> Result<Vec<Test>, Error> {
    let wrong = |what: &str| Error::Other(format!("nextest's list of tests is not understood: {what}"));
    let list: Value = serde_json::from_str(json).map_err(|error| wrong(&error.to_string()))?;
    let target = list.pointer("/rust-build-meta/target-directory").and_then(Value::as_str).unwrap_or_default();
    let suites = list.get("rust-suites").and_then(Value::as_object).ok_or_else(|| wrong("no `rust-suites`"))?;
    let mut tests = Vec::new();
    for (binary, suite) in suites {
        let path = suite.get("binary-path").and_then(Value::as_str).ok_or_else(|| wrong("no `binary-path`"))?;
        let program = path.strip_prefix(target).unwrap_or(path).trim_start_matches('/');
        let cases = suite.get("testcases").and_then(Value::as_object).ok_or_else(|| wrong("no `testcases`"))?;
        tests.extend(cases.iter().map(|(name, case)| Test {
            merge_key: Some(NEXTEST.into()),
            skip: reason(case),
            ..listed(binary, program, name)
        }));
    }
    Ok(tests)
}

/// Why nextest would not run a test.
fn reason(case: &Value) -> Option<String> {
    let filter = case.get("filter-match")?;
    if filter.get("status")?.as_str()? == "matches" {
        return None;
    }
    Some(match filter.get("reason").and_then(Value::as_str) {
        Some("default-filter") => "not in the default filter of nextest's profile".to_owned(),
        Some(reason) => reason.to_owned(),
        None => "nextest does not run it".to_owned(),
    })
}

#[cfg(test)]
mod tests;
