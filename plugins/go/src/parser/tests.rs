//! What go 1.19 said of the module in `plugins/go/sample`, in each of its forms, and cuts at any byte.

use muster_sdk::parser::{Parser as _, passed_on, replay, results, text};
use muster_sdk::types::{SECOND, test};
use proptest::prelude::*;

use super::*;

/// `go test -json -timeout=2s ./...`, `go test -v ...` and `go test ...` of the sample.
const JSON: &str = include_str!("data/test.json");
const VERBOSE: &str = include_str!("data/verbose.txt");
const PLAIN: &str = include_str!("data/plain.txt");

fn parse(settings: &str, listed: &[Test], output: &[u8], exit: &ExitStatus, sizes: &[usize]) -> Vec<Event> {
    let parser = GoParser::new(settings, listed.to_vec());
    replay(parser, output, sizes, exit)
}

fn whole(output: &str) -> Vec<Event> {
    parse("", &[], output.as_bytes(), &ExitStatus::Exited(1), &[output.len()])
}

/// Sorted lines of verdicts, without the module's path.
fn verdicts(events: &[Event]) -> Vec<String> {
    let mut lines: Vec<String> = results(events)
        .iter()
        .map(|result| {
            let word = match result.status {
                Status::Passed => "Passed",
                Status::Failed => "Failed",
                Status::Skipped => "Skipped",
            };
            format!("{word} {}", result.name.replace("example.com/sample", "m"))
        })
        .collect();
    lines.sort();
    lines
}

fn message<'a>(events: &'a [Event], name: &str) -> &'a str {
    let name = name.replacen('m', "example.com/sample", 1);
    results(events).into_iter().find(|result| result.name == name).map_or("", |result| &result.message)
}

/// What becomes of them all.
const ALL: [&str; 38] = [
    "Failed m/broken",
    "Failed m/crash",
    "Failed m/exits.TestExits",
    "Failed m/hangs.TestHangs",
    "Failed m/panics.TestPanics",
    "Failed m/panics.TestPanics/inside",
    "Failed m/parallel.TestFirst",
    "Failed m/parallel.TestFirst/b",
    "Failed m/plain.ExampleBad",
    "Failed m/plain.TestFails",
    "Failed m/plain.TestFails/bad_one",
    "Failed m/plain.TestFails/bad_one/deep",
    "Failed m/setup",
    "Failed m/vetted",
    "Passed m/bench",
    "Passed m/exits.TestGood",
    "Passed m/hangs.TestQuick",
    "Passed m/panics.TestBefore",
    "Passed m/parallel.TestFirst/a",
    "Passed m/parallel.TestFirst/c",
    "Passed m/parallel.TestSecond",
    "Passed m/parallel.TestThird",
    "Passed m/plain.ExampleGood",
    "Passed m/plain.FuzzSeeds",
    "Passed m/plain.FuzzSeeds/seed#0",
    "Passed m/plain.FuzzSeeds/seed#1",
    "Passed m/plain.TestFails/good",
    "Passed m/plain.TestNoNewline",
    "Passed m/plain.TestNoNewline/sub",
    "Passed m/plain.TestPasses",
    "Passed m/plain.TestPretends",
    "Passed m/setup.TestWell",
    "Passed m/where.TestFolder",
    "Passed m/where.TestSource",
    "Skipped m",
    "Skipped m/empty",
    "Skipped m/plain.TestFails/bad_one/skipped",
    "Skipped m/plain.TestSkips",
];

