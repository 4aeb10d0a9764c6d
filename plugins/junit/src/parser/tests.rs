//! Dialects, hostile files, and cuts at any byte.

use muster_sdk::parser::results;
use muster_sdk::types::{MILLISECOND, test};
use proptest::prelude::*;

use super::*;

const PYTEST: &str = r#"<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="0" tests="3">
<testcase classname="tests.test_a" name="test_x[1&gt;0]" time="0.250" />
<testcase classname="tests.test_a" name="test_y" time="0.001"><failure message="assert 1 == 2">def test_y():
&gt;   assert 1 == 2</failure></testcase>
<testcase classname="tests.test_a" name="test_z" time="0"><skipped type="pytest.skip" message="no"/></testcase>
</testsuite></testsuites>"#;

const SUREFIRE: &str = r#"<testsuite xmlns:xsi="x" name="org.example.FooTest" time="1,234.5">
<properties><property name="a" value="b>c"/></properties>
<testcase name="one" classname="org.example.FooTest" time="1,234.5"/>
<testcase name="two" classname="org.example.FooTest" time="0.1"><flakyFailure message="once">x</flakyFailure></testcase>
<testcase name="three" classname="org.example.FooTest"><error type="E"><![CDATA[<boom>]]></error>
<system-out>not a message</system-out></testcase>
</testsuite>"#;

const NEXTEST: &str = r#"<testsuites name="run"><testsuite name="my-crate::it">
<testcase name="a::works" classname="my-crate::it" time="0.004"/></testsuite></testsuites>"#;

const JEST: &str = r#"<testsuites><testsuite name="sum" file="src/sum.test.js">
<testcase classname="sum adds" name="sum adds" time="0.01"/>
<testcase classname="sum fails" name="sum fails" time="0.02"><failure>no</failure></testcase></testsuite></testsuites>"#;

fn parse(document: &[u8], tests: &[&str], sizes: &[usize]) -> Vec<Event> {
    let mut parser = Junit::new("", tests.iter().map(|name| test(*name)).collect());
    let mut events = Vec::new();
    let mut rest = document;
    let mut sizes = sizes.iter().cycle();
    loop {
        let size = (*sizes.next().unwrap_or(&1)).min(rest.len());
        events.extend(parser.push_file("r.xml", &rest[..size], size == rest.len()));
        if size == rest.len() {
            break;
        }
        rest = &rest[size..];
    }
    events.extend(parser.finish(&ExitStatus::Exited(0)));
    events
}

fn check(document: &str, tests: &[&str], expected: &[(&str, Status, &str)]) -> Vec<Event> {
    let events = parse(document.as_bytes(), tests, &[7]);
    let told: Vec<_> = results(&events).into_iter().map(|r| (r.name.as_str(), r.status, r.message.as_str())).collect();
    assert_eq!(told, expected);
    events
}

#[test]
fn pytest_by_class_and_name() {
    let events = check(
        PYTEST,
        &["tests.test_a::test_y", "tests.test_a.test_x[1>0]"],
        &[
            ("tests.test_a.test_z", Status::Skipped, "no"),
            ("tests.test_a::test_y", Status::Failed, "assert 1 == 2\ndef test_y():\n>   assert 1 == 2"),
            ("tests.test_a.test_x[1>0]", Status::Passed, ""),
        ],
    );
    let Some(Event::Finished(last)) = events.last() else { panic!("a result") };
    assert_eq!(last.duration, Some(250 * MILLISECOND));
}

#[test]
fn surefire_reruns_pass_and_output_is_no_message() {
    check(
        SUREFIRE,
        &["org.example.FooTest#one", "org.example.FooTest#two", "three"],
        &[
            ("org.example.FooTest#one", Status::Passed, ""),
            ("org.example.FooTest#two", Status::Passed, ""),
            ("three", Status::Failed, "<boom>"),
        ],
    );
}

#[test]
fn nextest_by_binary_and_name() {
    check(NEXTEST, &["my-crate::it a::works"], &[("my-crate::it a::works", Status::Passed, "")]);
}

#[test]
fn cases_of_a_listed_file_are_folded() {
    let events = check(JEST, &["src/sum.test.js"], &[("src/sum.test.js", Status::Failed, "no")]);
    let Some(Event::Finished(result)) = events.last() else { panic!("a result") };
    assert_eq!(result.duration, Some(30 * MILLISECOND));
}

#[test]
fn a_cut_file_is_told() {
    let events = parse(&PYTEST.as_bytes()[..PYTEST.len() - 60], &[], &[64]);
    assert!(events.iter().any(|e| matches!(e, Event::Text(text) if text.ends_with(b"ends in the middle\n"))));
}

proptest! {
    #[test]
    fn the_cut_does_not_matter(
        document in prop_oneof![Just(PYTEST), Just(SUREFIRE), Just(JEST)],
        noise in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        sizes in proptest::collection::vec(1usize..40, 1..10),
    ) {
        let mut bytes = document.as_bytes().to_vec();
        for (at, byte) in noise {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let tests = ["org.example.FooTest#one", "src/sum.test.js", "tests.test_a::test_y"];
        prop_assert_eq!(parse(&bytes, &tests, &[bytes.len()]), parse(&bytes, &tests, &sizes));
    }
}
