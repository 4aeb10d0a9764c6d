//! The parser role: what the runner says of packages and their test binaries of tests; or else the lines of `go test`,
//! plain or `-json`.

mod built;
mod closing;
mod control;
mod excerpt;
mod json;
mod package;
mod packages;

use std::collections::BTreeMap;

use muster_sdk::facts::{self, FactParser, FactReader};
use muster_sdk::lines::{self, Lines};
use muster_sdk::log;
use muster_sdk::parser::{Event, ResultOf, Status};
use muster_sdk::settings::Settings;
use muster_sdk::types::{ExitStatus, Test, from_seconds};
use serde_json::Value;

use crate::names::{WHOLE, full, function};
use built::Built;
use closing::{Closed, closing};
use package::{Finished, Package, Told};
use packages::Packages;

/// The mark of newer test binaries before their own lines; of no use to people.
const MARK: u8 = 0x16;

/// Reads one exec.
pub type GoParser = FactParser<Reader>;

/// Says what output and facts mean.
#[derive(Debug)]
pub struct Reader {
    /// Listed tests, with their packages; those that have ended.
    tests: BTreeMap<String, String>,
    done: u32,
    subtests: bool,
    lines: Lines,
    line: Line,
    /// The runner speaks: it says where packages begin and end.
    told: bool,
    /// The package that runs, where the runner or nobody says which it is.
    package: Package,
    path: Option<String>,
    /// Of a package that is not yet known by name.
    unnamed: Vec<Told>,
    built: Built,
    /// Where each line names its package.
    packages: Packages,
}

/// What is known of the line that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Beginning,
    /// Passed on as it comes.
    Text,
    /// It may be an event of `go test -json`, and is passed on when it is known whether it is.
    Held,
}

impl FactReader for Reader {
    fn new(settings: &str, tests: Vec<Test>) -> Reader {
        let subtests = subtests(settings).unwrap_or_else(|error| {
            log::error(&format!("go: {error}; subtests are reported"));
            true
        });
        Reader {
            tests: tests.into_iter().map(|test| (test.name, test.suite)).collect(),
            done: 0,
            subtests,
            lines: Lines::new(),
            line: Line::Beginning,
            told: false,
            package: Package::default(),
            path: None,
            unnamed: Vec::new(),
            built: Built::default(),
            packages: Packages::default(),
        }
    }

    /// Text goes out at once; what a line says follows the line.
    fn text(&mut self, text: &[u8], events: &mut Vec<Event>) {
        let mut lines = std::mem::take(&mut self.lines);
        for piece in text.split_inclusive(|&byte| byte == b'\n') {
            if self.line == Line::Beginning {
                // Where tests are told in plain lines, a test may print anything.
                let may_be_event = piece[0] == b'{' && !self.told && !self.package.has_any();
                self.line = if may_be_event { Line::Held } else { Line::Text };
            }
            if self.line == Line::Text {
                show(piece, events);
            }
            lines.push(piece, |piece| self.line(&piece, events));
            if piece.ends_with(b"\n") {
                self.line = Line::Beginning;
            }
        }
        self.lines = lines;
    }

    fn fact(&mut self, fact: &Value, events: &mut Vec<Event>) {
        self.end_line(events);
        self.told = true;
        let text = |key: &str| facts::text(fact, key).unwrap_or_default();
        let path = text("package").to_owned();
        match text("event") {
            "package" => {
                events.push(Event::Banner(path.clone()));
                self.path = Some(path);
                self.package = Package::default();
            }
            "exited" => {
                let failure = if fact.get("ok") == Some(&Value::Bool(true)) { None } else { Some(text("end")) };
                let took = fact.get("took").and_then(Value::as_f64).and_then(from_seconds);
                let mut told = Vec::new();
                let asked = self.tests.contains_key(&path);
                std::mem::take(&mut self.package).close(asked, failure, took, &mut told);
                self.path = None;
                self.tell(&path, told, events);
            }
            _ => {}
        }
    }

    fn finish(&mut self, exit: &ExitStatus, events: &mut Vec<Event>) {
        self.end_line(events);
        self.end_package(exit, events);
    }
}

