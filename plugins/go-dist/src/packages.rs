//! Verdicts of packages, from what `go test` prints of each.

use std::collections::BTreeMap;

use muster_sdk::parser::Status;
use muster_sdk::types::{Duration, from_seconds};

use crate::excerpt::Excerpt;

/// Names of failed tests that a message begins with; the others are counted.
const NAMED_TESTS: usize = 20;
/// Packages whose errors of the compiler are kept apart; those of others are output.
const COMPILED_LIMIT: usize = 100;

/// What is told of a package.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) package: String,
    pub(crate) status: Status,
    pub(crate) duration: Option<Duration>,
    pub(crate) message: String,
}

/// What was read since the last verdict.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    output: Excerpt,
    failed: Failed,
    /// What the compiler said, by package: it comes whenever it comes.
    compiled: BTreeMap<String, Excerpt>,
    compiling: Option<String>,
}

/// Tests that failed: the first few by name.
#[derive(Debug, Default)]
pub(crate) struct Failed {
    names: Vec<String>,
    more: usize,
}

impl Failed {
    pub(crate) fn note(&mut self, name: &str) {
        if self.names.len() < NAMED_TESTS {
            self.names.push(name.to_owned());
        } else {
            self.more += 1;
        }
    }

    /// What a failure is told with.
    pub(crate) fn message(&self, output: Excerpt) -> String {
        let (names, output) = (self.names.join(", "), output.into_text());
        let output = output.trim_end();
        match (self.names.len(), self.more) {
            (0, _) => output.to_owned(),
            (_, 0) => format!("{names} failed\n{output}"),
            (_, more) => format!("{names} and {more} more failed\n{output}"),
        }
    }
}

impl Packages {
    /// Reads a line. `is_ours` says which packages are tested here: a test may print such lines too.
    pub(crate) fn line(&mut self, line: &str, is_ours: impl Fn(&str) -> bool) -> Option<Told> {
        let verdict = read(line).filter(|verdict| is_ours(verdict.package));
        let Some(verdict) = verdict else {
            self.note(line);
            return None;
        };
        let package = verdict.package.to_owned();
        let (output, failed) = (std::mem::take(&mut self.output), std::mem::take(&mut self.failed));
        self.compiling = None;
        let message = match verdict.status {
            Status::Passed => String::new(),
            Status::Skipped => verdict.note.to_owned(),
            Status::Failed => self.reason(&verdict, &failed, output),
        };
        Some(Told { package, status: verdict.status, duration: verdict.duration, message })
    }

    /// All that was read since the last verdict, with the names of the tests that failed before it.
    pub(crate) fn rest(&mut self) -> String {
        let failed = std::mem::take(&mut self.failed);
        failed.message(std::mem::take(&mut self.output))
    }

    fn note(&mut self, line: &str) {
        if let Some(package) = line.strip_prefix("# ").and_then(|rest| rest.split(' ').next()) {
            let is_kept = self.compiled.len() < COMPILED_LIMIT || self.compiled.contains_key(package);
            self.compiling = is_kept.then(|| package.to_owned());
        } else if let Some(name) = failed_test(line) {
            self.compiling = None;
            self.failed.note(name);
        }
        match &self.compiling {
            Some(package) => self.compiled.entry(package.clone()).or_default().line(line),
            None => self.output.line(line),
        }
    }

    fn reason(&self, verdict: &Verdict<'_>, failed: &Failed, output: Excerpt) -> String {
        if verdict.note.is_empty() {
            return failed.message(output);
        }
        // Its own errors; without any those of what it is made of.
        let errors = self.compiled.get(verdict.package).cloned().unwrap_or_else(|| {
            let mut all = Excerpt::default();
            self.compiled.values().for_each(|of_other| all.text(&of_other.clone().into_text()));
            all
        });
        format!("{}\n{}", verdict.note, errors.into_text()).trim_end().to_owned()
    }
}

/// The line of a package.
struct Verdict<'a> {
    package: &'a str,
    status: Status,
    duration: Option<Duration>,
    /// What stands in brackets instead of a time.
    note: &'a str,
}

