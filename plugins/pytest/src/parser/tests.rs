//! Marker lines, plain output, and cuts at any byte.

use muster_sdk::parser::{Parser as _, passed_on, replay, results, text};
use muster_sdk::types::{MILLISECOND, test};
use proptest::prelude::*;

use super::*;

fn parse(output: &[u8], sizes: &[usize]) -> Vec<Event> {
    let parser = PytestParser::new("", vec![test("a.py::x"), test("a.py::y")]);
    replay(parser, output, sizes, &ExitStatus::Exited(0))
}

fn verdicts(events: &[Event]) -> Vec<(String, Status, String)> {
    results(events).into_iter().map(|r| (r.name.clone(), r.status, r.message.clone())).collect()
}

const FACTS: &str = concat!(
    "=== session\na.py \x1eMUSTER {\"event\":\"started\",\"name\":\"a.py::x\"}\n",
    ".\x1eMUSTER {\"event\":\"finished\",\"name\":\"a.py::x\",\"status\":\"passed\",\"duration\":0.25,\"message\":\"\"}\n",
    "\x1eMUSTER {\"event\":\"started\",\"name\":\"a.py::y\"}\n",
    "F\x1eMUSTER {\"event\":\"finished\",\"name\":\"a.py::y\",\"status\":\"failed\",\"duration\":0,\"message\":\"why\"}\n",
    "\nend",
);

