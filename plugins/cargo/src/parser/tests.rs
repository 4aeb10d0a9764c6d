//! Facts of the runner, plain output, and cuts at any byte.

use muster_sdk::parser::{Parser as _, Status, passed_on, replay, results, text};
use muster_sdk::types::{MILLISECOND, test};
use proptest::prelude::*;

use super::*;

const CARGO_TEST: &str = include_str!("../../tests/data/cargo-test.txt");
const NEXTEST: &str = include_str!("../../tests/data/nextest.txt");
const FACTS: &str = concat!(
    "\x1eMUSTER {\"event\":\"binary\",\"name\":\"a::it\"}\n\nrunning 2 tests\n",
    "test x ... \x1eMUSTER {\"event\":\"started\",\"name\":\"a::it x\"}\nok\n",
    "\x1eMUSTER {\"event\":\"finished\",\"name\":\"a::it x\",\"status\":\"passed\",\"duration\":0.25,\"message\":\"\"}\n",
    "test y ... ignored\ntest result: ok",
    "\x1eMUSTER {\"event\":\"finished\",\"name\":\"a::it y\",\"status\":\"skipped\",\"message\":\"why\"}\n. 1 passed\n",
);

fn parse(tests: &[&str], output: &[u8], sizes: &[usize]) -> Vec<Event> {
    let parser = CargoParser::new("", tests.iter().map(|name| test(*name)).collect());
    replay(parser, output, sizes, &ExitStatus::Exited(0))
}

fn verdicts(events: &[Event]) -> Vec<(&str, Status)> {
    results(events).into_iter().map(|result| (result.name.as_str(), result.status)).collect()
}

#[test]
fn facts_are_taken_out_of_the_text() {
    let events = parse(&["a::it x", "a::it y"], FACTS.as_bytes(), &[FACTS.len()]);
    assert_eq!(text(&events), "\nrunning 2 tests\ntest x ... ok\ntest y ... ignored\ntest result: ok. 1 passed\n");
    assert_eq!(verdicts(&events), [("a::it x", Status::Passed), ("a::it y", Status::Skipped)]);
    assert!(events.contains(&Event::Banner("a::it".into())) && events.contains(&Event::Progress((2, 2))));
    let started = events.iter().position(|event| *event == Event::Started("a::it x".into()));
    let first =
        events.iter().position(|event| matches!(event, Event::Finished(r) if r.duration == Some(250 * MILLISECOND)));
    assert!(started < first && started.is_some(), "{events:?}");
}

#[test]
fn cargo_test_is_understood() {
    let events = parse(&[], CARGO_TEST.as_bytes(), &[64]);
    assert_eq!(text(&events), CARGO_TEST);
    assert_eq!(
        verdicts(&events),
        [
            ("lt tests::child", Status::Passed),
            ("lt tests::ign", Status::Skipped),
            ("lt tests::ign2", Status::Skipped),
            ("lt tests::ok", Status::Passed),
            ("lt tests::panics", Status::Passed),
            ("lt tests::nested", Status::Failed),
            ("lt tests::fails", Status::Failed),
            ("it bin", Status::Passed),
            ("lt::doc src/lib.rs - add (line 12)", Status::Passed),
            ("lt::doc src/lib.rs - add (line 15)", Status::Skipped),
            ("lt::doc src/lib.rs - (line 1)", Status::Passed),
            ("lt::doc src/lib.rs - add (line 18)", Status::Passed),
            ("lt::doc src/lib.rs - add (line 9)", Status::Passed),
            ("lt::doc src/lib.rs - add (line 6)", Status::Passed),
        ]
    );
    let messages: Vec<&str> = results(&events)
        .into_iter()
        .map(|result| result.message.as_str())
        .filter(|message| !message.is_empty())
        .collect();
    assert_eq!(messages[0], "why not");
    assert!(messages[1].contains("thread 'tests::nested' (6047) panicked") && messages[1].contains("lt other"));
    assert!(messages[2].starts_with("said\n\nthread 'tests::fails'") && messages[2].ends_with("right: 2"));
}