#[test]
fn verbose_lines() {
    let events = whole(VERBOSE);
    assert_eq!(verdicts(&events), ALL);
    assert_eq!(text(&events), VERBOSE);
    assert_eq!(message(&events, "m/plain.TestFails/bad_one/deep"), "    plain_test.go:13: deep down");
    assert_eq!(message(&events, "m/plain.TestFails"), "--- FAIL: TestFails/bad_one");
    assert!(message(&events, "m/hangs.TestHangs").contains("panic: test timed out after 2s"));
    assert!(message(&events, "m/exits.TestExits").starts_with("leaving"));
    assert!(message(&events, "m/setup").contains("tearing down failed"));
    for (package, why) in [("m/broken", "cannot use \"text\""), ("m/vetted", "Printf format %d")] {
        let message = message(&events, package);
        assert!(
            message.contains(why) && message.ends_with("build failed") && message.lines().count() == 3,
            "{message}"
        );
    }
}

#[test]
fn events_of_go_test() {
    let events = whole(JSON);
    // Go 1.19 itself does not find the end of a line that began with output, nor what began there.
    let mut expected = ALL.to_vec();
    expected.retain(|line| *line != "Passed m/plain.TestNoNewline/sub");
    assert_eq!(verdicts(&events), expected);
    let text = text(&events);
    assert!(text.contains("\n=== RUN   TestPasses\n") && !text.contains("\"Package\":\"example.com/sample\""));
    let hung = results(&events).into_iter().find(|result| result.name.ends_with("TestHangs")).unwrap();
    assert!(hung.message.contains("panic: test timed out after 2s"));
}

/// Without `-v` only what failed is told, and of the rest the packages.
#[test]
fn plain_lines() {
    let mut expected = ALL.to_vec();
    expected.retain(|line| !line.contains('.') || line.starts_with("Failed"));
    // Nobody says which test left or hung.
    expected.retain(|line| !line.ends_with("TestExits") && !line.ends_with("TestHangs"));
    expected.extend(["Failed m/exits", "Failed m/hangs", "Passed m/where"]);
    expected.sort_unstable();
    // What a test prints is told from what `go test` says only where it is known that a test runs: one of these lines
    // closes a package that is none, with what was printed before.
    let mut got = verdicts(&whole(PLAIN));
    got.retain(|line| !line.ends_with("m/other") && !line.ends_with("m/other.TestOther"));
    got.iter_mut().for_each(|line| *line = line.replace("m/other.", "m/plain."));
    got.sort();
    assert_eq!(got, expected);
}

const TOLD: &str = concat!(
    "\x1eMUSTER {\"event\":\"package\",\"package\":\"m/a\"}\n",
    "=== RUN   TestA\n=== RUN   TestA/x\n{\"Action\":\"fail\",\"Package\":\"m/a\"}\nok  \tm/b\t0.1s\n",
    "--- PASS: TestA (0.25s)\n    --- PASS: TestA/x (0.00s)\nPASS\nleft",
    "\x1eMUSTER {\"event\":\"exited\",\"package\":\"m/a\",\"ok\":true,\"end\":\"\",\"took\":0.5}\n",
    "ok  \tm/a\t0.500s\n",
    "\x1eMUSTER {\"event\":\"package\",\"package\":\"m/b\"}\n# m/b\nb.go:1: wrong\n",
    "\x1eMUSTER {\"event\":\"exited\",\"package\":\"m/b\",\"ok\":false,\"end\":\"build failed\"}\n",
    "FAIL\tm/b [build failed]\n",
    "\x1eMUSTER {\"event\":\"package\",\"package\":\"m/c\"}\n=== RUN   TestC\nhangs",
);

fn listed() -> Vec<Test> {
    let of = |name: &str, suite: &str| Test { suite: suite.into(), ..test(name) };
    vec![of("m/a.TestA", "m/a"), of("m/b", "m/b"), of("m/c.TestC", "m/c")]
}

