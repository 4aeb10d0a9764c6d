//! JUnit XML, read by a parser of XML.

use coordinator::view::BuildReport;
use engine::{Outcome, VerdictKind};
use quick_xml::Reader;
use quick_xml::events::Event;
use report::junit;

use crate::fixture::{eventful, test};
use crate::large::large;

fn xml(report: &BuildReport) -> anyhow::Result<String> {
    let mut out = Vec::new();
    junit::write(report, &mut out)?;
    Ok(String::from_utf8(out)?)
}

/// Every test case with the children it has, and the attributes of both, decoded.
fn cases(xml: &str) -> anyhow::Result<Vec<String>> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut cases: Vec<String> = Vec::new();
    let mut depth = 0_i32;
    loop {
        let event = reader.read_event()?;
        if let Event::Start(element) | Event::Empty(element) = &event {
            depth += i32::from(matches!(event, Event::Start(_)));
            note(&mut cases, element)?;
        } else if let Event::Text(text) = &event {
            text.decode()?;
        } else if matches!(event, Event::End(_)) {
            depth -= 1;
        } else if matches!(event, Event::Eof) {
            break;
        }
    }
    anyhow::ensure!(depth == 0, "{depth} elements are open at the end");
    for letter in xml.chars() {
        let allowed = matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        anyhow::ensure!(allowed, "XML cannot say {letter:?}");
    }
    Ok(cases)
}

fn note(cases: &mut Vec<String>, element: &quick_xml::events::BytesStart<'_>) -> anyhow::Result<()> {
    let name = String::from_utf8(element.name().as_ref().to_vec())?;
    let mut attributes = Vec::new();
    for attribute in element.attributes() {
        let attribute = attribute?;
        let key = String::from_utf8(attribute.key.as_ref().to_vec())?;
        let value = attribute.unescape_value()?;
        if key != "time" {
            attributes.push(format!("{key}={value:?}"));
        }
    }
    match name.as_str() {
        "testcase" => cases.push(attributes.join(" ")),
        "failure" | "error" | "skipped" | "flakyFailure" | "rerunFailure" | "system-out" => {
            if let Some(case) = cases.last_mut() {
                *case += format!("\n  {name} {}", attributes.join(" ")).trim_end();
            }
        }
        _ => {}
    }
    Ok(())
}

#[test]
fn every_verdict_has_its_form() -> anyhow::Result<()> {
    let xml = xml(&eventful())?;
    assert!(
        xml.contains(
            "<testsuites name=\"demo &amp; &lt;co&gt;\" tests=\"8\" failures=\"1\" errors=\"2\" skipped=\"2\""
        )
    );
    insta::assert_snapshot!(cases(&xml)?.join("\n"), @r#"
    classname="muster" name="build"
      error type="errored" message="1 test was lost"
    classname="tests.test_a" name="test_passes"
    classname="tests.test_a" name="test_fails"
      failure type="failed" message="assert 1 == <2> & \"more\" red"
      system-out
    classname="tests.test_a" name="test_flaky"
      flakyFailure type="failed" message="local-1: failed: connection reset"
    classname="tests.test_a" name="test_skipped"
      skipped type="skipped" message="needs a network"
    classname="tests.test_a" name="test_lost"
      error type="lost" message="3 exec failures: machine lost: killed"
    classname="tests.test_a" name="test_not_run"
      skipped type="not-run" message="the build was canceled"
    classname="tests.test_a" name="test_added[\\u{1}'\"<>&]"
    "#);
    Ok(())
}

#[test]
fn a_build_that_ended_early_is_no_green_file() -> anyhow::Result<()> {
    let mut report = eventful();
    report.tests.clear();
    report.outcome = Outcome::Failed { cause: "make failed: exit status 2".into() };
    let xml = xml(&report)?;
    assert!(xml.contains("tests=\"1\" failures=\"0\" errors=\"1\""), "{xml}");
    assert_eq!(cases(&xml)?.len(), 1);
    report.outcome = Outcome::Passed;
    report.tests.push(test("a", VerdictKind::Passed, ""));
    assert_eq!(cases(&self::xml(&report)?)?, ["classname=\"tests.test_a\" name=\"a\""]);
    Ok(())
}

#[test]
fn any_bytes_are_well_formed() -> anyhow::Result<()> {
    let mut report = eventful();
    let every: Vec<u8> = (0..=255).chain([0xef, 0xbf, 0xbf, 0xed, 0xa0, 0x80]).collect();
    let text: String = (0..0x500).filter_map(char::from_u32).chain(['\u{fffe}', '\u{ffff}', '\u{10ffff}']).collect();
    for test in &mut report.tests {
        test.output.clone_from(&every);
        test.verdict.cause.clone_from(&text);
        test.case.clone_from(&text);
    }
    assert_eq!(cases(&xml(&report)?)?.len(), report.tests.len() + 1);
    Ok(())
}

#[test]
fn nothing_is_left_out_of_many() -> anyhow::Result<()> {
    assert_eq!(cases(&xml(&large(20_000))?)?.len(), 20_000);
    Ok(())
}
