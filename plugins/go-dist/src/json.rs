//! Reads the lines of `go test -json`: output to show, and verdicts of packages.

use std::collections::BTreeMap;

use muster_sdk::parser::Status;
use muster_sdk::types::from_seconds;
use serde_json::Value;

use crate::excerpt::Excerpt;
use crate::packages::{Failed, Told};

/// Packages that may be open at once; what is printed of others is shown and not kept.
const OPEN_LIMIT: usize = 1000;

/// What such a line says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Event {
    /// For people.
    pub(crate) output: String,
    pub(crate) told: Option<Told>,
}

/// What was read of the packages that have no verdict.
#[derive(Debug, Default)]
pub(crate) struct JsonEvents {
    open: BTreeMap<String, Package>,
}

#[derive(Debug, Default)]
struct Package {
    output: Excerpt,
    failed: Failed,
}

impl JsonEvents {
    /// Reads a line; none if it is no such line.
    pub(crate) fn line(&mut self, line: &[u8]) -> Option<Event> {
        if !line.starts_with(b"{") {
            return None;
        }
        let value: Value = serde_json::from_slice(line).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let (action, package) = (text("Action")?, text("Package").or_else(|| text("ImportPath"))?);
        let status = match action {
            "pass" => Status::Passed,
            "fail" => Status::Failed,
            "skip" => Status::Skipped,
            _ => {
                let output = text("Output").unwrap_or_default().to_owned();
                if let Some(open) = self.open(package) {
                    open.output.text(&output);
                }
                return Some(Event { output, told: None });
            }
        };
        if let Some(test) = text("Test") {
            let is_whole = !test.contains('/');
            if let (Status::Failed, true, Some(open)) = (status, is_whole, self.open(package)) {
                open.failed.note(test);
            }
            return Some(Event::default());
        }
        let read = self.open.remove(package).unwrap_or_default();
        let told = Told {
            package: package.to_owned(),
            status,
            duration: value.get("Elapsed").and_then(Value::as_f64).and_then(from_seconds),
            message: match status {
                Status::Passed => String::new(),
                Status::Skipped => "no tests".into(),
                Status::Failed => read.failed.message(read.output),
            },
        };
        Some(Event { output: String::new(), told: Some(told) })
    }

    fn open(&mut self, package: &str) -> Option<&mut Package> {
        let is_kept = self.open.len() < OPEN_LIMIT || self.open.contains_key(package);
        is_kept.then(|| self.open.entry(package.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use muster_sdk::types::MILLISECOND;

    use super::*;

    #[test]
    fn output_and_verdicts() {
        let lines = [
            r#"{"Time":"2026-11-26T03:00:00Z","Action":"start","Package":"container/ring"}"#,
            r#"{"Action":"run","Package":"container/ring","Test":"TestNew"}"#,
            r#"{"Action":"output","Package":"container/ring","Test":"TestNew","Output":"--- FAIL: TestNew (0.00s)\n"}"#,
            r#"{"Action":"fail","Package":"container/ring","Test":"TestNew","Elapsed":0}"#,
            r#"{"Action":"output","Package":"container/ring","Output":"FAIL\n"}"#,
            r#"{"Action":"fail","Package":"container/ring","Elapsed":0.002}"#,
            r#"{"Action":"pass","Package":"bufio","Elapsed":1.5}"#,
            r#"{"Action":"skip","Package":"embed","Elapsed":0}"#,
        ];
        let mut events = JsonEvents::default();
        let read: Vec<Event> = lines.iter().filter_map(|line| events.line(line.as_bytes())).collect();
        let output: String = read.iter().map(|event| event.output.as_str()).collect();
        assert_eq!(output, "--- FAIL: TestNew (0.00s)\nFAIL\n");
        let told: Vec<_> = read.into_iter().filter_map(|event| event.told).collect();
        let shown: Vec<_> = told.iter().map(|told| (told.package.as_str(), told.status, told.duration)).collect();
        let expected = [
            ("container/ring", Status::Failed, Some(2 * MILLISECOND)),
            ("bufio", Status::Passed, Some(1500 * MILLISECOND)),
            ("embed", Status::Skipped, Some(0)),
        ];
        assert_eq!(shown, expected);
        assert_eq!(told[0].message, "TestNew failed\n--- FAIL: TestNew (0.00s)\nFAIL");
    }

    #[test]
    fn other_lines_are_text() {
        for line in ["ok  \tbufio\t0.1s", "{", "{}", r#"{"Action":"pass"}"#, r#"["Action"]"#, ""] {
            assert_eq!(JsonEvents::default().line(line.as_bytes()), None, "{line}");
        }
    }
}