#[test]
fn what_the_runner_tells() {
    let events = parse("", &listed(), TOLD.as_bytes(), &ExitStatus::TimedOut, &[7]);
    assert_eq!(verdicts(&events), ["Failed m/b", "Passed m/a.TestA", "Passed m/a.TestA/x"]);
    let passed = results(&events)[1];
    assert_eq!((passed.suite.as_str(), passed.case.as_str(), passed.duration), ("m/a", "TestA", Some(SECOND / 4)));
    let failed = results(&events)[2];
    assert_eq!((failed.case.as_str(), failed.message.as_str()), ("TestMain", "# m/b\nb.go:1: wrong\nbuild failed"));
    let started: Vec<&Event> = events.iter().filter(|event| matches!(event, Event::Started(_))).collect();
    assert_eq!(started, [&Event::Started("m/a.TestA".into()), &Event::Started("m/c.TestC".into())]);
    assert!(events.contains(&Event::Banner("m/b".into())) && events.contains(&Event::Progress((2, 3))));
    assert!(text(&events).contains("PASS\nleftok  \tm/a\t0.500s\n# m/b\n") && text(&events).ends_with("hangs"));
}

#[test]
fn subtests_need_not_be_reported() {
    let settings = r#"{"subtests": false}"#;
    let events = parse(settings, &listed(), TOLD.as_bytes(), &ExitStatus::TimedOut, &[TOLD.len()]);
    assert_eq!(verdicts(&events), ["Failed m/b", "Passed m/a.TestA"]);
}

#[test]
fn a_package_of_which_nothing_ran_mentions_nothing() {
    let told = concat!(
        "\x1eMUSTER {\"event\":\"package\",\"package\":\"m/a\"}\ntesting: warning: no tests to run\nPASS\n",
        "\x1eMUSTER {\"event\":\"exited\",\"package\":\"m/a\",\"ok\":true}\n",
    );
    assert_eq!(verdicts(&parse("", &listed(), told.as_bytes(), &ExitStatus::Exited(0), &[9])), [""; 0]);
    let whole = [Test { suite: "m/a".into(), ..test("m/a") }];
    assert_eq!(verdicts(&parse("", &whole, told.as_bytes(), &ExitStatus::Exited(0), &[9])), ["Passed m/a"]);
}

/// A binary that could not list its tests: the package was asked for, whatever of it runs.
#[test]
fn a_package_that_was_asked_for_is_told() {
    let whole = [Test { suite: "m/a".into(), ..test("m/a") }];
    let ran = "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n--- PASS: TestB (0.00s)\nPASS\n";
    let package = "\x1eMUSTER {\"event\":\"package\",\"package\":\"m/a\"}\n";
    let exited = "\x1eMUSTER {\"event\":\"exited\",\"package\":\"m/a\",\"ok\":true,\"end\":\"\",\"took\":0.5}\n";
    let bad = (
        exited.replace("true", "false").replace("\"end\":\"\"", "\"end\":\"exit status 1\""),
        ran.replace("PASS: TestB", "FAIL: TestB"),
    );
    let told = |output: &str| parse("", &whole, output.as_bytes(), &ExitStatus::Exited(1), &[9]);
    for output in [format!("{package}{ran}{exited}"), format!("{ran}ok  \tm/a\t0.500s\n")] {
        let events = told(&output);
        assert_eq!(verdicts(&events), ["Passed m/a", "Passed m/a.TestA", "Passed m/a.TestB"]);
        let of_all = results(&events).into_iter().find(|result| result.name == "m/a").unwrap();
        assert_eq!(of_all.duration, Some(SECOND / 2));
    }
    for output in [format!("{package}{}{}", bad.1, bad.0), format!("{}FAIL\tm/a\t0.500s\n", bad.1)] {
        assert_eq!(verdicts(&told(&output)), ["Failed m/a", "Failed m/a.TestB", "Passed m/a.TestA"]);
    }
}

