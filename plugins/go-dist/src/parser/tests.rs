//! Groups of packages, tests that are no package's, and cuts at any byte.

use muster_sdk::parser::{replay, results, text};
use muster_sdk::types::{MILLISECOND, test};
use proptest::prelude::*;

use super::*;

fn parse(settings: &str, names: &[&str], output: &[u8], exit: &ExitStatus, sizes: &[usize]) -> Vec<Event> {
    let tests = names.iter().map(|name| Test { suite: "dist".into(), case: (*name).into(), ..test(*name) });
    let parser = GoDistParser::new(settings, tests.collect());
    replay(parser, output, sizes, exit)
}

fn verdicts(events: &[Event]) -> Vec<(&str, Status, Option<u64>)> {
    let told = results(events).into_iter();
    told.map(|r| (r.name.as_str(), r.status, r.duration.map(|took| took / MILLISECOND))).collect()
}

/// What Go 1.19 printed of three packages: one had tests that were made to fail, two were in its cache.
const GROUP: &str = include_str!("testdata/group.txt");
/// What it printed of `sync_cpu`.
const LONE: &str = include_str!("testdata/lone.txt");

const GROUP_NAMES: [&str; 3] = ["go_test:bufio", "go_test:container/ring", "go_test:sort"];

#[test]
fn a_group_has_a_verdict_for_each_package() {
    let events = parse(SHARDED, &GROUP_NAMES, GROUP.as_bytes(), &ExitStatus::Exited(2), &[GROUP.len()]);
    let expected = [
        ("go_test:bufio", Status::Passed, None),
        ("go_test:container/ring", Status::Failed, Some(5)),
        ("go_test:sort", Status::Passed, None),
    ];
    assert_eq!(verdicts(&events), expected);
    let message = &results(&events)[1].message;
    assert!(message.starts_with("TestCornerCases, TestNew failed\n--- FAIL: TestCornerCases"), "{message}");
    let banners: Vec<&Event> = events.iter().filter(|event| matches!(event, Event::Banner(_))).collect();
    assert_eq!(banners, [&Event::Banner("Testing packages.".into())]);
    let note =
        events.iter().find_map(|event| if let Event::Other((key, note)) = event { Some((key, note)) } else { None });
    let (key, note) = note.unwrap();
    assert_eq!(key, "environment");
    assert!(note.starts_with("##### Test execution environment.\n# GOARCH: amd64\n# CPU: "), "{note}");
    assert!(text(&events).starts_with("ok  \tbufio\t") && !text(&events).contains(BANNER));
}

#[test]
fn a_test_that_is_no_packages_has_the_verdict_of_its_command() {
    let of = |exit| parse(SHARDED, &["sync_cpu"], LONE.as_bytes(), &exit, &[LONE.len()]);
    let passed = of(ExitStatus::Exited(0));
    assert_eq!(verdicts(&passed), [("sync_cpu", Status::Passed, None)]);
    assert!(!text(&passed).contains("ALL TESTS PASSED"));
    let begun = passed.iter().filter(|event| matches!(event, Event::Started(name) if name == "sync_cpu"));
    assert_eq!(begun.count(), 1);
    let failed = of(ExitStatus::Exited(2));
    let Some(Event::Finished(result)) = failed.last() else { panic!("{failed:?}") };
    assert!(result.status == Status::Failed && result.message.contains("ok  \tsync\t"), "{result:?}");
    for exit in [ExitStatus::TimedOut, ExitStatus::Signaled("killed".into())] {
        assert_eq!(verdicts(&of(exit)), []);
    }
}

#[test]
fn a_package_by_itself_is_mentioned_or_has_failed() {
    const HEADING: &str = "\nXXXBANNERXXX:Testing packages.\n";
    let of = |output: &str, code| {
        let events = parse(SHARDED, &["go_test:bufio"], output.as_bytes(), &ExitStatus::Exited(code), &[9]);
        assert!(events.contains(&Event::Started("go_test:bufio".into())));
        verdicts(&events).iter().map(|(_, status, _)| *status).collect::<Vec<_>>()
    };
    assert_eq!(of(HEADING, 0), [], "nothing is taken for a pass");
    assert_eq!(of(HEADING, 2), [Status::Failed]);
    let told = format!("{HEADING}ok  \tbufio\t0.1s\n");
    assert_eq!((of(&told, 0), of(&told, 2)), (vec![Status::Passed], vec![Status::Passed]));
}

#[test]
fn json_is_shown_as_text() {
    let output = "\nXXXBANNERXXX:Testing packages.\n\
        {\"Action\":\"output\",\"Package\":\"bufio\",\"Output\":\"ok  \\tbufio\\t0.1s\\n\"}\n\
        {\"Action\":\"pass\",\"Package\":\"bufio\",\"Elapsed\":0.1}\nend\n";
    let events = parse(SHARDED, &GROUP_NAMES, output.as_bytes(), &ExitStatus::Exited(0), &[5]);
    assert_eq!(verdicts(&events), [("go_test:bufio", Status::Passed, Some(100))]);
    assert_eq!(text(&events), "ok  \tbufio\t0.1s\nend\n");
}

#[test]
fn scripts_have_headings_of_the_tools_own_kind() {
    let output = b"Building Go\n\n##### Testing packages.\nok  \ta\t0.1s\n\nALL TESTS PASSED\n";
    let events = parse(WHOLE, &["all"], output, &ExitStatus::Exited(0), &[3]);
    assert_eq!(text(&events), "Building Go\nok  \ta\t0.1s\n");
    assert!(events.contains(&Event::Banner("Testing packages.".into())));
    assert_eq!(verdicts(&events), [("all", Status::Passed, None)]);
}

#[test]
fn settings_are_strict() {
    for settings in ["", SHARDED] {
        assert_eq!(read(settings).unwrap(), (BANNER.to_owned(), Unended::Heading));
    }
    assert_eq!(read(WHOLE).unwrap().0, "##### ");
    assert_eq!(read(r#"{"unended-banner": "text"}"#).unwrap().1, Unended::Text);
    for wrong in [r#"{"banner": ""}"#, r#"{"unended-banner": "x"}"#, r#"{"baner": "x"}"#] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn the_cut_does_not_matter(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just(GROUP.as_bytes().to_vec()),
                Just(LONE.as_bytes().to_vec()),
                Just(b"{\"Action\":\"pass\",\"Package\":\"sort\",\"Elapsed\":1}\n".to_vec()),
                Just(b"\nXXXBANNERXXX:".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..20),
            ],
            0..5,
        ),
        sizes in proptest::collection::vec(1usize..60, 1..10),
    ) {
        let input: Vec<u8> = pieces.concat();
        let whole = parse(SHARDED, &GROUP_NAMES, &input, &ExitStatus::Exited(0), &[input.len().max(1)]);
        let cut = parse(SHARDED, &GROUP_NAMES, &input, &ExitStatus::Exited(0), &sizes);
        prop_assert_eq!(whole, cut);
    }
}