/// `ok  <tab>package<tab>0.015s`, `FAIL<tab>package<tab>0.015s`, `FAIL<tab>package [build failed]` or
/// `?   <tab>package<tab>[no test files]`.
fn read(line: &str) -> Option<Verdict<'_>> {
    let line = line.trim_end_matches('\r');
    let mut fields = line.split('\t');
    let status = match fields.next()?.trim_end() {
        "ok" => Status::Passed,
        "FAIL" => Status::Failed,
        "?" => Status::Skipped,
        _ => return None,
    };
    let named = fields.next()?;
    let (package, bracket) = named.split_once(' ').unwrap_or((named, ""));
    let told = if bracket.is_empty() { fields.next().unwrap_or_default() } else { bracket };
    let duration = told.strip_suffix('s').and_then(|seconds| seconds.parse().ok()).and_then(from_seconds);
    let note = told.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    (!package.is_empty()).then_some(Verdict { package, status, duration, note })
}

/// The name in `--- FAIL: TestName (0.00s)`; not that of a part of a test, which is indented.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("--- FAIL: ")?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use muster_sdk::types::MILLISECOND;

    use super::*;

    fn told(output: &str) -> Vec<(String, Status, Option<Duration>, String)> {
        let mut packages = Packages::default();
        let told = output.lines().filter_map(|line| packages.line(line, |package| package != "other"));
        told.map(|told| (told.package, told.status, told.duration.map(|d| d / MILLISECOND), told.message)).collect()
    }

    #[test]
    fn every_kind_of_line() {
        let output = "ok  \tarchive/tar\t0.015s\nok  \tbufio\t(cached)\nok  \tbytes\t1.5s\t[no tests to run]\n\
                      ?   \tembed/internal/embedtest\t[no test files]\nok  \tother\t0.1s\nokay\tx\t1s\nok\n";
        let expected = [
            ("archive/tar", Status::Passed, Some(15), ""),
            ("bufio", Status::Passed, None, ""),
            ("bytes", Status::Passed, Some(1500), ""),
            ("embed/internal/embedtest", Status::Skipped, None, "no test files"),
        ];
        assert_eq!(told(output), expected.map(|(name, status, took, text)| (name.into(), status, took, text.into())));
    }

    #[test]
    fn a_failure_has_its_own_output() {
        let output = "ok  \ta\t0.1s\n--- FAIL: TestRing (0.00s)\n    ring_test.go:7: no\n    --- FAIL: TestRing/sub (0.00s)\n\
                      FAIL\nFAIL\tcontainer/ring\t0.012s\nok  \tb\t0.1s\nFAIL\n";
        let failed = told(output).remove(1);
        assert_eq!((failed.0.as_str(), failed.1, failed.2), ("container/ring", Status::Failed, Some(12)));
        let text = "TestRing failed\n--- FAIL: TestRing (0.00s)\n    ring_test.go:7: no\n    --- FAIL: TestRing/sub \
                    (0.00s)\nFAIL";
        assert_eq!(failed.3, text);
    }

    #[test]
    fn many_failures_are_counted_and_comments_are_not_kept_without_end() {
        let mut output = String::new();
        for number in 0..1000 {
            output.push_str(&format!("# line {number}\n# p{number}\n--- FAIL: Test{number} (0.00s)\n"));
        }
        let mut packages = Packages::default();
        let told = format!("{output}FAIL\tsort\t0.1s");
        let told = told.lines().find_map(|line| packages.line(line, |package| package == "sort")).unwrap();
        assert!(told.message.starts_with("Test0, Test1, "), "{}", told.message);
        assert!(told.message.contains("Test19 and 980 more failed\n"), "{}", told.message);
        assert!(packages.compiled.len() <= COMPILED_LIMIT);
    }

    #[test]
    fn errors_of_the_compiler_go_to_their_package() {
        let output = "# sort [sort.test]\nsort/sort_test.go:3:1: syntax error\nok  \tbufio\t0.1s\n\
                      FAIL\tsort [build failed]\nFAIL\tstrings [build failed]\n";
        let found = told(output);
        let text = "build failed\n# sort [sort.test]\nsort/sort_test.go:3:1: syntax error";
        assert_eq!(found[1], ("sort".into(), Status::Failed, None, text.into()));
        assert_eq!(found[2].3, text, "without errors of its own, those of others");
        assert_eq!(found[0].3, "");
    }
}
