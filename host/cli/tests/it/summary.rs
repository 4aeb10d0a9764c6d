//! The end of a build, for people.

use cli::summary::{Paint, summary};
use engine::{Outcome, VerdictKind};

use crate::fixture::{eventful, large, test};

#[test]
fn everything_that_happened_is_told() {
    insta::assert_snapshot!(summary(&eventful(), Paint { color: false }, false), @"");
}

#[test]
fn quiet_leaves_what_must_be_known() {
    let mut report = large(3);
    report.buildlets.clear();
    report.faults.clear();
    insta::assert_snapshot!(summary(&report, Paint { color: false }, true), @"");
}

#[test]
fn no_output_is_cut_without_a_word() {
    let mut report = eventful();
    report.outcome = Outcome::Failed { cause: String::new() };
    report.tests = (0..60).map(|index| test(&format!("test_{index}"), VerdictKind::Failed, "boom")).collect();
    report.tests[0].output = (0..100).map(|line| format!("line {line}\n")).collect::<String>().into_bytes();
    let text = summary(&report, Paint { color: false }, false);
    assert!(text.contains("... 40 lines cut here\n    line 40\n"), "{text}");
    assert!(text.contains("... and 10 failures more"), "{text}");
}
