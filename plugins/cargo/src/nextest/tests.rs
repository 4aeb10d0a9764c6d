//! What nextest 0.9.143 printed of a crate with tests of every kind, and lines of other versions.

use muster_sdk::types::MILLISECOND;

use super::*;

const OUTPUT: &str = include_str!("../../tests/data/nextest.txt");

fn read(text: &str) -> Vec<ResultOf> {
    let mut nextest = Nextest::default();
    let mut ended: Vec<ResultOf> = text.lines().flat_map(|line| nextest.line(line)).collect();
    ended.extend(nextest.finish());
    ended
}

#[test]
fn every_test_ends_once() {
    let ended = read(OUTPUT);
    let seen: Vec<(&str, Status)> = ended.iter().map(|result| (result.name.as_str(), result.status)).collect();
    assert_eq!(
        seen,
        [
            ("lt tests::child", Status::Passed),
            ("lt tests::fails", Status::Failed),
            ("lt tests::nested", Status::Failed),
            ("lt tests::ok", Status::Passed),
            ("lt tests::panics", Status::Passed),
            ("lt::it bin", Status::Passed),
            ("lt::it dies", Status::Failed),
            ("lt::it dir", Status::Passed),
            ("lt::it exits", Status::Passed),
            ("lt::more flaky", Status::Passed),
            ("lt::more hangs", Status::Failed),
            ("lt::more leaks", Status::Passed),
            ("lt::nohar custom one", Status::Passed),
            // Only the end shows that it is not tried again.
            ("lt::more never", Status::Failed),
        ]
    );
    assert_eq!(ended[1].duration, Some(134 * MILLISECOND));
    assert_eq!((ended[1].suite.as_str(), ended[1].case.as_str()), ("lt", "tests::fails"));
}

#[test]
fn failures_say_why() {
    let ended = read(OUTPUT);
    let message = |name: &str| ended.iter().find(|result| result.name == name).unwrap().message.clone();
    assert!(message("lt tests::fails").starts_with("thread 'tests::fails' (6214) panicked at src/lib.rs:30:103:\n"));
    assert!(message("lt tests::fails").ends_with("display a backtrace"));
    assert!(message("lt::it dies").starts_with("SIGABRT"));
    assert!(message("lt::it dies").ends_with("(test aborted with signal 6: SIGABRT)"));
    assert!(message("lt::more hangs").ends_with("(test timed out)"));
    assert!(message("lt::more never").contains("every time"));
    assert_eq!(message("lt::more flaky"), "passed when nextest tried it a 2. time");
}

fn check(line: &str, expected: Option<(&str, Status)>) {
    let ended = read(&format!("    Starting 1 test across 1 binary\n{line}\n"));
    assert_eq!(ended.first().map(|result| (result.name.as_str(), result.status)), expected, "{line}");
}

#[test]
fn words_of_every_version() {
    check("        PASS [   0.005s] crate::bin/x a b", Some(("crate::bin/x a b", Status::Passed)));
    check("        PASS [   0.005s] (1/5) c (x) y", Some(("c (x) y", Status::Passed)));
    check("        PASS [ 123.005s] c (x) y", Some(("c (x) y", Status::Passed)));
    check("TIMEOUT-PASS [   1.000s] c x", Some(("c x", Status::Passed)));
    check(" FAIL + LEAK [   0.005s] c x", Some(("c x", Status::Failed)));
    check("   LEAK-FAIL [   0.005s] c x", Some(("c x", Status::Failed)));
    check("ABORT SIG 35 [   0.005s] c x", Some(("c x", Status::Failed)));
    check("       XFAIL [   0.005s] c x", Some(("c x", Status::Failed)));
    check("   TRY 1 SIG [   0.005s] c x", Some(("c x", Status::Failed)));
    check("        SLOW [> 60.000s] c x", None);
    check("        SKIP [         ] c x", None);
    check("  SETUP PASS [   0.005s] setup: x", None);
    check("     Summary [   0.182s] 7 tests run: 5 passed, 2 failed, 3 skipped", None);
    check("            PASS [   0.001s] printed by a test", None);
}

#[test]
fn nothing_counts_before_it_begins() {
    assert_eq!(read("        PASS [   0.001s] printed by a build script\n"), []);
}
