//! The log as Go's coordinator of 2015 wrote it.

use std::time::Duration;

use coordinator::ports::LogFormat;
use coordinator::view::{AttemptKind, AttemptSpan, BuildReport, BuildUpdate, BuildletSpan, PhaseSpan};
use engine::{Outcome, Role};
use report::go2015::{events, write_events, write_head, write_tail};
use report::logfile::LogFile;

use crate::fixture;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn buildlet(name: &str, role: Role, joined: u64, left: u64) -> BuildletSpan {
    BuildletSpan { name: name.into(), role, joined: ms(joined), left: ms(left), lost: None }
}

fn phase(name: &str, start: u64, end: u64) -> PhaseSpan {
    PhaseSpan { name: name.into(), start: ms(start), end: ms(end) }
}

fn span(buildlet: &str, kind: AttemptKind, tests: &[&str], start: u64, end: u64, text: &str) -> AttemptSpan {
    AttemptSpan {
        buildlet: buildlet.into(),
        kind,
        tests: tests.iter().map(|test| (*test).to_owned()).collect(),
        start: ms(start),
        end: ms(end),
        text: text.into(),
        ok: text == "ok",
    }
}

/// A split build of a main buildlet and two helpers, of which one came when nothing was left to do.
fn build(outcome: Outcome) -> BuildReport {
    let last = if outcome == Outcome::Passed { "ok" } else { "exit status 1" };
    BuildReport {
        builder: "linux-amd64".into(),
        rev: "0123456789abcdef0123456789abcdef01234567".into(),
        outcome,
        // 2015-06-04 12:00:00 UTC.
        started_unix_ms: 1_433_419_200_000,
        ended_unix_ms: 1_433_419_290_250,
        took: ms(90_250),
        aggregate: ms(41_500),
        buildlets: vec![
            buildlet("10.240.0.1:443", Role::Main, 1_250, 90_200),
            buildlet("10.240.0.2:443", Role::Helper, 60_000, 90_100),
            buildlet("10.240.0.3:443", Role::Helper, 89_000, 90_000),
        ],
        phases: vec![
            phase("acquire", 0, 1_250),
            phase("prepare", 1_250, 3_000),
            phase("make", 3_000, 63_456),
            phase("snapshot", 63_456, 66_000),
            phase("list", 66_000, 66_500),
            phase("test", 66_500, 90_000),
        ],
        attempts: vec![
            span("10.240.0.1:443", AttemptKind::Make, &["make"], 3_000, 63_456, "ok"),
            span("10.240.0.2:443", AttemptKind::Setup, &["bring the snapshot"], 63_500, 66_400, "ok"),
            span("10.240.0.1:443", AttemptKind::Exec, &["go_test:bufio", "go_test:bytes"], 66_500, 70_000, "ok"),
            span("10.240.0.2:443", AttemptKind::Exec, &["runtime:cpu124"], 66_500, 90_000, last),
        ],
        tests: Vec::new(),
        log: LogFormat::Go2015 { make_script: Some("src/make.bash".into()) },
        ..fixture::eventful()
    }
}

fn head(report: &BuildReport) -> anyhow::Result<String> {
    let mut text = Vec::new();
    write_head(report, &mut text)?;
    Ok(String::from_utf8(text)?)
}

#[test]
fn a_finished_build_has_its_state_and_its_events_before_its_log() -> anyhow::Result<()> {
    let expected = "\
builder: linux-amd64
rev: 0123456789abcdef0123456789abcdef01234567
buildlet: 10.240.0.1:443
started: 2015-06-04 12:00:00 +0000 UTC
started: 2015-06-04 12:01:30.25 +0000 UTC
success: true

Events:
         2015-06-04T12:00:00Z get_buildlet 
   +1.2s 2015-06-04T12:00:01Z got_buildlet 10.240.0.1:443
   +0.0s 2015-06-04T12:00:01Z start_write_go_tar 
   +1.8s 2015-06-04T12:00:03Z end_write_go_tar 
   +0.0s 2015-06-04T12:00:03Z pre_exec 
   +0.0s 2015-06-04T12:00:03Z running_exec src/make.bash
  +57.0s 2015-06-04T12:01:00Z helper_ready 
   +3.5s 2015-06-04T12:01:03Z exec_done src/make.bash in 1m0.456s
   +0.0s 2015-06-04T12:01:03Z write_snapshot 
   +0.0s 2015-06-04T12:01:03Z got_helper 10.240.0.2:443
   +2.5s 2015-06-04T12:01:06Z write_snapshot_done 
   +0.0s 2015-06-04T12:01:06Z discovering_tests 
   +0.4s 2015-06-04T12:01:06Z setup_helper 10.240.0.2:443
   +0.1s 2015-06-04T12:01:06Z starting_tests 0 tests
   +0.0s 2015-06-04T12:01:06Z start_tests 10.240.0.1:443: [go_test:bufio go_test:bytes]
   +0.0s 2015-06-04T12:01:06Z start_tests 10.240.0.2:443: [runtime:cpu124]
   +3.5s 2015-06-04T12:01:10Z end_tests 10.240.0.1:443: [go_test:bufio go_test:bytes]; ok after 3.5s
  +19.0s 2015-06-04T12:01:29Z helper_ready 
   +1.0s 2015-06-04T12:01:30Z helper_killed_before_use 
   +0.0s 2015-06-04T12:01:30Z end_tests 10.240.0.2:443: [runtime:cpu124]; ok after 23.5s
   +0.0s 2015-06-04T12:01:30Z tests_complete took 23.5s; aggregate 41.5s; saved 18s
   +0.1s 2015-06-04T12:01:30Z closed_helper 10.240.0.2:443
   +0.1s 2015-06-04T12:01:30Z done all tests passed

Build log:
linux-amd64 at 0123456789abcdef0123456789abcdef01234567

";
    assert_eq!(head(&build(Outcome::Passed))?, expected);
    Ok(())
}

