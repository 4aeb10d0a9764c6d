//! The end of a build, for people.

use engine::{Outcome, VerdictKind};
use report::summary::{Paint, summary};

use crate::fixture::{eventful, test};
use crate::large::large;

#[test]
fn everything_that_happened_is_told() {
    insta::assert_snapshot!(summary(&eventful(), Paint { color: false }, false), @r#"

    failed tests/test_a.py::test_fails on local-1 after 0.50s
        assert 1 == <2>
        & "more" red
        E   assert 1 == 2� ]]> <script>alert(1)</script>

    lost tests/test_a.py::test_lost on local-1 after 0.50s
        3 exec failures: machine lost: killed

    slowest tests
        0.50s  tests/test_a.py::test_added['"<>&]
        0.50s  tests/test_a.py::test_fails
        0.50s  tests/test_a.py::test_flaky
        0.50s  tests/test_a.py::test_lost
        0.50s  tests/test_a.py::test_passes

    tests that were run more than once
      flaky tests/test_a.py::test_flaky: failed: connection reset on local-1; then passed on local-1
      lost tests/test_a.py::test_lost: machine lost: killed on local-1; then machine lost: no answer on local-1

    lost machines
      local-2 after 8.00s: killed by <signal 9>
    plugin fault bad (sha256:cd): ran over its time; the built-in rule answers

    certificate
      took 12.0s, could not have taken less than 8.00s
        3.00s  lost machines: local-2 was lost with 2 tests
      each of 6 listed tests has exactly one verdict

    note: memory is not limited: no cgroups

    took 12.0s, aggregate 20.0s, saved 9.50s
    could not finish: 7 tests in 12.0s (2 passed, 1 failed, 1 flaky, 1 skipped, 1 lost, 1 not-run): 1 test was lost
    "#);
}

#[test]
fn quiet_leaves_what_must_be_known() {
    let mut report = large(3);
    report.buildlets.clear();
    report.faults.clear();
    insta::assert_snapshot!(summary(&report, Paint { color: false }, true), @r#"
    passed: 3 tests in 12.0s (3 passed)
    "#);
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
