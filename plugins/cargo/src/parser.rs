//! The parser role: facts of the runner, or else the lines of nextest or the harness.

use std::collections::{BTreeMap, BTreeSet};

use muster_sdk::facts::{self, FactParser, FactReader};
use muster_sdk::lines::{self, Lines};
use muster_sdk::parser::{Event, ResultOf};
use muster_sdk::types::{ExitStatus, Test};
use serde_json::Value;

use crate::names::junit;
use crate::plain::Plain;

/// Reads one exec.
pub type CargoParser = FactParser<Reader>;

/// Says what output and facts mean.
#[derive(Debug)]
pub struct Reader {
    /// The tests of this exec, in order.
    order: Vec<String>,
    /// How JUnit XML calls the tests of this exec.
    names: BTreeMap<String, (String, String)>,
    /// Reads lines until the first fact shows that the runner tells of each test itself.
    plain: Option<(Lines, Plain)>,
    /// Nextest runs the tests one by one, in their order.
    serial: Option<Serial>,
    banner: String,
    done: u32,
}

impl FactReader for Reader {
    fn new(_settings: &str, tests: Vec<Test>) -> Reader {
        Reader {
            order: tests.iter().map(|test| test.name.clone()).collect(),
            names: tests.into_iter().map(|test| (test.name, (test.suite, test.case))).collect(),
            plain: Some((Lines::new(), Plain::default())),
            serial: None,
            banner: String::new(),
            done: 0,
        }
    }

    fn text(&mut self, text: &[u8], events: &mut Vec<Event>) {
        let Some((mut lines, mut plain)) = self.plain.take() else {
            events.push(Event::Text(text.to_vec()));
            return;
        };
        lines.show(text, events, |piece, events| self.line(&mut plain, &piece, events));
        self.plain = Some((lines, plain));
    }

    fn fact(&mut self, fact: &Value, events: &mut Vec<Event>) {
        match (facts::text(fact, "event"), facts::text(fact, "name")) {
            (Some("nextest"), _) => {
                self.serial = Some(Serial { order: std::mem::take(&mut self.order), ..Serial::default() });
                return;
            }
            (Some("binary"), Some(name)) => self.banner(name, events),
            (Some("started"), Some(name)) => events.push(Event::Started(name.to_owned())),
            (Some("finished"), Some(name)) => {
                let (suite, case) = junit(name);
                self.ended(ResultOf { suite, case, ..facts::result(fact) }, events);
            }
            (Some(_) | None, _) => {}
        }
        self.plain = None;
    }

    fn finish(&mut self, _exit: &ExitStatus, events: &mut Vec<Event>) {
        if let Some((mut lines, mut plain)) = self.plain.take() {
            lines.finish(|piece| self.line(&mut plain, &piece, events));
            plain.finish().into_iter().for_each(|result| self.ended(result, events));
        }
    }
}

impl Reader {
    fn line(&mut self, plain: &mut Plain, piece: &lines::Piece<'_>, events: &mut Vec<Event>) {
        if let lines::Piece::Line(line) = piece {
            let ended = plain.line(&lines::without_ansi(&lines::text(line)));
            ended.into_iter().for_each(|result| self.ended(result, events));
            if plain.nextest_speaks() {
                events.extend(self.serial.as_mut().and_then(Serial::begun).map(Event::Started));
            }
        }
    }

    fn banner(&mut self, binary: &str, events: &mut Vec<Event>) {
        if self.banner != binary {
            self.banner = binary.to_owned();
            events.push(Event::Banner(self.banner.clone()));
        }
    }

    /// Gives a result the names it was listed with.
    fn ended(&mut self, mut result: ResultOf, events: &mut Vec<Event>) {
        // Where cargo is not asked to name binaries, a test stands for itself.
        if !self.names.contains_key(&result.name) && self.names.contains_key(&result.case) {
            result.name.clone_from(&result.case);
        }
        if let Some((suite, case)) = self.names.get(&result.name) {
            result.suite.clone_from(suite);
            result.case.clone_from(case);
        }
        self.banner(&result.suite, events);
        if let Some(serial) = &mut self.serial {
            serial.ended.insert(result.name.clone());
        }
        events.push(Event::Finished(result));
        self.done = self.done.saturating_add(1);
        let all = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        events.push(Event::Progress((self.done.min(all), all)));
    }
}

/// Which test runs: nextest does not say, but it takes one after the other.
#[derive(Debug, Default)]
struct Serial {
    order: Vec<String>,
    ended: BTreeSet<String>,
    /// How many of the first have ended.
    passed_by: usize,
    told: Option<usize>,
}

impl Serial {
    /// The test that has begun since this was asked last.
    fn begun(&mut self) -> Option<String> {
        while self.order.get(self.passed_by).is_some_and(|name| self.ended.contains(name)) {
            self.passed_by += 1;
        }
        if self.told == Some(self.passed_by) {
            return None;
        }
        self.told = Some(self.passed_by);
        self.order.get(self.passed_by).cloned()
    }
}

#[cfg(test)]
mod tests;