#[test]
fn a_build_of_one_command_has_no_shards() -> anyhow::Result<()> {
    let mut report = build(Outcome::Passed);
    report.log = LogFormat::Go2015 { make_script: None };
    report.phases = vec![phase("acquire", 0, 1_250), phase("test", 1_250, 90_000)];
    report.attempts = vec![span("10.240.0.1:443", AttemptKind::Exec, &["all"], 1_250, 90_000, "ok")];
    report.buildlets.truncate(1);
    let names: Vec<&str> = events(&report).iter().map(|event| event.name).collect();
    assert_eq!(names, ["get_buildlet", "got_buildlet", "pre_exec", "legacy_all_path", "running_exec", "done"]);
    Ok(())
}

#[test]
fn a_running_build_has_the_time_since_its_last_event() -> anyhow::Result<()> {
    let report = build(Outcome::Passed);
    let mut text = Vec::new();
    let events = events(&report);
    write_events(&events[..2], report.started_unix_ms, Some(ms(4_250)), &mut text)?;
    let text = String::from_utf8(text)?;
    assert_eq!(text.lines().last(), Some("   +3.0s (now)"));
    assert!(!head(&report)?.contains("(now)"));
    Ok(())
}

#[test]
fn a_failure_ends_the_log_and_is_an_event() -> anyhow::Result<()> {
    let mut report = build(Outcome::Failed { cause: "1 test failed".into() });
    report.tests = fixture::eventful().tests;
    let mut tail = Vec::new();
    write_tail(&report, &mut tail)?;
    let tail = String::from_utf8(tail)?;
    assert!(tail.starts_with("\n\nError: runTests failed: dist test failed: tests/test_a.py::test_fails: "), "{tail}");
    let head = head(&report)?;
    assert!(head.contains("[runtime:cpu124]; test failed remotely after 23.5s\n"), "{head}");
    assert!(head.contains(" done with test failures\n") && head.contains("success: false\n"), "{head}");
    Ok(())
}

#[test]
fn a_failed_make_is_told_by_its_script() -> anyhow::Result<()> {
    let report = build(Outcome::Failed { cause: "make the tree: src/make.bash: exit status 2".into() });
    let mut tail = Vec::new();
    write_tail(&report, &mut tail)?;
    assert_eq!(String::from_utf8(tail)?, "\n\nError: src/make.bash failed: exit status 2\n");
    Ok(())
}

#[test]
fn the_file_is_framed_when_the_build_is_over() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let report = build(Outcome::Passed);
    let mut log = LogFile::create(&path)?;
    log.update(&BuildUpdate::OrderedOutput(b"\n##### Testing packages.\nok  \tbufio\t0.1s\n".to_vec()));
    log.finish(&report)?;
    let whole = std::fs::read_to_string(&path)?;
    let expected = format!("{}\n##### Testing packages.\nok  \tbufio\t0.1s\n\nAll tests passed.\n", head(&report)?);
    assert_eq!(whole, expected);
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 1, "nothing else is left");
    let mut log = LogFile::create(&path)?;
    log.update(&BuildUpdate::OrderedOutput(b"text\n".to_vec()));
    log.finish(&BuildReport { log: LogFormat::Plain, ..report })?;
    assert_eq!(std::fs::read_to_string(&path)?, "text\n", "unless nobody asked for it");
    Ok(())
}
