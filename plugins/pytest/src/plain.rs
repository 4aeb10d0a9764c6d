//! Reads what `pytest -v` prints: a line for each test, and the short summary for the reasons.

use std::collections::BTreeMap;

use muster_sdk::parser::{ResultOf, Status};

use crate::parser::result;

/// How a test may end.
const WORDS: [&str; 6] = ["PASSED", "FAILED", "SKIPPED", "XFAIL", "XPASS", "ERROR"];
/// Failures wait for their reason, which the summary gives; so many are held, the rest go out without.
const HELD_LIMIT: usize = 10_000;

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// Failed tests, in order, whose reason may still come.
    failed: Vec<String>,
    reasons: BTreeMap<String, String>,
    section: Section,
    /// The test whose line began and has no word yet: with `-s` and live logs other output comes before it.
    open: Option<String>,
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
        let told = by_worker(line).or_else(|| split(line));
        let (name, word, rest) = match (told, begun(line)) {
            (Some((name, word, rest)), _) => {
                self.open = None;
                (name.to_owned(), word, rest)
            }
            (None, Some(name)) => {
                self.open = Some(name.to_owned());
                return None;
            }
            (None, None) => {
                let (word, rest) = alone(line)?;
                // It stays open: a test may print what looks like its end, and another word comes then.
                (self.open.clone()?, word, rest)
            }
        };
        let status = match word {
            "PASSED" | "XPASS" => Status::Passed,
            "SKIPPED" | "XFAIL" => Status::Skipped,
            "FAILED" | "ERROR" => Status::Failed,
            _ => return None,
        };
        if status == Status::Failed && self.failed.len() < HELD_LIMIT {
            self.failed.push(name);
            return None;
        }
        let message = rest.strip_prefix('(').and_then(|rest| rest.rsplit_once(')')).map_or("", |(reason, _)| reason);
        Some(ResultOf { status, message: message.to_owned(), ..result(&name) })
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
    let line = without_percent(line);
    WORDS
        .iter()
        .filter_map(|word| {
            let at = line.find(&format!(" {word}"))?;
            let rest = end(&line[at + 1 + word.len()..])?;
            Some((line[..at].trim_end(), *word, rest))
        })
        .filter(|(name, _, _)| name.contains("::") && !name.starts_with(char::is_whitespace))
        .min_by_key(|(name, _, _)| name.len())
}

/// `[gw0] [ 50%] PASSED path::test`, as pytest-xdist has it.
fn by_worker(line: &str) -> Option<(&str, &str, &str)> {
    let (worker, rest) = line.strip_prefix("[gw")?.split_once("] ")?;
    if !worker.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let told = WORDS.iter().filter_map(|word| {
        let at = rest.find(&format!("{word} "))?;
        let name = rest[at + word.len()..].trim();
        let is_word = rest[..at].is_empty() || rest[..at].ends_with(' ');
        (is_word && name.contains("::")).then_some((at, name, *word))
    });
    told.min_by_key(|(at, ..)| *at).map(|(_, name, word)| (name, word, ""))
}

/// `path::test[a b] what it prints`: the name.
fn begun(line: &str) -> Option<&str> {
    let (path, _) = line.split_once("::")?;
    if !path.contains('.') || path.contains(char::is_whitespace) {
        return None;
    }
    let mut depth = 0_usize;
    let end = line.find(|c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && c.is_whitespace()
    });
    Some(line[..end.unwrap_or(line.len())].trim_end())
}

/// `PASSED   [ 50%]`: the end of a test whose line began before its output. A line of a log may begin with `ERROR` too.
fn alone(line: &str) -> Option<(&str, &str)> {
    let line = without_percent(line);
    let word = WORDS.iter().find(|word| line.starts_with(**word))?;
    let rest = end(&line[word.len()..])?;
    (!rest.starts_with('(') || rest.ends_with(')')).then_some((*word, rest))
}

fn without_percent(line: &str) -> &str {
    let line = line.trim_end();
    match line.rsplit_once('[') {
        Some((before, percent)) if percent.ends_with("%]") => before.trim_end(),
        _ => line,
    }
}

/// What may follow a word up to the end of the line: a reason, a count, or how long the test took.
fn end(rest: &str) -> Option<&str> {
    let told = rest.trim_start();
    let is_time =
        told.starts_with(|c: char| c.is_ascii_digit()) && told.chars().all(|c| "0123456789. hmsu".contains(c));
    let is_count = told.starts_with('[') && told.ends_with(']');
    let is_end = rest.is_empty() || (told.len() < rest.len() && (told.starts_with('(') || is_count || is_time));
    is_end.then_some(told)
}