#[test]
fn a_harness_by_itself_names_tests_as_they_are() {
    let output = "\nrunning 2 tests\ntest a ... from a child\nok\ntest b ... FAILED\n\nfailures:\n\nfailures:\n    b\n\n\
        test result: FAILED. 1 passed; 1 failed\n";
    assert_eq!(verdicts(&parse(&["a", "b"], output.as_bytes(), &[7])), [("a", Status::Passed), ("b", Status::Failed)]);
    // Output without a line's end hides how a test ended: the list of failures says it.
    let output =
        "test a ... 50%ok\ntest b ... 50%FAILED\n\nfailures:\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed\n";
    assert_eq!(verdicts(&parse(&["a", "b"], output.as_bytes(), &[7])), [("b", Status::Failed), ("a", Status::Passed)]);
}

/// What a harness with one thread printed of a test whose child says `ok`, and which fails then.
const NOT_OK: &str = "
running 2 tests
test a_first ... ok
FAILED
test b_next ... ok

failures:

---- a_first stdout ----

thread 'a_first' (10572) panicked at lt.rs:2:80:
after all
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    a_first

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.15s

";

#[test]
fn the_list_of_failures_is_believed() {
    let events = parse(&["a_first", "b_next"], NOT_OK.as_bytes(), &[7]);
    let passed = ("a_first", Status::Passed);
    assert_eq!(verdicts(&events), [passed, ("b_next", Status::Passed), ("a_first", Status::Failed)]);
    assert!(results(&events)[2].message.contains("\nafter all\n"));
    // A list that a test printed is not.
    let printed = "test a ... x\nfailures:\n    a\nok\n\ntest result: ok. 1 passed; 0 failed\n";
    assert_eq!(verdicts(&parse(&["a"], printed.as_bytes(), &[7])), [("a", Status::Passed)]);
}

#[test]
fn nextest_is_understood() {
    let events = parse(&["lt tests::ok"], NEXTEST.as_bytes(), &[64 * 1024]);
    assert_eq!(text(&events), NEXTEST);
    assert_eq!(verdicts(&events).len(), 14);
}

#[test]
fn nextest_one_by_one_tells_which_test_runs() {
    let fact = "\x1eMUSTER {\"event\":\"nextest\",\"serial\":true}\n";
    let output =
        "    Starting 2 tests across 1 binary\n        PASS [   0.005s] a x\n  TRY 1 FAIL [   0.005s] a y\n  why\n";
    let events = parse(&["a x", "a y"], format!("{fact}{output}").as_bytes(), &[9]);
    let told: Vec<String> = events
        .iter()
        .filter_map(|event| match event {
            Event::Started(name) => Some(format!("+{name}")),
            Event::Finished(result) => Some(format!("-{}", result.name)),
            Event::Banner(_) | Event::Text(_) | Event::Progress(_) | Event::Other(_) => None,
        })
        .collect();
    assert_eq!(told, ["+a x", "-a x", "+a y", "-a y"]);
    let at_once = parse(&["a x", "a y"], output.as_bytes(), &[9]);
    assert!(!at_once.iter().any(|event| matches!(event, Event::Started(_))));
}

#[test]
fn an_endless_line_is_not_held() {
    let mut parser = CargoParser::new("", vec![test("a x")]);
    assert_eq!(passed_on(&mut parser, &[0xff; 64 * 1024], 3200), 3200 * 64 * 1024);
    parser.push(b"\ntest x ... ok\n");
    assert_eq!(verdicts(&parser.finish(&ExitStatus::Exited(0))), []);
}

proptest! {
    #[test]
    fn the_cut_does_not_matter(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just(FACTS.as_bytes().to_vec()),
                Just(b"\x1eMUSTER {\"event\":\"nextest\"}\n".to_vec()),
                Just(CARGO_TEST.as_bytes().to_vec()),
                Just(NEXTEST.as_bytes().to_vec()),
                Just(b"test x ... ".to_vec()),
                Just(b"failures:\n".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..20),
            ],
            0..5,
        ),
        sizes in proptest::collection::vec(1usize..60, 1..10),
    ) {
        let input: Vec<u8> = pieces.concat();
        prop_assert_eq!(parse(&["a::it x"], &input, &[input.len().max(1)]), parse(&["a::it x"], &input, &sizes));
    }
}