impl Reader {
    /// Nothing follows the line that has begun.
    fn end_line(&mut self, events: &mut Vec<Event>) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.finish(|piece| self.line(&piece, events));
        self.line = Line::Beginning;
    }

    fn line(&mut self, piece: &lines::Piece<'_>, events: &mut Vec<Event>) {
        let line = match piece {
            lines::Piece::Line(line) => line,
            lines::Piece::Part(part) if self.line == Line::Held => return show(part, events),
            lines::Piece::Part(_) => return,
        };
        if self.line == Line::Held {
            match json::line(line) {
                Some(line) => return self.json(&line, events),
                None => show(line, events),
            }
        }
        let line = lines::text(line);
        match closing(&line) {
            Some(closing) if !self.told && self.package.may_close(&closing.verdict) => {
                self.close(closing.package, &closing.verdict, events)
            }
            Some(_) | None => {
                if !self.told && !self.package.is_running() {
                    self.built.line(&line);
                }
                let mut told = Vec::new();
                self.package.line(&line, &mut told);
                self.tell_or_hold(told, events);
            }
        }
    }

    /// A line of `go test` says what became of the package whose lines came before.
    fn close(&mut self, path: &str, verdict: &Closed<'_>, events: &mut Vec<Event>) {
        self.built.end();
        let package = std::mem::take(&mut self.package);
        let mut told = std::mem::take(&mut self.unnamed);
        let whole = |status, message| Told::Finished(Finished { test: None, status, duration: None, message });
        let asked = self.tests.contains_key(path);
        match *verdict {
            Closed::Passed(took) => package.close(asked, None, took, &mut told),
            Closed::Failed(took) => package.close(asked, Some(""), took, &mut told),
            Closed::NotMade(why) => {
                let message = format!("{}\n{why}", self.built.take(path));
                told.push(whole(Status::Failed, message.trim().to_owned()));
            }
            Closed::NoTestFiles => told.push(whole(Status::Skipped, "no test files".into())),
        }
        self.tell(path, told, events);
    }

    /// An event of `go test -json`.
    fn json(&mut self, line: &json::Line, events: &mut Vec<Event>) {
        show(line.output.as_deref().unwrap_or_default().as_bytes(), events);
        let mut told = Vec::new();
        self.packages.line(line, self.tests.contains_key(&line.package), &mut told);
        self.tell(&line.package, told, events);
    }

    /// The output is over, and a package is still open: of a lone test binary the exit status says what became of it;
    /// of what was cut off the host does.
    fn end_package(&mut self, exit: &ExitStatus, events: &mut Vec<Event>) {
        let package = std::mem::take(&mut self.package);
        let mut told = std::mem::take(&mut self.unnamed);
        let path = self.path.take().unwrap_or_else(|| self.only_package());
        match exit {
            ExitStatus::Exited(code) if !self.told && package.has_any() => {
                let failure = format!("exit status {code}");
                let asked = self.tests.contains_key(&path);
                package.close(asked, (*code != 0).then_some(failure.as_str()), None, &mut told);
            }
            ExitStatus::Exited(_) | ExitStatus::Signaled(_) | ExitStatus::TimedOut | ExitStatus::Unknown(_) => {
                package.cut(&mut told);
            }
        }
        self.tell(&path, told, events);
    }

    /// The package of all tests of this exec, where there is one.
    fn only_package(&self) -> String {
        let mut packages = self.tests.values();
        match packages.next() {
            Some(first) if packages.all(|package| package == first) => first.clone(),
            Some(_) | None => String::new(),
        }
    }

    fn tell_or_hold(&mut self, told: Vec<Told>, events: &mut Vec<Event>) {
        match self.path.clone() {
            Some(path) => self.tell(&path, told, events),
            None if self.told => {}
            None => self.unnamed.extend(told),
        }
    }

    fn tell(&mut self, path: &str, told: Vec<Told>, events: &mut Vec<Event>) {
        for told in told {
            match told {
                Told::Started(test) => events.push(Event::Started(name(path, &test))),
                Told::Finished(finished) => self.finished(path, finished, events),
            }
        }
    }

    fn finished(&mut self, path: &str, finished: Finished, events: &mut Vec<Event>) {
        let Finished { test, status, duration, message } = finished;
        let (name, case) = match test {
            Some(test) if function(&test) != test && !self.subtests => return,
            Some(test) => (name(path, &test), test),
            None => (path.to_owned(), WHOLE.to_owned()),
        };
        let is_listed = self.tests.contains_key(&name);
        // No test of it ran, and it is no test itself: those that were asked for were not mentioned.
        if case == WHOLE && status == Status::Passed && !is_listed && self.tests.values().any(|suite| suite == path) {
            return;
        }
        events.push(Event::Finished(ResultOf { name, suite: path.into(), case, status, duration, message }));
        if is_listed {
            self.done += 1;
            let all = u32::try_from(self.tests.len()).unwrap_or(u32::MAX);
            events.push(Event::Progress((self.done.min(all), all)));
        }
    }
}

/// A test of a package that nobody names is called as its function is.
fn name(path: &str, test: &str) -> String {
    if path.is_empty() { test.to_owned() } else { full(path, test) }
}

fn show(text: &[u8], events: &mut Vec<Event>) {
    let shown: Vec<u8> = match text.contains(&MARK) {
        true => text.iter().copied().filter(|byte| *byte != MARK).collect(),
        false => text.to_vec(),
    };
    if !shown.is_empty() {
        events.push(Event::Text(shown));
    }
}

/// `subtests`: whether they are reported.
fn subtests(settings: &str) -> Result<bool, muster_sdk::Error> {
    let mut settings = Settings::parse(settings)?;
    let subtests = settings.flag("subtests")?.unwrap_or(true);
    settings.finish()?;
    Ok(subtests)
}

#[cfg(test)]
mod tests;
