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

/// What it printed with `flaky-result = "fail"` for the first, without most of the output.
const FLAKY: &str = "    Starting 4 tests across 1 binary
  TRY 1 FAIL [   0.098s] (───) nx a_flaky
  stderr ───

    thread 'a_flaky' (20466) panicked at src/lib.rs:1:24:
    first time

  TRY 2 PASS [   0.008s] (1/4) nx a_flaky
           - test configured to fail if flaky
  TRY 1 FAIL [   0.116s] (───) nx b_never
  TRY 2 FAIL [   0.098s] (2/4) nx b_never
  stderr ───

    thread 'b_never' (20472) panicked at src/lib.rs:2:24:
    every time

        PASS [   0.016s] (3/4) nx d_good
        FAIL [   0.109s] (4/4) nx c_once
  stderr ───

    thread 'c_once' (20474) panicked at src/lib.rs:3:23:
    once

────────────
     Summary [   0.449s] 4 tests run: 1 passed, 3 failed, 0 skipped
 FLKY-FL 2/2 [   0.008s] (1/4) nx a_flaky
  TRY 2 FAIL [   0.098s] (2/4) nx b_never
        FAIL [   0.109s] (4/4) nx c_once
error: test run failed
";

#[test]
fn what_is_named_again_at_the_end_counts_where_it_is_new() {
    let ended = read(FLAKY);
    let seen: Vec<(&str, Status, &str)> =
        ended.iter().map(|result| (result.name.as_str(), result.status, result.message.as_str())).collect();
    let why = "it passed when nextest tried it again, and is to fail if it is flaky";
    assert_eq!(
        seen,
        [
            ("nx a_flaky", Status::Passed, "passed when nextest tried it a 2. time"),
            ("nx d_good", Status::Passed, ""),
            ("nx c_once", Status::Failed, "thread 'c_once' (20474) panicked at src/lib.rs:3:23:\nonce"),
            ("nx a_flaky", Status::Failed, why),
            ("nx b_never", Status::Failed, "thread 'b_never' (20472) panicked at src/lib.rs:2:24:\nevery time"),
        ]
    );
    assert_eq!(ended[4].duration, Some(98 * MILLISECOND));
}

#[test]
fn nothing_counts_before_it_begins() {
    assert_eq!(read("        PASS [   0.001s] printed by a build script\n"), []);
}
