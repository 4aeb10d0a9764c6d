//! Each role answers through its port, and what is not allowed is a fault.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at one kind of many")]

use std::time::Duration;

use anyhow::{Result, anyhow};
use coordinator::ports::{
    Listing, Observation, ParserEvent, PhaseHistory, Place, Purpose, Source, SourceFile, Subject, TestPlan,
};
use engine::policy::{Action, Observed};
use engine::{CommandEnd, EstimateSource, PluginFault, PluginFaultKind, Status, Test};
use plugin_host::{PluginSettings, Role};

use crate::component::{empty_run, helpers, host};
use crate::guest;

fn loud(fault: PluginFault) -> anyhow::Error {
    anyhow!("{fault}")
}

fn settings(word: &str) -> Option<String> {
    Some(format!("\"{word}\""))
}

fn test(name: &str) -> Test {
    Test { name: name.into(), ..Test::default() }
}

#[tokio::test]
async fn a_builder() -> Result<()> {
    let host = host()?;
    let plugin = guest::load(&host, PluginSettings::default()).await?;
    let builder = plugin.builder(None).expect("it has every role");
    let configs = builder.configure().await.map_err(loud)?;
    assert_eq!(configs.iter().map(|config| config.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(configs[0].exec_overhead, Duration::from_millis(500));
    let file = SourceFile { path: "subject.toml".into(), content: None };
    assert_eq!(builder.detect(std::slice::from_ref(&file)).await.map_err(loud)?, Some("one".to_owned()));
    assert_eq!(builder.detect(&[]).await.map_err(loud)?, None);
    let source =
        Source { project: "project".into(), purpose: Purpose::PostSubmit, files: vec![file], ..Source::default() };
    let place = Place { attempt_dir: "/wd/attempt".into(), ..Place::default() };
    let plan = builder.plan("one", &source, &place).await.map_err(loud)?;
    let memo = "1 files of project, Purpose::PostSubmit";
    assert_eq!((plan.memo.as_str(), plan.clean.as_slice()), (memo, &["build".to_owned()][..]));
    assert!(matches!(&plan.tests, TestPlan::Listed(list) if list.argv == ["./list"]));
    let listing = |output: &str| Listing { output: output.into(), end: CommandEnd::Exited(0), files: Vec::new() };
    let tests = builder.tests("one", memo, listing("a::b\na::c\n")).await.map_err(loud)?;
    assert_eq!(tests.iter().map(|test| test.name.as_str()).collect::<Vec<_>>(), ["a::b", "a::c"]);
    assert_eq!(tests[0].setup_key.as_deref(), Some("a"));
    let run = builder.run("one", &plan.memo, &tests, &place).await.map_err(loud)?;
    assert_eq!(run.argv, ["./run", memo, "a::b", "a::c"]);
    let variables: Vec<(&str, &str)> = run.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let notes = [("line", "as listed: a::b"), ("memo", memo), ("line", "as listed: a::c"), ("memo", memo)];
    assert_eq!(variables, [&[("PLACE", "/wd/attempt")], &notes[..]].concat(), "what it noted comes back");

    let refusing = plugin.builder(settings("refuse")).expect("a builder");
    let fault = refusing.configure().await.expect_err("it refuses");
    assert_eq!(fault.kind, PluginFaultKind::Refused);
    assert!(fault.detail.ends_with("key `colour`: did you mean `color`?"), "{fault}");
    assert_eq!(plugin.describe().faults, 0, "an answer that is an error is no fault");

    let twins = plugin.builder(settings("twins")).expect("a builder");
    for fault in [twins.configure().await.map(drop), twins.tests("one", "", listing("a\nb\n")).await.map(drop)] {
        assert_eq!(fault.map_err(|fault| fault.kind), Err(PluginFaultKind::BadAnswer));
    }
    plugin.reset();
    let long = "x".repeat(5 << 10);
    let fault = builder.tests("one", "", listing(&long)).await.expect_err("it notes too much");
    assert!(fault.detail.contains("bytes of notes on test `xxx"), "{fault}");
    plugin.reset();
    let escaping = plugin.builder(settings("escape")).expect("a builder");
    let fault = escaping.run("one", "", &tests, &place).await.expect_err("it leaves the work directory");
    assert_eq!(fault.kind, PluginFaultKind::BadAnswer);
    assert!(fault.detail.contains("`../../etc` leaves its directory"), "{fault}");
    assert!(escaping.plan("one", &source, &place).await.is_err(), "it cleans beside the tree");
    Ok(())
}

#[tokio::test]
async fn an_estimator() -> Result<()> {
    let host = host()?;
    let plugin = guest::load(&host, PluginSettings::default()).await?;
    let estimator = plugin.estimator(None).expect("it has every role");
    let seen = Observation { duration: Duration::from_secs(7), exact: true, at: 1 };
    let subject = |name: &str, observations| Subject { name: name.into(), setup_key: None, observations };
    let subjects = [subject("seen", vec![seen]), subject("new", Vec::new())];
    let estimates = estimator.estimate(&subjects).await.map_err(loud)?;
    assert_eq!(estimates[0].expected, Duration::from_secs(7));
    assert_eq!(estimates[0].source, EstimateSource::History(1));
    assert_eq!(estimates[1].source, EstimateSource::Prior);
    let history = PhaseHistory { exec_overhead_guess: Duration::from_secs(3), ..PhaseHistory::default() };
    assert_eq!(estimator.phases(&history).await.map_err(loud)?.exec_overhead, Duration::from_secs(3));
    for wrong in ["short", "forever"] {
        let fault = plugin.estimator(settings(wrong)).expect("an estimator").estimate(&subjects).await;
        assert_eq!(fault.map_err(|fault| fault.kind), Err(PluginFaultKind::BadAnswer), "{wrong}");
    }
    Ok(())
}

#[tokio::test]
async fn a_policy() -> Result<()> {
    let host = host()?;
    let plugin = guest::load(&host, PluginSettings::default()).await?;
    let policy = plugin.policy(None).expect("it has every role");
    let asks = policy.plan_helpers(&helpers()).await.map_err(loud)?;
    assert_eq!((asks[0].at, asks[0].count), (Duration::from_secs(1), 2));
    let mut input = empty_run();
    input.items = crate::scale::items(3);
    let mut run = policy.open(&input).await.map_err(loud)?;
    let decision = run.decide(Duration::ZERO, &[0]).await.map_err(loud)?;
    assert_eq!(decision.actions, [Action::Start { worker: 0, tests: vec![0, 1, 2] }]);
    run.observe(&[Observed::Returned { tests: vec![1], max_group: Some(1) }]).await.map_err(loud)?;
    let decision = run.decide(Duration::ZERO, &[0]).await.map_err(loud)?;
    assert_eq!(decision.actions, [Action::Start { worker: 0, tests: vec![1] }], "it keeps its state");
    let mut greedy = plugin.policy(settings("greedy")).expect("a policy").open(&input).await.map_err(loud)?;
    let fault = greedy.decide(Duration::ZERO, &[0]).await.expect_err("two actions for one worker");
    assert_eq!(fault.kind, PluginFaultKind::BadAnswer);
    Ok(())
}

#[tokio::test]
async fn a_parser() -> Result<()> {
    let host = host()?;
    let plugin = guest::load(&host, PluginSettings::default()).await?;
    let parser = plugin.parser(None).expect("it has every role");
    let mut session = parser.open(&[test("a"), test("b")]).await.map_err(loud)?;
    assert_eq!(session.push(b"a o").await.map_err(loud)?, []);
    let events = session.push(b"k\nhello\nb FAILED\n").await.map_err(loud)?;
    let seen: Vec<_> = events
        .iter()
        .map(|event| match event {
            ParserEvent::Finished(report) => format!("{} {}", report.name, report.status == Status::Passed),
            ParserEvent::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, ["a true", "hello\n", "b false"]);
    let events = session.finish(&CommandEnd::TimedOut).await.map_err(loud)?;
    assert!(matches!(&events[..], [ParserEvent::Banner(text)] if text.contains("TimedOut")), "{events:?}");

    let mut session = plugin.parser(settings("panic")).expect("a parser").open(&[]).await.map_err(loud)?;
    let fault = session.push(b"x").await.expect_err("it panics");
    assert_eq!(fault.kind, PluginFaultKind::Trapped);
    assert!(fault.detail.ends_with("it said: about to panic"), "{fault}");
    let mut session = plugin.parser(settings("nameless")).expect("a parser").open(&[]).await.map_err(loud)?;
    let fault = session.push(b"x").await.expect_err("a test without a name");
    assert_eq!(fault.kind, PluginFaultKind::BadAnswer);
    Ok(())
}

#[tokio::test]
async fn every_role_is_found() -> Result<()> {
    let host = host()?;
    let plugin = guest::load(&host, PluginSettings::default()).await?;
    assert!(Role::ALL.iter().all(|role| plugin.has(*role)));
    let description = plugin.describe();
    let mut ungranted = description.ungranted.clone();
    ungranted.sort_unstable();
    assert_eq!(ungranted, ["muster:host/clock@0.1.0", "muster:host/http@0.1.0", "muster:host/kv@0.1.0"]);
    Ok(())
}
