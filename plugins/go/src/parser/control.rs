//! The lines of a test binary that say what becomes of its tests.

use muster_sdk::parser::Status;
use muster_sdk::types::{Duration, from_seconds};

/// What one level of subtests is indented by.
const INDENT: &str = "    ";

/// Such a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Control<'a> {
    Run(&'a str),
    /// A parallel test waits for its turn.
    Pause(&'a str),
    Cont(&'a str),
    /// What follows is output of this test.
    Name(&'a str),
    End(End<'a>),
    /// All tests are through.
    Through,
}

/// The end of a test, below as many others as it is deep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct End<'a> {
    pub(crate) depth: usize,
    pub(crate) status: Status,
    pub(crate) name: &'a str,
    pub(crate) duration: Option<Duration>,
}

/// Reads a line without its end.
pub(crate) fn control(line: &str) -> Option<Control<'_>> {
    if line == "PASS" || line == "FAIL" {
        return Some(Control::Through);
    }
    let depth = depth(line);
    let rest = &line[depth * INDENT.len()..];
    if let Some(rest) = rest.strip_prefix("--- ") {
        return end(depth, rest);
    }
    let (word, name) = line.strip_prefix("=== ")?.split_once(' ')?;
    let name = name.trim();
    match word {
        "RUN" => Some(Control::Run(name)),
        "PAUSE" => Some(Control::Pause(name)),
        "CONT" => Some(Control::Cont(name)),
        "NAME" => Some(Control::Name(name)),
        _ => None,
    }
}

/// A line that follows output without an end, where it can only be meant: what was before it, and what it says.
/// `is_open` tells of a test whether it has begun and not ended.
pub(crate) fn inside<'a>(line: &'a str, is_open: impl Fn(&str) -> bool) -> Option<(&'a str, Control<'a>)> {
    let starts = line.match_indices("=== ").chain(line.match_indices("--- "));
    let mut starts: Vec<usize> = starts.map(|(at, _)| at).filter(|at| *at > 0).collect();
    starts.sort_unstable();
    starts.into_iter().find_map(|at| {
        let control = control(&line[at..])?;
        let is_meant = match control {
            Control::Run(name) => name.rsplit_once('/').is_some_and(|(parent, _)| is_open(parent)),
            Control::Pause(name) | Control::Cont(name) | Control::Name(name) => is_open(name),
            Control::End(end) => is_open(end.name) && end.duration.is_some(),
            Control::Through => false,
        };
        is_meant.then_some((&line[..at], control))
    })
}

/// How deep a line is indented.
pub(crate) fn depth(mut line: &str) -> usize {
    let mut depth = 0;
    while let Some(rest) = line.strip_prefix(INDENT) {
        depth += 1;
        line = rest;
    }
    depth
}

/// `PASS: TestX (0.00s)`; a benchmark's end is none of a test.
fn end(depth: usize, rest: &str) -> Option<Control<'_>> {
    let (word, rest) = rest.split_once(": ")?;
    let status = match word {
        "PASS" => Status::Passed,
        "FAIL" => Status::Failed,
        "SKIP" => Status::Skipped,
        _ => return None,
    };
    let (name, time) = rest.split_once(" (").unwrap_or((rest, ""));
    let seconds = time.trim_end().strip_suffix("s)").and_then(|seconds| seconds.parse().ok());
    Some(Control::End(End { depth, status, name: name.trim(), duration: seconds.and_then(from_seconds) }))
}

#[cfg(test)]
mod tests {
    use muster_sdk::types::MILLISECOND;

    use super::*;

    #[test]
    fn lines_of_a_test_binary() {
        assert_eq!(control("=== RUN   TestA/b c"), Some(Control::Run("TestA/b c")));
        assert_eq!(control("=== PAUSE TestA"), Some(Control::Pause("TestA")));
        assert_eq!(control("=== CONT  TestA"), Some(Control::Cont("TestA")));
        assert_eq!(control("=== NAME  TestA"), Some(Control::Name("TestA")));
        let end = End { depth: 1, status: Status::Skipped, name: "TestA/b", duration: Some(120 * MILLISECOND) };
        assert_eq!(control("    --- SKIP: TestA/b (0.12s)"), Some(Control::End(end)));
        assert_eq!(control("FAIL"), Some(Control::Through));
        for other in ["", "FAIL\tm", "=== TestA", "  --- PASS: TestA (0.00s)", "--- BENCH: B", "=== RUNTestA"] {
            assert_eq!(control(other), None, "{other}");
        }
    }

    #[test]
    fn after_output_without_an_end() {
        let is_open = |name: &str| name == "TestA";
        let end = End { depth: 0, status: Status::Passed, name: "TestA", duration: Some(0) };
        assert_eq!(inside("é=== x--- PASS: TestA (0.00s)", is_open), Some(("é=== x", Control::End(end))));
        assert_eq!(inside("x=== RUN   TestA/b", is_open), Some(("x", Control::Run("TestA/b"))));
        assert_eq!(inside("x=== CONT  TestA", is_open), Some(("x", Control::Cont("TestA"))));
        for other in ["x--- PASS: TestB (0.00s)", "x--- PASS: TestA", "x=== RUN   TestB", "x--- ", "xPASS"] {
            assert_eq!(inside(other, is_open), None, "{other}");
        }
    }
}
