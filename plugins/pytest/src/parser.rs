//! The parser role: facts of the runner script, or else the words of `pytest -v`.

use std::collections::BTreeMap;

use muster_sdk::facts::{self, FactParser, FactReader};
use muster_sdk::lines::{self, Lines};
use muster_sdk::parser::{Event, ResultOf, Status};
use muster_sdk::types::{ExitStatus, Test};
use serde_json::Value;

use crate::names::junit;
use crate::plain::Plain;

/// Reads one exec.
pub type PytestParser = FactParser<Reader>;

/// Says what output and facts mean.
#[derive(Debug)]
pub struct Reader {
    /// How JUnit XML calls the tests of this exec.
    names: BTreeMap<String, (String, String)>,
    /// Reads lines until the first fact shows that the runner script speaks.
    plain: Option<(Lines, Plain)>,
    banner: String,
    done: u32,
}

impl FactReader for Reader {
    fn new(_settings: &str, tests: Vec<Test>) -> Reader {
        Reader {
            names: tests.into_iter().map(|test| (test.name, (test.suite, test.case))).collect(),
            plain: Some((Lines::new(), Plain::default())),
            banner: String::new(),
            done: 0,
        }
    }

    fn text(&mut self, text: &[u8], events: &mut Vec<Event>) {
        let Some((mut lines, mut plain)) = self.plain.take() else {
            events.push(Event::Text(text.to_vec()));
            return;
        };
        lines.show(text, events, |piece, events| self.plain_line(&mut plain, &piece, events));
        self.plain = Some((lines, plain));
    }

    fn fact(&mut self, fact: &Value, events: &mut Vec<Event>) {
        self.plain = None;
        let text = |key: &str| facts::text(fact, key);
        match (text("event"), text("name")) {
            (Some("started"), Some(name)) => {
                let module = name.split("::").next().unwrap_or(name);
                if self.banner != module {
                    self.banner = module.to_owned();
                    events.push(Event::Banner(self.banner.clone()));
                }
                events.push(Event::Started(name.to_owned()));
            }
            (Some("finished"), Some(_)) => {
                events.push(self.named(facts::result(fact)));
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

    fn finish(&mut self, _exit: &ExitStatus, events: &mut Vec<Event>) {
        if let Some((mut lines, mut plain)) = self.plain.take() {
            lines.finish(|piece| self.plain_line(&mut plain, &piece, events));
            events.extend(plain.finish().into_iter().map(|result| self.named(result)));
        }
    }
}

impl Reader {
    fn plain_line(&self, plain: &mut Plain, piece: &lines::Piece<'_>, events: &mut Vec<Event>) {
        if let lines::Piece::Line(line) = piece {
            let result = plain.line(&lines::without_ansi(&lines::text(line)));
            events.extend(result.map(|result| self.named(result)));
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

#[cfg(test)]
mod tests;
