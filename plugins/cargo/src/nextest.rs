//! Reads what `cargo nextest run` prints: a line for each end of a test, and after it the output of those that failed.
//!
//! These lines are all that nextest tells while it runs: its JUnit XML is written at the end, and its JSON for each
//! binary at that binary's end.

use std::collections::BTreeMap;

use muster_sdk::parser::{ResultOf, Status};
use muster_sdk::types::from_seconds;

use crate::names::junit;

/// Where the time stands: what comes before it is padded to that. Output of tests is further in.
const TIME_COLUMN: usize = 13;
/// What it says before the first test: `    Starting 8 tests across 3 binaries`.
const BEGIN: &str = "    Starting ";
/// What it says after the last test: a line across, and `     Summary [   0.182s] 7 tests run: ...`.
const RULE: &str = "────────────";
const SUMMARY: &str = "     Summary [";
/// Words for a test that passed.
const PASSED: [&str; 7] = ["PASS", "LEAK", "TIMEOUT-PASS", "TMPASS", "TMT-PASS", "FLAKY", "FLKY"];
/// Words that are no end of a test, where a time is given.
const NO_END: [&str; 4] = ["START", "SETUP", "Summary", "Signaling"];
/// The longest message that is kept.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Nextest {
    /// It has said what it will run: what looks like its lines before is something else.
    speaks: bool,
    /// A failure whose output follows.
    failed: Option<ResultOf>,
    /// Failures that nextest may try again, in order, and what came of them so far.
    tried: Vec<String>,
    tries: BTreeMap<String, ResultOf>,
    /// How each test ended, and whether all have: then some are named again.
    known: BTreeMap<String, Status>,
    summed_up: bool,
}

impl Nextest {
    /// Whether nextest is what is read.
    pub(crate) fn speaks(&self) -> bool {
        self.speaks
    }

    /// Reads a line; which tests are now known to have ended.
    pub(crate) fn line(&mut self, line: &str) -> Vec<ResultOf> {
        self.speaks |= line.starts_with(BEGIN) && line.contains(" across ");
        if !self.speaks {
            return Vec::new();
        }
        if line == RULE || line.starts_with(SUMMARY) {
            self.summed_up |= line != RULE;
            return self.close().into_iter().collect();
        }
        let Some(status) = Line::read(line) else {
            if let Some(failed) = &mut self.failed {
                explain(&mut failed.message, line);
            }
            return Vec::new();
        };
        let mut ended: Vec<ResultOf> = self.close().into_iter().collect();
        let result = status.result();
        let known = self.known.insert(result.name.clone(), result.status);
        if self.summed_up {
            // No output follows. One that passed at last fails now, where the project has it so.
            ended.extend((known != Some(result.status)).then(|| tidied(result)));
            return ended;
        }
        match (status.attempt, result.status) {
            (Some(_), Status::Failed) => {
                if self.tries.insert(result.name.clone(), result.clone()).is_none() {
                    self.tried.push(result.name.clone());
                }
                self.failed = Some(result);
            }
            (Some(attempt), Status::Passed | Status::Skipped) => {
                self.tries.remove(&result.name);
                self.tried.retain(|name| *name != result.name);
                ended.push(ResultOf { message: format!("passed when nextest tried it a {attempt}. time"), ..result });
            }
            (None, Status::Failed) => self.failed = Some(result),
            (None, Status::Passed | Status::Skipped) => ended.push(result),
        }
        ended
    }

    /// What is left to say at the end.
    pub(crate) fn finish(&mut self) -> Vec<ResultOf> {
        let mut ended: Vec<ResultOf> = self.close().into_iter().collect();
        for name in std::mem::take(&mut self.tried) {
            ended.extend(self.tries.remove(&name));
        }
        ended
    }

    /// The output of a failure has ended.
    fn close(&mut self) -> Option<ResultOf> {
        let failed = tidied(self.failed.take()?);
        match self.tries.get_mut(&failed.name) {
            Some(tried) => {
                *tried = failed;
                None
            }
            None => Some(failed),
        }
    }
}

/// A line of a test's end: `        PASS [   0.005s] (1/5) crate::binary test::name`.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    /// Which try, where nextest tries again.
    attempt: Option<&'a str>,
    word: &'a str,
    seconds: f64,
    name: &'a str,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Line<'a>> {
        let (head, rest) = line.split_once('[')?;
        if !head.is_ascii() || head.len() < TIME_COLUMN || (head.len() > TIME_COLUMN && head.starts_with(' ')) {
            return None;
        }
        let (time, name) = rest.split_once("] ")?;
        let seconds = time.trim().strip_suffix('s')?.parse().ok()?;
        let (attempt, word) = match head.trim().strip_prefix("TRY ") {
            Some(tried) => tried.split_once(' ').map(|(attempt, word)| (Some(attempt), word))?,
            None => (None, head.trim()),
        };
        let first = word.split(' ').next().unwrap_or_default();
        if NO_END.contains(&first) || !first.starts_with(|c: char| c.is_ascii_uppercase()) {
            return None;
        }
        Some(Line { attempt, word: first, seconds, name: uncounted(name.trim_end()) })
    }

    fn result(&self) -> ResultOf {
        let passed = PASSED.contains(&self.word);
        let (suite, case) = junit(self.name);
        // Of a failure without output the word is all there is.
        let message = match self.word {
            word if passed || word == "FAIL" => String::new(),
            "FLKY-FL" => "it passed when nextest tried it again, and is to fail if it is flaky\n".to_owned(),
            word => format!("{word}\n"),
        };
        ResultOf {
            name: self.name.to_owned(),
            suite,
            case,
            status: if passed { Status::Passed } else { Status::Failed },
            duration: from_seconds(self.seconds),
            message,
        }
    }
}

/// Without the count that nextest may print before a name: `( 2/15) `, and `(────) ` where there is another try.
fn uncounted(name: &str) -> &str {
    let counted = name.strip_prefix('(').and_then(|rest| rest.split_once(") "));
    match counted {
        Some((count, name)) if count.chars().all(|c| c.is_ascii_digit() || "/ ─".contains(c)) => name,
        Some(_) | None => name,
    }
}

fn tidied(result: ResultOf) -> ResultOf {
    ResultOf { message: tidy(&result.message), ..result }
}

fn explain(message: &mut String, line: &str) {
    let room = MESSAGE_LIMIT.saturating_sub(message.len());
    message.push_str(&line[..line.floor_char_boundary(room)]);
    message.push('\n');
}

/// The panic, where there is one, else all of the output.
fn tidy(block: &str) -> String {
    let lines: Vec<&str> = block.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let panic = lines.iter().position(|line| line.contains(" panicked at "));
    let is_header = |line: &&&str| line.starts_with("  std") && line.ends_with("───");
    let from = panic.unwrap_or_default();
    let text: Vec<&str> = lines[from..].iter().filter(|line| !is_header(line)).copied().collect();
    text.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests;