/// What go 1.20 and later print for `-test.v=test2json`.
#[test]
fn marked_lines() {
    let marked = "\x16=== RUN   TestA\nsaid\x16=== RUN   TestA/x\n\x16--- FAIL: TestA/x (0.00s)\n\x16=== NAME  TestA\n\
                  \x16--- FAIL: TestA (0.10s)\n\x16=== RUN   TestB\n--- FAIL: it only says\nx\x16--- PASS: TestB (0.00s)\n\
                  \x16FAIL\n";
    let events = parse("", &[], marked.as_bytes(), &ExitStatus::Exited(1), &[3]);
    assert_eq!(verdicts(&events), ["Failed TestA", "Failed TestA/x", "Passed TestB"]);
    assert_eq!(results(&events)[1].message, "said\n--- FAIL: TestA/x");
    assert!(text(&events).starts_with("=== RUN   TestA\nsaid=== RUN   TestA/x\n"));
}

/// Which of several parallel tests brought the binary down nobody knows: they run again, and the package has failed.
#[test]
fn parallel_tests_share_no_blame() {
    let output = "=== RUN   TestA\n=== PAUSE TestA\n=== RUN   TestB\n=== PAUSE TestB\n=== RUN   TestC\n\
                  === PAUSE TestC\n=== CONT  TestA\n=== CONT  TestB\nfatal error: x\nFAIL\tm\t0.1s\n";
    assert_eq!(verdicts(&whole(output)), ["Failed m"]);
    let late = output.replace("fatal error: x", "panic: test timed out after 1s");
    assert_eq!(verdicts(&whole(&late)), ["Failed m.TestA", "Failed m.TestB"]);
}

/// A panic says whose it was: who ran beside it is left to be run again.
#[test]
fn who_ran_beside_a_panic_is_not_to_blame() {
    const VERBOSE: &str = include_str!("data/panic.txt");
    const JSON: &str = include_str!("data/panic.json");
    let alone = |output: &str| output.lines().filter(|line| !line.contains("TestWaits")).collect::<Vec<_>>().join("\n");
    for output in [VERBOSE, JSON].into_iter().flat_map(|output| [output.to_owned(), alone(output)]) {
        let events = whole(&output);
        let told = verdicts(&events).join(" ").replace("example.com/beside", "m");
        assert_eq!(told, "Failed m.TestPanics Failed m.TestPanics/inside Passed m.TestSerial");
        let inside = results(&events).into_iter().find(|result| result.case == "TestPanics/inside").unwrap();
        assert!(inside.message.starts_with("panic: it was me [recovered]\n"), "{}", inside.message);
    }
    let late = VERBOSE.replace("panic: it was me [recovered]", "panic: test timed out after 1s");
    assert_eq!(verdicts(&whole(&late)).len(), 5, "but all that run are when their time is over");
}

#[test]
fn an_endless_line_is_not_held() {
    let mut parser = GoParser::new("", vec![]);
    let chunk = vec![b'x'; 64 * 1024];
    let mut passed = 0;
    for head in [&b"y"[..], b"\n{", b"\n\x1eMUSTER "] {
        parser.push(head);
        passed += passed_on(&mut parser, &chunk, 100);
    }
    assert!(passed >= 299 * 64 * 1024, "{passed}");
}

proptest! {
    #[test]
    fn the_cut_does_not_matter(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just(TOLD.as_bytes().to_vec()),
                Just(PLAIN.as_bytes().to_vec()),
                Just(VERBOSE.as_bytes()[..2000].to_vec()),
                Just(JSON.as_bytes()[..3000].to_vec()),
                Just(b"\x1eMUSTER ".to_vec()),
                Just(b"\x16--- PASS: TestA (0.1s)\n    x\n".to_vec()),
                Just(b"{\"Action\":\"output\",\"Package\":\"p\",\"Output\":\"x\"}\n".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..20),
            ],
            0..6,
        ),
        sizes in proptest::collection::vec(1usize..40, 1..10),
        code in 0i32..2,
    ) {
        let input: Vec<u8> = pieces.concat();
        let exit = ExitStatus::Exited(code);
        let whole = parse("", &listed(), &input, &exit, &[input.len().max(1)]);
        prop_assert_eq!(whole, parse("", &listed(), &input, &exit, &sizes));
    }
}
