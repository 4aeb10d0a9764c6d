//! The parser role: output is text, result files give the verdicts.

use muster_sdk::parser::{Event, Parser, ResultOf, Status};
use muster_sdk::types::{ExitStatus, Test};

use crate::cases::{Case, Cases, add};
use crate::index::{Index, own_name};
use crate::xml::Xml;

/// Reads one exec.
#[derive(Debug)]
pub struct Junit {
    tests: Vec<Test>,
    index: Index,
    /// What is known of each listed test: several cases may belong to one.
    results: Vec<Option<ResultOf>>,
    file: Option<(String, Xml, Cases)>,
    /// Files that ended in the middle: said at the end, and their last case counts for nothing.
    cut: Vec<String>,
}

impl Parser for Junit {
    fn new(_settings: &str, tests: Vec<Test>) -> Junit {
        let index = Index::new(&tests);
        let results = tests.iter().map(|_| None).collect();
        Junit { tests, index, results, file: None, cut: Vec::new() }
    }

    fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        vec![Event::Text(chunk.to_vec())]
    }

    fn push_file(&mut self, name: &str, chunk: &[u8], last: bool) -> Vec<Event> {
        let mut events = Vec::new();
        let same = self.file.take().filter(|(open, _, _)| open == name);
        let (name, mut xml, mut cases) = same.unwrap_or_else(|| (name.to_owned(), Xml::new(), Cases::default()));
        xml.push(chunk, &mut |item| {
            if let Some(case) = cases.item(item) {
                events.extend(self.case(case));
            }
        });
        if !last {
            self.file = Some((name, xml, cases));
        } else if cases.is_cut() {
            self.cut.push(name);
        }
        events
    }

    fn finish(&mut self, _exit: &ExitStatus) -> Vec<Event> {
        let cut = std::mem::take(&mut self.cut).into_iter();
        let mut events: Vec<Event> = cut
            .map(|name| Event::Text(format!("muster: the result file {name} ends in the middle\n").into()))
            .collect();
        events.extend(self.results.iter_mut().filter_map(|result| result.take().map(Event::Finished)));
        events
    }
}

impl Junit {
    /// A case of a listed test is folded into its verdict, which is told at the end; others are told at once.
    fn case(&mut self, case: Case) -> Option<Event> {
        let Some(index) = self.index.find(&case) else {
            return Some(Event::Finished(ResultOf {
                name: own_name(&case),
                suite: if case.class.is_empty() { case.suite } else { case.class },
                case: case.name,
                status: case.status,
                duration: case.duration,
                message: case.message,
            }));
        };
        let test = &self.tests[index];
        let Some(result) = &mut self.results[index] else {
            self.results[index] = Some(ResultOf {
                name: test.name.clone(),
                suite: test.suite.clone(),
                case: test.case.clone(),
                status: case.status,
                duration: case.duration,
                message: case.message,
            });
            return None;
        };
        result.duration = match (result.duration, case.duration) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        if case.status == Status::Failed && result.status != Status::Failed {
            result.message.clear();
        }
        if case.status == Status::Failed || result.status == Status::Skipped {
            add(&mut result.message, &case.message);
        }
        result.status = match (result.status, case.status) {
            (Status::Failed, _) | (_, Status::Failed) => Status::Failed,
            (Status::Passed, _) | (_, Status::Passed) => Status::Passed,
            (Status::Skipped, Status::Skipped) => Status::Skipped,
        };
        if result.status == Status::Passed {
            result.message.clear();
        }
        None
    }
}

#[cfg(test)]
mod tests;
