//! The parser role.

use std::collections::BTreeMap;

use muster_sdk::lines::{self, Lines, Piece};
use muster_sdk::log;
use muster_sdk::parser::{Event, Parser, ResultOf, Status};
use muster_sdk::settings::Settings;
use muster_sdk::types::{ExitStatus, Test};

use crate::fold::Fold;
use crate::line::{Line, read};
use crate::points::Points;

/// Reads one exec.
#[derive(Debug)]
pub struct Tap {
    /// Listed tests, with what JUnit XML calls them.
    tests: BTreeMap<String, (String, String)>,
    mode: Mode,
    lines: Lines,
    /// Inside a YAML block.
    yaml: bool,
}

#[derive(Debug)]
enum Mode {
    /// The open file, if the output says which it is, and what is known of it.
    File {
        open: Option<(String, Fold)>,
        only: bool,
    },
    Point(Points),
}

impl Parser for Tap {
    fn new(settings: &str, tests: Vec<Test>) -> Tap {
        let by_point = match names(settings) {
            Ok(by_point) => by_point,
            Err(error) => {
                log::error(&format!("tap: {error}; test files are taken for the names"));
                false
            }
        };
        let only = match &tests[..] {
            [test] => Some((test.name.clone(), Fold::default())),
            _ => None,
        };
        let mode =
            if by_point { Mode::Point(Points::default()) } else { Mode::File { only: only.is_some(), open: only } };
        let tests = tests.into_iter().map(|test| (test.name, (test.suite, test.case))).collect();
        Tap { tests, mode, lines: Lines::new(), yaml: false }
    }

    /// Text goes out at once; what a line says follows the line.
    fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut lines = std::mem::take(&mut self.lines);
        lines.show(chunk, &mut events, |piece, events| self.piece(&piece, events));
        self.lines = lines;
        events
    }

    fn push_file(&mut self, _name: &str, _chunk: &[u8], _last: bool) -> Vec<Event> {
        Vec::new()
    }

    fn finish(&mut self, exit: &ExitStatus) -> Vec<Event> {
        let mut events = Vec::new();
        let mut lines = std::mem::take(&mut self.lines);
        lines.finish(|piece| self.piece(&piece, &mut events));
        match &mut self.mode {
            Mode::Point(points) => {
                let last = points.end();
                events.extend(last.map(|result| self.named(result)));
            }
            Mode::File { open, only } => {
                let (open, only) = (open.take(), *only);
                if let Some((name, fold)) = open {
                    events.extend(self.close_last(name, fold, only, exit));
                }
            }
        }
        events
    }
}

impl Tap {
    fn piece(&mut self, piece: &Piece<'_>, events: &mut Vec<Event>) {
        let Piece::Line(line) = piece else {
            return;
        };
        let line = lines::without_ansi(&lines::text(line));
        let inner = line.trim();
        if self.yaml || (line.starts_with("  ") && inner == "---") {
            self.yaml = inner != "...";
            if inner != "---" && inner != "..." {
                self.explain(&line);
            }
            return;
        }
        match read(&line) {
            Line::Point(point) => match &mut self.mode {
                Mode::Point(points) => {
                    let before = points.point(&point);
                    events.extend(before.map(|result| self.named(result)));
                }
                Mode::File { open: Some((_, fold)), .. } => fold.point(&point),
                Mode::File { open: None, .. } => {}
            },
            Line::Plan(count, skip) => self.fold(|fold| fold.plan(count, skip)),
            Line::BailOut(reason) => self.fold(|fold| fold.bail_out(&reason)),
            Line::Diagnostic(text) => self.explain(&text),
            Line::File(name) => self.switch(&name, events),
            Line::Summed { file, word } => self.summed(&file, &word, events),
            Line::Failed(told) => self.fold(|fold| fold.prove_failed(&told)),
            // The points of a subtest explain the point that sums them up, which comes after them.
            Line::Other => {}
        }
    }