const PLAIN: &str = "\
a.py::x PASSED                          [ 50%]
a.py::TestC::y[a b] \u{1b}[31mFAILED\u{1b}[0m                 [ 75%]
a.py::z SKIPPED (not here)              [100%]
=========== FAILURES ===========
E   a.py::x FAILED is only text
=========== short test summary info ===========
FAILED a.py::TestC::y[a b] - assert 1 == 2
=========== 1 failed, 1 passed, 1 skipped ===========
";

#[test]
fn facts_are_taken_out_of_the_text() {
    let events = parse(FACTS.as_bytes(), &[FACTS.len()]);
    assert_eq!(text(&events), "=== session\na.py .F\nend");
    assert_eq!(
        verdicts(&events),
        [("a.py::x".into(), Status::Passed, String::new()), ("a.py::y".into(), Status::Failed, "why".into())]
    );
    assert_eq!(results(&events)[0].duration, Some(250 * MILLISECOND));
    assert!(events.contains(&Event::Banner("a.py".into())) && events.contains(&Event::Progress((2, 2))));
}

#[test]
fn plain_output_is_understood() {
    let events = parse(PLAIN.as_bytes(), &[PLAIN.len()]);
    assert_eq!(text(&events), PLAIN);
    assert_eq!(
        verdicts(&events),
        [
            ("a.py::x".into(), Status::Passed, String::new()),
            ("a.py::z".into(), Status::Skipped, "not here".into()),
            ("a.py::TestC::y[a b]".into(), Status::Failed, "assert 1 == 2".into()),
        ]
    );
}

/// What pytest 9.2 and pytest-xdist 3.8 printed of one file, without the reports.
const BY_WORKERS: &str = "\
scheduling tests via LoadScheduling

tests/test_a.py::test_x 
tests/test_a.py::test_y[a b] 
[gw0] [ 12%] PASSED tests/test_a.py::test_x 
tests/test_a.py::test_z 
[gw1] [ 37%] FAILED tests/test_a.py::test_y[a b] 
[gw1] [ 50%] SKIPPED tests/test_a.py::test_z 
tests/test_a.py::test_s 
tests/test_a.py::test_quiet 
[gw1] [ 62%] ERROR tests/test_a.py::test_s 
[gw0] [100%] PASSED tests/test_a.py::test_quiet 
=========================== short test summary info ============================
FAILED tests/test_a.py::test_y[a b] - AssertionError: why
ERROR tests/test_a.py::test_s - RuntimeError: setup
========= 1 failed, 4 passed, 1 skipped, 1 xfailed, 2 errors in 0.81s ==========
";
const WITHOUT_CAPTURE: &str = "\
tests/test_a.py::test_x hello
PASSED
tests/test_a.py::test_y[a b] PASSED is what it says
FAILED
tests/test_a.py::test_z SKIPPED (not here)
tests/test_a.py::test_s ERROR
tests/test_a.py::test_quiet PASSED
=========================== short test summary info ============================
FAILED tests/test_a.py::test_y[a b] - AssertionError: why
ERROR tests/test_a.py::test_s - RuntimeError: setup
";
const WITH_LIVE_LOG: &str = "\
tests/test_a.py::test_x 
-------------------------------- live log call ---------------------------------
ERROR    root:test_a.py:4 oops
PASSED                                                                   [ 12%]
tests/test_a.py::test_y[a b] FAILED                                      [ 25%]
tests/test_a.py::test_z SKIPPED (not here)                               [ 50%]
tests/test_a.py::test_s ERROR                                            [ 75%]
tests/test_a.py::test_quiet PASSED                                       [100%]
=========================== short test summary info ============================
FAILED tests/test_a.py::test_y[a b] - AssertionError: why
ERROR tests/test_a.py::test_s - RuntimeError: setup
";

#[test]
fn plain_output_is_understood_in_every_form() {
    let forms = [
        (BY_WORKERS.to_owned(), ""),
        (BY_WORKERS.replace("%]", "/8]"), ""),
        (BY_WORKERS.replace("] [ 12%]", "] 986.9us"), ""),
        (WITHOUT_CAPTURE.to_owned(), "not here"),
        (WITH_LIVE_LOG.to_owned(), "not here"),
        (WITH_LIVE_LOG.replace("[ 12%]", "418.6us"), "not here"),
    ];
    for (output, reason) in forms {
        let mut told = verdicts(&parse(output.as_bytes(), &[output.len()]));
        told.sort_by(|a, b| a.0.cmp(&b.0));
        let of = |name: &str, status, message: &str| (format!("tests/test_a.py::{name}"), status, message.to_owned());
        let expected = [
            of("test_quiet", Status::Passed, ""),
            of("test_s", Status::Failed, "RuntimeError: setup"),
            of("test_x", Status::Passed, ""),
            of("test_y[a b]", Status::Failed, "AssertionError: why"),
            of("test_z", Status::Skipped, reason),
        ];
        assert_eq!(told, expected, "{output}");
    }
}

#[test]
fn what_only_looks_like_a_fact_is_text() {
    let odd = b"\x1e\x1eMUST \x1eMUSTER nonsense\n\x1eMUSTER {\"event\"\n\xff\xfe\x1eMUSTER {\"event\":7}\nend\x1eMUS";
    let events = parse(odd, &[odd.len()]);
    assert_eq!(verdicts(&events), []);
    assert!(text(&events).ends_with("end\u{1e}MUS"));
}

#[test]
fn an_endless_line_is_not_held() {
    let mut parser = PytestParser::new("", vec![]);
    let chunk = vec![b'x'; 64 * 1024];
    let mut passed = 0;
    for head in [&b"y"[..], b"\x1eMUSTER "] {
        parser.push(head);
        passed += passed_on(&mut parser, &chunk, 1600);
    }
    assert!(passed >= 3199 * 64 * 1024, "{passed}");
}

proptest! {
    #[test]
    fn the_cut_does_not_matter(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just(FACTS.as_bytes().to_vec()),
                Just(PLAIN.as_bytes().to_vec()),
                Just(WITHOUT_CAPTURE.as_bytes().to_vec()),
                Just(b"\x1e".to_vec()),
                Just(b"\x1eMUSTER ".to_vec()),
                Just(b"{\"event\":\"missing\",\"names\":[\"q\"]}\n".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..20),
            ],
            0..6,
        ),
        sizes in proptest::collection::vec(1usize..40, 1..10),
    ) {
        let input: Vec<u8> = pieces.concat();
        prop_assert_eq!(parse(&input, &[input.len().max(1)]), parse(&input, &sizes));
    }
}
