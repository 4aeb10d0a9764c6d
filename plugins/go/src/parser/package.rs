//! The tests of one package: which run, what they print, how they ended.

use std::collections::BTreeMap;

use muster_sdk::parser::Status;
use muster_sdk::types::Duration;

use super::closing::Closed;
use super::control::{Control, control, depth, inside};
use super::excerpt::Excerpt;
use crate::names::function;

/// All output that is held for messages; what comes beyond it is in the log only.
const HELD_LIMIT: usize = 4 * 1024 * 1024;
/// What a test binary says when its time is over.
const TIMED_OUT: &str = "panic: test timed out after ";
/// What stands behind a panic that was a test's own. Its end, and that of the tests above it, is printed before.
const RECOVERED: &str = " [recovered";

/// What is to be told of a test; none is the package as a whole.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Started(String),
    Finished(Finished),
}

/// A test's end.
#[derive(Debug, PartialEq)]
pub(crate) struct Finished {
    pub(crate) test: Option<String>,
    pub(crate) status: Status,
    pub(crate) duration: Option<Duration>,
    pub(crate) message: String,
}

/// A test that has begun.
#[derive(Debug, Default)]
struct Open {
    paused: bool,
    output: Excerpt,
}

/// A test whose end was read; output of it may follow.
#[derive(Debug)]
struct Ended {
    name: String,
    status: Status,
    duration: Option<Duration>,
}

/// Reads one package.
#[derive(Debug, Default)]
pub(crate) struct Package {
    open: BTreeMap<String, Open>,
    /// Each below the one before it.
    ended: Vec<Ended>,
    /// Whose output comes.
    current: Option<String>,
    /// Of all.
    output: Excerpt,
    held: usize,
    /// Beginnings are told, as with `-v`, and not only failures.
    told_begins: bool,
    any: bool,
    any_failed: bool,
    timed_out: bool,
    /// A test panicked, whose end was told before, or will be.
    panicked: bool,
}

impl Package {
    /// Reads a line of the test binary.
    pub(crate) fn line(&mut self, line: &str, told: &mut Vec<Told>) {
        // Newer test binaries mark their own lines, which may then stand after output without an end.
        let mut parts = line.split('\u{16}');
        let first = parts.next().unwrap_or_default();
        let is_marked = line.len() > first.len();
        if !first.is_empty() || !is_marked {
            self.unmarked(first, told);
        }
        for part in parts {
            match control(part) {
                Some(control) => self.apply(control, part, told),
                None => self.text(part),
            }
        }
    }

    fn unmarked(&mut self, line: &str, told: &mut Vec<Told>) {
        if let Some(control) = control(line) {
            self.apply(control, line, told);
        } else if let Some((before, control)) = inside(line, |name| self.is_open(name)) {
            self.text(before);
            self.apply(control, &line[before.len()..], told);
        } else {
            self.text(line);
        }
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.contains_key(name) && !self.ended.iter().any(|ended| ended.name == name)
    }

    fn apply(&mut self, control: Control<'_>, line: &str, told: &mut Vec<Told>) {
        match control {
            Control::Run(name) => {
                self.flush(0, told);
                self.begin(name, told);
            }
            Control::Pause(name) => {
                self.flush(0, told);
                self.pause(name);
            }
            Control::Cont(name) => {
                self.flush(0, told);
                self.resume(name, told);
            }
            Control::Name(name) => self.current = Some(name.to_owned()),
            // Deeper than what it would stand below, or of a test that does not run: a test printed it.
            Control::End(end) if end.depth > self.ended.len() => self.text(line),
            Control::End(end) if self.told_begins && !self.is_open(end.name) => self.text(line),
            Control::End(end) => {
                self.flush(end.depth, told);
                self.current = Some(end.name.to_owned());
                let (status, duration) = (end.status, end.duration);
                self.ended.push(Ended { name: end.name.to_owned(), status, duration });
            }
            Control::Through => {
                self.flush(0, told);
                self.current = None;
            }
        }
    }

    /// A test begins.
    pub(crate) fn begin(&mut self, name: &str, told: &mut Vec<Told>) {
        (self.any, self.told_begins) = (true, true);
        self.open.insert(name.to_owned(), Open::default());
        self.current = Some(name.to_owned());
        started(name, told);
    }

    /// A parallel test waits.
    pub(crate) fn pause(&mut self, name: &str) {
        if let Some(open) = self.open.get_mut(name) {
            open.paused = true;
        }
        self.current = Some(name.to_owned());
    }

    /// A parallel test goes on.
    pub(crate) fn resume(&mut self, name: &str, told: &mut Vec<Told>) {
        if let Some(open) = self.open.get_mut(name).filter(|open| open.paused) {
            open.paused = false;
            started(name, told);
        }
        self.current = Some(name.to_owned());
    }

    /// A line of output of whoever runs.
    fn text(&mut self, line: &str) {
        let depth = depth(line);
        if let Some(ended) = depth.checked_sub(1).and_then(|below| self.ended.get(below)) {
            self.current = Some(ended.name.clone());
        }
        let current = self.current.clone();
        self.text_of(current.as_deref(), line);
    }