    fn fold(&mut self, change: impl FnOnce(&mut Fold)) {
        if let Mode::File { open: Some((_, fold)), .. } = &mut self.mode {
            change(fold);
        }
    }

    fn explain(&mut self, line: &str) {
        match &mut self.mode {
            Mode::Point(points) => points.explain(line),
            Mode::File { open: Some((_, fold)), .. } => fold.explain(line),
            Mode::File { open: None, .. } => {}
        }
    }

    /// Another test file begins.
    fn switch(&mut self, name: &str, events: &mut Vec<Event>) {
        let Mode::File { open, .. } = &mut self.mode else {
            return;
        };
        if !self.tests.contains_key(name) || open.as_ref().is_some_and(|(open, _)| open == name) {
            return;
        }
        let before = open.replace((name.to_owned(), Fold::default()));
        self.close(before, events);
        events.push(Event::Banner(name.to_owned()));
        events.push(Event::Started(name.to_owned()));
    }

    /// A file is over, as what follows is another's.
    fn close(&self, open: Option<(String, Fold)>, events: &mut Vec<Event>) {
        if let Some((name, fold)) = open {
            let (status, message) = fold.verdict();
            events.push(self.named(result(name, status, message)));
        }
    }

    /// `prove` has summed up a file, whose points it did not show.
    fn summed(&mut self, file: &str, word: &str, events: &mut Vec<Event>) {
        if !matches!(self.mode, Mode::File { .. }) || !self.tests.contains_key(file) {
            return;
        }
        let verdict = match word.split([' ', ':', ',']).next() {
            Some("ok") => Some((Status::Passed, String::new())),
            Some("skipped") => Some((Status::Skipped, word.trim_start_matches("skipped:").trim().to_owned())),
            Some("Failed" | "Dubious" | "All") => Some((Status::Failed, word.to_owned())),
            Some(_) | None => None,
        };
        let Some((status, message)) = verdict else {
            return;
        };
        if let Mode::File { open, .. } = &mut self.mode {
            let before = open.take().filter(|(name, _)| name != file);
            self.close(before, events);
        }
        events.push(self.named(result(file.to_owned(), status, message)));
    }

    /// The last file of an exec: how the exec ended is how the file ended.
    fn close_last(&self, name: String, fold: Fold, only: bool, exit: &ExitStatus) -> Option<Event> {
        let code = match exit {
            ExitStatus::Exited(code) => *code,
            // It was cut off: the host knows which test was open, and why.
            ExitStatus::Signaled(_) | ExitStatus::TimedOut | ExitStatus::Unknown(_) => return None,
        };
        let is_whole = fold.is_whole();
        let (status, message) = fold.verdict();
        let (status, message) = match status {
            Status::Passed | Status::Skipped if only && code != 0 => {
                (Status::Failed, format!("its points passed and it exited with status {code}"))
            }
            Status::Failed if !is_whole && code != 0 => (status, format!("{message}\nexit status {code}")),
            Status::Passed | Status::Skipped | Status::Failed => (status, message),
        };
        Some(self.named(result(name, status, message)))
    }

    fn named(&self, mut result: ResultOf) -> Event {
        if let Some((suite, case)) = self.tests.get(&result.name) {
            result.suite.clone_from(suite);
            result.case.clone_from(case);
        }
        Event::Finished(result)
    }
}

fn result(name: String, status: Status, message: String) -> ResultOf {
    ResultOf { case: name.clone(), name, suite: String::new(), status, duration: None, message }
}

/// `names`: "file" or "point".
fn names(settings: &str) -> Result<bool, muster_sdk::Error> {
    let mut settings = Settings::parse(settings)?;
    let by_point = match settings.text("names")?.as_deref() {
        None | Some("file") => false,
        Some("point") => true,
        Some(_) => return Err(settings.invalid("names", "\"file\" or \"point\"")),
    };
    settings.finish()?;
    Ok(by_point)
}

#[cfg(test)]
mod tests;
