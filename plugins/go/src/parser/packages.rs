//! The packages of `go test -json`, whose events come mixed and name their package each.

use std::collections::BTreeMap;

use muster_sdk::parser::Status;

use super::json::Line;
use super::package::{Finished, Package, Told};

/// Those that are open, by import path.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    open: BTreeMap<String, Package>,
}

impl Packages {
    /// Takes in an event, and says what it tells of its package's tests, and of the package where that was asked for.
    pub(crate) fn line(&mut self, line: &Line, asked: bool, told: &mut Vec<Told>) {
        match (line.action.as_str(), line.test.as_deref()) {
            ("output" | "build-output", test) => {
                let output = line.output.as_deref().unwrap_or_default();
                let text = output.strip_suffix('\n').unwrap_or(output);
                let package = self.package(line);
                match test {
                    Some(test) => package.output_of(test, text, told),
                    None => package.text_of(None, text),
                }
            }
            ("pass" | "fail" | "skip", None) => self.close(line, asked, told),
            ("run", Some(test)) => self.package(line).begin(test, told),
            ("pause", Some(test)) => self.package(line).pause(test),
            ("cont", Some(test)) => self.package(line).resume(test, told),
            ("pass", Some(test)) => self.package(line).finish(test, Status::Passed, line.elapsed, told),
            ("fail", Some(test)) => self.package(line).finish(test, Status::Failed, line.elapsed, told),
            ("skip", Some(test)) => self.package(line).finish(test, Status::Skipped, line.elapsed, told),
            _ => {}
        }
    }

    fn package(&mut self, line: &Line) -> &mut Package {
        self.open.entry(line.package.clone()).or_default()
    }

    fn close(&mut self, line: &Line, asked: bool, told: &mut Vec<Told>) {
        let package = self.open.remove(&line.package).unwrap_or_default();
        match line.action.as_str() {
            "pass" => package.close(asked, None, line.elapsed, told),
            "fail" => package.close(asked, Some(""), line.elapsed, told),
            _ => {
                let message = package.into_output();
                told.push(Told::Finished(Finished { test: None, status: Status::Skipped, duration: None, message }));
            }
        }
    }
}
