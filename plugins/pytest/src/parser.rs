//! The parser role: facts of the runner script, or else the words of `pytest -v`.

use std::collections::BTreeMap;

use muster_sdk::facts::{Facts, Piece};
use muster_sdk::lines::{self, Lines};
use muster_sdk::parser::{Event, Parser, ResultOf, Status};
use muster_sdk::types::{ExitStatus, Test, from_seconds};
use serde_json::Value;

use crate::names::junit;
use crate::plain::Plain;

/// Reads one exec.
#[derive(Debug)]
pub struct PytestParser {
    /// How JUnit XML calls the tests of this exec.
    names: BTreeMap<String, (String, String)>,
    facts: Facts,
    /// Reads lines until the first fact shows that the runner script speaks.
    plain: Option<(Lines, Plain)>,
    banner: String,
    done: u32,
}

impl Parser for PytestParser {
    fn new(_settings: &str, tests: Vec<Test>) -> PytestParser {
        PytestParser {
            names: tests.into_iter().map(|test| (test.name, (test.suite, test.case))).collect(),
            facts: Facts::new(),
            plain: Some((Lines::new(), Plain::default())),
            banner: String::new(),
            done: 0,
        }
    }

    fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        let mut facts = std::mem::take(&mut self.facts);
        let mut events = Vec::new();
        facts.push(chunk, &mut |piece| self.see(piece, &mut events));
        self.facts = facts;
        events
    }

    fn push_file(&mut self, _name: &str, _chunk: &[u8], _last: bool) -> Vec<Event> {
        Vec::new()
    }

    fn finish(&mut self, _exit: &ExitStatus) -> Vec<Event> {
        let mut facts = std::mem::take(&mut self.facts);
        let mut events = Vec::new();
        facts.finish(&mut |piece| self.see(piece, &mut events));
        if let Some((mut lines, mut plain)) = self.plain.take() {
            lines.finish(|piece| events.extend(read_plain(&mut plain, &piece).into_iter().map(|r| self.named(r))));
            events.extend(plain.finish().into_iter().map(|result| self.named(result)));
        }
        events
    }
}

impl PytestParser {
    fn see(&mut self, piece: Piece<'_>, events: &mut Vec<Event>) {
        match piece {
            Piece::Text(text) => self.text(text, events),
            Piece::Fact(fact) => {
                self.plain = None;
                self.fact(&fact, events);
            }
        }
    }

    /// Text goes out at once; a result found in a line follows the line.
    fn text(&mut self, text: &[u8], events: &mut Vec<Event>) {
        let Some((mut lines, mut plain)) = self.plain.take() else {
            events.push(Event::Text(text.to_vec()));
            return;
        };
        for piece in text.split_inclusive(|&byte| byte == b'\n') {
            events.push(Event::Text(piece.to_vec()));
            lines.push(piece, |piece| {
                events.extend(read_plain(&mut plain, &piece).into_iter().map(|result| self.named(result)));
            });
        }
        self.plain = Some((lines, plain));
    }

    fn fact(&mut self, fact: &Value, events: &mut Vec<Event>) {
        let text = |key: &str| fact.get(key).and_then(Value::as_str);
        match (text("event"), text("name")) {
            (Some("started"), Some(name)) => {
                let module = name.split("::").next().unwrap_or(name);
                if self.banner != module {
                    self.banner = module.to_owned();
                    events.push(Event::Banner(self.banner.clone()));
                }
                events.push(Event::Started(name.to_owned()));
            }
            (Some("finished"), Some(name)) => {
                let status = match text("status") {
                    Some("passed") => Status::Passed,
                    Some("skipped") => Status::Skipped,
                    Some(_) | None => Status::Failed,
                };
                let duration = fact.get("duration").and_then(Value::as_f64).and_then(from_seconds);
                let message = text("message").unwrap_or_default().to_owned();
                let result = ResultOf { status, duration, message, ..result(name) };
                events.push(self.named(result));
                self.done += 1;
                let all = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
                events.push(Event::Progress((self.done.min(all), all)));
            }
            (Some("missing"), _) => {
                for name in fact.get("names").and_then(Value::as_array).into_iter().flatten() {
                    let name = name.as_str().unwrap_or_default();
                    events.push(Event::Text(format!("muster: {name} was listed and is not collected here\n").into()));
                }
            }
            (Some("begun"), _) => {
                let python = text("python").unwrap_or_default();
                events.push(Event::Other((
                    "python".into(),
                    format!("{python} {}", text("executable").unwrap_or_default()),
                )));
            }
            (Some(_) | None, _) => {}
        }
    }

    /// Gives a result the names it was listed with.
    fn named(&self, mut result: ResultOf) -> Event {
        (result.suite, result.case) = self.names.get(&result.name).cloned().unwrap_or_else(|| junit(&result.name));
        Event::Finished(result)
    }
}

/// A passed test of this name.
pub(crate) fn result(name: &str) -> ResultOf {
    ResultOf {
        name: name.into(),
        suite: String::new(),
        case: String::new(),
        status: Status::Passed,
        duration: None,
        message: String::new(),
    }
}

fn read_plain(plain: &mut Plain, piece: &lines::Piece<'_>) -> Option<ResultOf> {
    match piece {
        lines::Piece::Line(line) => plain.line(&lines::without_ansi(&lines::text(line))),
        lines::Piece::Part(_) => None,
    }
}

#[cfg(test)]
mod tests;
