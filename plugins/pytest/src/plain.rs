//! Reads what `pytest -v` prints: a line for each test, and the short summary for the reasons.

use std::collections::BTreeMap;

use muster_sdk::parser::{ResultOf, Status};

use crate::parser::result;

/// Failures wait for their reason, which the summary gives; so many are held, the rest go out without.
const HELD_LIMIT: usize = 10_000;

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// Failed tests, in order, whose reason may still come.
    failed: Vec<String>,
    reasons: BTreeMap<String, String>,
    section: Section,
}

/// Which part of the output a line stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    /// Lines of tests.
    #[default]
    Tests,
    /// The short summary.
    Summary,
    /// Reports and whatever else: a line there may look like a test's.
    Other,
}

impl Plain {
    /// Reads a line; a test that passed or was skipped is told at once.
    pub(crate) fn line(&mut self, line: &str) -> Option<ResultOf> {
        if line.starts_with("====") {
            self.section = match line.trim_matches(|c| c == '=' || c == ' ') {
                "short test summary info" => Section::Summary,
                "test session starts" => Section::Tests,
                _ => Section::Other,
            };
            return None;
        }
        match self.section {
            Section::Tests => self.test(line),
            Section::Summary => {
                self.reason(line);
                None
            }
            Section::Other => None,
        }
    }

    fn test(&mut self, line: &str) -> Option<ResultOf> {
        let (name, word, rest) = split(line)?;
        let status = match word {
            "PASSED" | "XPASS" => Status::Passed,
            "SKIPPED" | "XFAIL" => Status::Skipped,
            "FAILED" | "ERROR" => Status::Failed,
            _ => return None,
        };
        if status == Status::Failed && self.failed.len() < HELD_LIMIT {
            self.failed.push(name.to_owned());
            return None;
        }
        let message = rest.strip_prefix('(').and_then(|rest| rest.rsplit_once(')')).map_or("", |(reason, _)| reason);
        Some(ResultOf { status, message: message.to_owned(), ..result(name) })
    }

    /// The failures, with their reasons.
    pub(crate) fn finish(&mut self) -> Vec<ResultOf> {
        let mut seen = std::collections::BTreeSet::new();
        let failed = std::mem::take(&mut self.failed);
        let once = failed.into_iter().filter(|name| seen.insert(name.clone()));
        let told = once.map(|name| {
            let message = self.reasons.remove(&name).unwrap_or_default();
            ResultOf { status: Status::Failed, message, ..result(&name) }
        });
        told.collect()
    }

    fn reason(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR ")) else {
            return;
        };
        let (name, reason) = rest.split_once(" - ").unwrap_or((rest, ""));
        if self.reasons.len() < HELD_LIMIT {
            self.reasons.insert(name.to_owned(), reason.to_owned());
        }
    }
}

/// `path::test[a b] PASSED (reason) [ 10%]`, as name, word and what follows.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let line = line.trim_end();
    let line = match line.rsplit_once('[') {
        Some((before, percent)) if percent.ends_with("%]") => before.trim_end(),
        _ => line,
    };
    ["PASSED", "FAILED", "SKIPPED", "XFAIL", "XPASS", "ERROR"]
        .iter()
        .filter_map(|word| {
            let at = line.find(&format!(" {word}"))?;
            let rest = &line[at + 1 + word.len()..];
            (rest.is_empty() || rest.starts_with(' ')).then(|| (line[..at].trim_end(), *word, rest.trim_start()))
        })
        .filter(|(name, _, _)| name.contains("::") && !name.starts_with(char::is_whitespace))
        .min_by_key(|(name, _, _)| name.len())
}
