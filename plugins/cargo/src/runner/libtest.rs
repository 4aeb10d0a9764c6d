//! Reads what a test binary of the standard harness prints: a line for each test, and at the end why some failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The longest message that is kept.
const MESSAGE_LIMIT: usize = 64 * 1024;
/// What the harness adds to a name: not part of it.
const MODES: [&str; 3] = [" - should panic", " - compile fail", " - compile"];

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Ignored,
}

/// The end of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    /// Since the test before it ended, or it was seen to begin.
    pub(crate) took: Duration,
    pub(crate) message: String,
}

/// What was read so far. Failures wait for their message, which comes when all tests have ended.
#[derive(Debug, Default)]
pub(crate) struct Libtest {
    /// The test whose line has begun.
    pub(crate) open: Option<String>,
    /// When the last test began or ended.
    pub(crate) since: Duration,
    failed: Vec<(String, Duration)>,
    /// Tests whose end was lost between other output: the list of failures says it.
    unclear: Vec<(String, Duration)>,
    pub(crate) section: Section,
    messages: BTreeMap<String, String>,
    /// Failures that were told.
    told: BTreeSet<String>,
    /// The list of failures, and whether the line before was empty: one comes before that list.
    listed: BTreeSet<String>,
    after_empty: bool,
}

/// Which part of the output a line stands in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Section {
    #[default]
    Tests,
    /// After `failures:`, with the test whose output it is.
    Failures(Option<String>),
}

impl Libtest {
    /// Reads a whole line; which tests are now known to have ended.
    pub(crate) fn line(&mut self, line: &str, now: Duration) -> Vec<Ended> {
        let line = line.trim_end_matches(['\n', '\r']);
        if let Some(result) = line.strip_prefix("test result: ") {
            return self.summary(!result.starts_with("ok"), now);
        }
        if self.section != Section::Tests {
            self.explanation(line);
            return Vec::new();
        }
        if line == "failures:" {
            self.unclear_open(now);
            self.section = Section::Failures(None);
            return Vec::new();
        }
        match split(line) {
            Some((name, rest)) => {
                if self.open.as_deref() != Some(name) {
                    self.unclear_open(now);
                }
                match outcome(rest) {
                    Some((outcome, reason)) => self.ended(name.to_owned(), outcome, reason, now),
                    None => {
                        self.open = Some(name.to_owned());
                        Vec::new()
                    }
                }
            }
            None => match (self.open.clone(), outcome(line)) {
                (Some(name), Some((outcome, reason))) => self.ended(name, outcome, reason, now),
                (Some(_) | None, _) => Vec::new(),
            },
        }
    }

    /// The summary: every test has ended, those whose end was lost too. The list of failures is right where a test's own
    /// output was taken for its end.
    fn summary(&mut self, any_failed: bool, now: Duration) -> Vec<Ended> {
        self.unclear_open(now);
        let unclear = std::mem::take(&mut self.unclear);
        let listed = if any_failed { std::mem::take(&mut self.listed) } else { BTreeSet::new() };
        let (failed, passed): (Vec<_>, Vec<_>) = unclear.into_iter().partition(|(name, _)| listed.contains(name));
        self.failed.extend(failed);
        let known: BTreeSet<&String> = self.failed.iter().map(|(name, _)| name).chain(&self.told).collect();
        let missed: Vec<_> = listed.iter().filter(|name| !known.contains(name)).cloned().collect();
        self.failed.extend(missed.into_iter().map(|name| (name, Duration::ZERO)));
        let mut ended = self.tell_failed();
        let of = |(name, took)| Ended { name, outcome: Outcome::Passed, took, message: String::new() };
        ended.extend(passed.into_iter().map(of));
        ended
    }

    /// The end of the output, expected or not: failures that nobody was told of. What became of the others is not known.
    pub(crate) fn end(&mut self) -> Vec<Ended> {
        let ended = self.tell_failed();
        self.told.clear();
        ended
    }

    fn tell_failed(&mut self) -> Vec<Ended> {
        let mut messages = std::mem::take(&mut self.messages);
        let failed = std::mem::take(&mut self.failed);
        let mut told = std::mem::take(&mut self.told);
        told.extend(failed.iter().map(|(name, _)| name.clone()));
        *self = Libtest { open: self.open.take(), since: self.since, told, ..Libtest::default() };
        let ended = failed.into_iter().map(|(name, took)| {
            let message = messages.remove(&name).unwrap_or_default().trim().to_owned();
            Ended { name, outcome: Outcome::Failed, took, message }
        });
        ended.collect()
    }

    fn ended(&mut self, name: String, outcome: Outcome, reason: &str, now: Duration) -> Vec<Ended> {
        self.open = None;
        let took = now.saturating_sub(self.since);
        self.since = now;
        if outcome == Outcome::Failed {
            self.failed.push((name, took));
            return Vec::new();
        }
        vec![Ended { name, outcome, took, message: reason.to_owned() }]
    }

    /// Another test begins, or none does: the open one has ended somehow.
    pub(crate) fn unclear_open(&mut self, now: Duration) {
        if let Some(name) = self.open.take() {
            self.unclear.push((name, now.saturating_sub(self.since)));
            self.since = now;
        }
    }

    fn explanation(&mut self, line: &str) {
        let header = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"));
        if let Some(name) = header {
            self.section = Section::Failures(Some(name.to_owned()));
        } else if line == "failures:" && self.after_empty {
            self.section = Section::Failures(None);
            self.listed.clear();
        } else if let Section::Failures(Some(name)) = &self.section {
            let message = self.messages.entry(name.clone()).or_default();
            let room = MESSAGE_LIMIT.saturating_sub(message.len());
            message.push_str(&line[..boundary(line, room)]);
            message.push('\n');
        } else if let Some(name) = line.strip_prefix("    ") {
            self.listed.insert(name.to_owned());
        }
        self.after_empty = line.is_empty();
    }
}

/// `test NAME ... REST`, without what the harness adds to the name.
fn split(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((plain(name), rest))
}

/// A name without what the harness adds to it.
pub(crate) fn plain(name: &str) -> &str {
    MODES.iter().find_map(|mode| name.strip_suffix(mode)).unwrap_or(name)
}

/// The end of a test's line, with a reason.
fn outcome(rest: &str) -> Option<(Outcome, &str)> {
    // `ok <0.123s>` where the harness is asked for times.
    let word = rest.split(" <").next().unwrap_or(rest);
    match word {
        "ok" => Some((Outcome::Passed, "")),
        "FAILED" => Some((Outcome::Failed, "")),
        "ignored" => Some((Outcome::Ignored, "")),
        _ if rest.starts_with("bench: ") => Some((Outcome::Passed, "")),
        _ => rest.strip_prefix("ignored, ").map(|reason| (Outcome::Ignored, reason)),
    }
}

/// The last place at or before `at` where a text can be cut.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
