//! Files, points, and cuts at any byte.

use muster_sdk::parser::{passed_on, replay, results};
use muster_sdk::types::{MILLISECOND, test};
use proptest::prelude::*;

use super::*;

fn parse(settings: &str, tests: &[&str], output: &[u8], exit: &ExitStatus, sizes: &[usize]) -> Vec<Event> {
    let parser = Tap::new(settings, tests.iter().map(|name| test(*name)).collect());
    replay(parser, output, sizes, exit)
}

fn check(settings: &str, tests: &[&str], output: &str, exit: i32, expected: &[(&str, Status, &str)]) {
    let events = parse(settings, tests, output.as_bytes(), &ExitStatus::Exited(exit), &[11]);
    let told: Vec<_> = results(&events).into_iter().map(|r| (r.name.as_str(), r.status, r.message.as_str())).collect();
    assert_eq!(told, expected);
}

const FILES: &str = "\
noise before
# muster-test: t/a.t
TAP version 14
1..2
ok 1 - x
    ok 1 - inner
    1..1
ok 2 - y # TODO some day
# muster-test: t/b.t
ok 1
not ok 2 - \u{1b}[31mbad\u{1b}[0m
  ---
  message: why
  ...
# at line 3
1..2
# muster-test: t/c.t
1..0 # SKIP no network
# muster-test: t/d.t
1..3
ok 1
";

#[test]
fn several_files_in_one_exec() {
    check(
        "",
        &["t/a.t", "t/b.t", "t/c.t", "t/d.t"],
        FILES,
        1,
        &[
            ("t/a.t", Status::Passed, ""),
            ("t/b.t", Status::Failed, "not ok 2 - bad\n  message: why\nat line 3"),
            ("t/c.t", Status::Skipped, "no network"),
            ("t/d.t", Status::Failed, "planned 3 tests and ran 1\nexit status 1"),
        ],
    );
}

#[test]
fn one_file_needs_no_name() {
    check("", &["t/a.t"], "ok 1\n1..1\n", 0, &[("t/a.t", Status::Passed, "")]);
    let failed = "its points passed and it exited with status 2";
    check("", &["t/a.t"], "ok 1\n1..1\n", 2, &[("t/a.t", Status::Failed, failed)]);
    check("", &["t/a.t"], "", 0, &[("t/a.t", Status::Failed, "no test and no plan in its output")]);
    check(
        "",
        &["t/a.t"],
        "1..2\nBail out! no disk\n",
        1,
        &[("t/a.t", Status::Failed, "Bail out! no disk\nexit status 1")],
    );
    let killed = parse("", &["t/a.t"], b"1..2\nok 1\n", &ExitStatus::Signaled("KILL".into()), &[4]);
    assert!(!killed.iter().any(|event| matches!(event, Event::Finished(_))));
}

/// `prove -v --merge` of TAP::Harness 3.44, without its summary.
const PROVE_VERBOSE: &str = "\
t/a.t .. 
1..1
ok 1 - fine
ok
t/b.t .. 
1..1
ok 1 - fine
# Looks like your test exited with 3 just after 1.
Dubious, test returned 3 (wstat 768, 0x300)
All 1 subtests passed 
t/c.t .. skipped: no net
t/d.t .. 
1..2
ok 1 - x
not ok 2 - y
Failed 1/2 subtests 
t/e.t .. 
hello
No subtests run 
t/f.t .. 
1..3
ok 1 - x
ok 2 - y
Failed 1/3 subtests 
t/g.t .. 
1..1
ok 1 - killed later
All 1 subtests passed 

Test Summary Report
-------------------
t/b.t (Wstat: 768 (exited 3) Tests: 1 Failed: 0)
  Non-zero exit status: 3
Result: FAIL
";

/// The same files by `prove` alone.
const PROVE: &str = "\
t/a.t .. ok
t/b.t .. 
Dubious, test returned 3 (wstat 768, 0x300)
All 1 subtests passed 
t/c.t .. skipped: no net
t/d.t .. 
Failed 1/2 subtests 
t/e.t .. 
No subtests run 
t/f.t .. 
Failed 1/3 subtests 
t/g.t .. 
All 1 subtests passed 
";

/// Two of them by `prove --timer` and by `prove -v --timer`.
const PROVE_TIMED: [&str; 2] = [
    "\
[18:42:40] t/a.t .. ok       47 ms ( 0.00 usr  0.00 sys +  0.03 cusr  0.00 csys =  0.03 CPU)
[18:42:40] t/b.t .. 
Dubious, test returned 3 (wstat 768, 0x300)
All 1 subtests passed 
[18:42:40]
",
    "\
[18:35:12] t/a.t .. 
1..1
ok 1 - fine
ok      172 ms ( 0.00 usr  0.00 sys +  0.04 cusr  0.01 csys =  0.05 CPU)
[18:35:12] t/b.t .. 
1..1
ok 1 - fine
Dubious, test returned 3 (wstat 768, 0x300)
All 1 subtests passed 
[18:35:12]
",
];

const DUBIOUS: &str = "Dubious, test returned 3 (wstat 768, 0x300)\nAll 1 subtests passed";

#[test]
fn prove_is_understood() {
    let files = ["t/a.t", "t/b.t", "t/c.t", "t/d.t", "t/e.t", "t/f.t", "t/g.t"];
    let all = |of_d, of_f, of_g| {
        [
            ("t/a.t", Status::Passed, ""),
            ("t/b.t", Status::Failed, DUBIOUS),
            ("t/c.t", Status::Skipped, "no net"),
            ("t/d.t", Status::Failed, of_d),
            ("t/e.t", Status::Failed, "No subtests run"),
            ("t/f.t", Status::Failed, of_f),
            ("t/g.t", Status::Failed, of_g),
        ]
    };
    let of_f = "planned 3 tests and ran 2\nFailed 1/3 subtests";
    let verbose = all("not ok 2 - y\nFailed 1/2 subtests", of_f, "All 1 subtests passed");
    check("", &files, PROVE_VERBOSE, 1, &verbose);
    let told = all("Failed 1/2 subtests", "Failed 1/3 subtests", "All 1 subtests passed\nexit status 1");
    check("", &files, PROVE, 1, &told);
    let on_one_line = "t/a.t .... ok\nt/b.t .... Dubious, test returned 3 (wstat 768, 0x300)\n";
    let of_b = ("t/b.t", Status::Failed, "Dubious, test returned 3 (wstat 768, 0x300)");
    check("", &["t/a.t", "t/b.t"], on_one_line, 1, &[("t/a.t", Status::Passed, ""), of_b]);
}

#[test]
fn prove_that_takes_the_time_is_understood() {
    let [plain, verbose] = PROVE_TIMED;
    let dubious = format!("{DUBIOUS}\nexit status 1");
    let (a, b) = (("t/a.t", Status::Passed, ""), ("t/b.t", Status::Failed, DUBIOUS));
    check("", &["t/a.t", "t/b.t"], verbose, 1, &[a, b]);
    check("", &["t/a.t", "t/b.t"], plain, 1, &[a, ("t/b.t", Status::Failed, &dubious)]);
    let (alone, _) = verbose.split_at(verbose.find("[18:35:12] t/b.t").unwrap());
    check("", &["t/a.t"], alone, 0, &[a]);
}

#[test]
fn a_file_may_print_what_prove_says() {
    let output = "1..2\nok 1 - x\nFailed 1/2 subtests\nok 2 - y\n";
    check("", &["t/a.t"], output, 0, &[("t/a.t", Status::Passed, "")]);
}

#[test]
fn points_are_tests() {
    let output = "1..4\nok 1 - a\n  ---\n  duration_ms: 12.5\n  ...\nnot ok 2 - b\n# why\nok 3 - c # SKIP x\nok\n";
    let settings = r#"{"names": "point"}"#;
    check(
        settings,
        &["a", "b"],
        output,
        1,
        &[
            ("a", Status::Passed, ""),
            ("b", Status::Failed, "why"),
            ("c", Status::Skipped, "x"),
            ("4", Status::Passed, ""),
        ],
    );
    let events = parse(settings, &["a"], output.as_bytes(), &ExitStatus::Exited(1), &[64]);
    assert_eq!(results(&events)[0].duration, Some(MILLISECOND * 25 / 2));
}

#[test]
fn an_endless_line_is_not_held() {
    let mut parser = Tap::new("", vec![test("t/a.t")]);
    assert_eq!(passed_on(&mut parser, &[0xff; 64 * 1024], 3200), 3200 * 64 * 1024);
    parser.push(b"\n1..1\nok 1\n");
    let events = parser.finish(&ExitStatus::Exited(0));
    assert!(matches!(&events[..], [Event::Finished(result)] if result.status == Status::Passed));
}

proptest! {
    #[test]
    fn the_cut_does_not_matter(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just(FILES.as_bytes().to_vec()),
                Just(b"ok 1 - a\r\n".to_vec()),
                Just(b"  ---\n".to_vec()),
                Just(b"t/a.t ..".to_vec()),
                Just(PROVE.as_bytes().to_vec()),
                proptest::collection::vec(any::<u8>(), 0..20),
            ],
            0..6,
        ),
        by_point in any::<bool>(),
        sizes in proptest::collection::vec(1usize..40, 1..10),
    ) {
        let settings = if by_point { r#"{"names": "point"}"# } else { "" };
        let input: Vec<u8> = pieces.concat();
        let exit = ExitStatus::Exited(0);
        let tests = ["t/a.t", "t/b.t"];
        let whole = parse(settings, &tests, &input, &exit, &[input.len().max(1)]);
        prop_assert_eq!(whole, parse(settings, &tests, &input, &exit, &sizes));
    }
}