    /// A line of output of a test, where it is known whose.
    pub(crate) fn text_of(&mut self, test: Option<&str>, line: &str) {
        self.timed_out |= line.starts_with(TIMED_OUT);
        self.panicked |= line.contains(RECOVERED);
        self.output.push(line);
        let Some(open) = test.and_then(|test| self.open.get_mut(test)) else { return };
        if self.held + line.len() < HELD_LIMIT {
            self.held -= open.output.len();
            open.output.push(line);
            self.held += open.output.len();
        }
    }

    /// A line of output that is known to be a test's, in which its end may stand.
    pub(crate) fn output_of(&mut self, test: &str, line: &str, told: &mut Vec<Told>) {
        if control(line).is_some() {
            return;
        }
        match inside(line, |name| self.is_open(name)) {
            Some((before, Control::End(end))) => {
                self.text_of(Some(test), before);
                self.finish(end.name, end.status, end.duration, told);
            }
            Some(_) | None => self.text_of(Some(test), line),
        }
    }

    /// A test has ended, and all its output was read.
    pub(crate) fn finish(&mut self, name: &str, status: Status, duration: Option<Duration>, told: &mut Vec<Told>) {
        let output = self.open.remove(name).unwrap_or_default().output;
        self.any = true;
        self.held = self.held.saturating_sub(output.len());
        let message = match status {
            Status::Passed => String::new(),
            Status::Failed | Status::Skipped => output.text(),
        };
        if status == Status::Failed {
            self.any_failed = true;
            if let Some(parent) = name.rsplit_once('/').and_then(|(parent, _)| self.open.get_mut(parent)) {
                parent.output.push(&format!("--- FAIL: {name}"));
            }
        }
        told.push(Told::Finished(Finished { test: Some(name.to_owned()), status, duration, message }));
    }

    /// Tells the tests that have ended, down to this depth.
    fn flush(&mut self, depth: usize, told: &mut Vec<Told>) {
        while self.ended.len() > depth {
            if let Some(Ended { name, status, duration }) = self.ended.pop() {
                self.finish(&name, status, duration, told);
            }
        }
    }

    /// The test binary has ended. The package as a whole is told where it was asked for, and where nothing of it tells
    /// how it ended.
    pub(crate) fn close(mut self, asked: bool, failure: Option<&str>, took: Option<Duration>, told: &mut Vec<Told>) {
        self.flush(0, told);
        let running: Vec<String> = self.open.iter().filter(|(_, open)| !open.paused).map(|(n, _)| n.clone()).collect();
        let whole = |status, message| Told::Finished(Finished { test: None, status, duration: took, message });
        let Some(failure) = failure else {
            // Their ends were not recognised, and none of them failed.
            running.iter().rev().for_each(|name| self.finish(name, Status::Passed, None, told));
            if asked || !self.any {
                told.push(whole(Status::Passed, String::new()));
            }
            return;
        };
        let functions = running.iter().filter(|name| function(name) == *name).count();
        // One of several may have brought it down: nobody knows which, and they are left to be run again. So are those
        // that ran beside one of which it is known.
        let is_known = self.panicked && self.any_failed;
        if self.timed_out || (functions == 1 && !is_known) {
            for name in running.iter().rev() {
                self.blame(name, failure);
                self.finish(name, Status::Failed, None, told);
            }
        }
        if asked || !self.any_failed {
            let output = std::mem::take(&mut self.output).text();
            told.push(whole(Status::Failed, format!("{output}\n{failure}").trim().to_owned()));
        }
    }

    /// How a test that did not end was ended.
    fn blame(&mut self, name: &str, failure: &str) {
        if let Some(open) = self.open.get_mut(name) {
            if self.timed_out {
                open.output.push("the test binary's time was over while it ran");
            }
            open.output.push(failure);
        }
    }

    /// The output was cut off: what ended is told, and what ran is left open.
    pub(crate) fn cut(mut self, told: &mut Vec<Told>) {
        self.flush(0, told);
    }

    /// Whether a line may be `go test`'s: while a test runs only a failure can be.
    pub(crate) fn may_close(&self, verdict: &Closed<'_>) -> bool {
        matches!(verdict, Closed::Failed(_)) || !self.is_running()
    }

    /// Whether a test is known to run.
    pub(crate) fn is_running(&self) -> bool {
        self.open.keys().any(|name| self.is_open(name))
    }

    /// Whether any test has begun or ended.
    pub(crate) fn has_any(&self) -> bool {
        self.any || !self.ended.is_empty()
    }

    /// The output so far, of a package that has no tests.
    pub(crate) fn into_output(self) -> String {
        self.output.text()
    }
}

/// Only of what can be listed: a subtest's function runs anyway.
fn started(name: &str, told: &mut Vec<Told>) {
    if function(name) == name {
        told.push(Told::Started(name.to_owned()));
    }
}
