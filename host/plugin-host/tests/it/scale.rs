//! A hundred thousand tests pass through builder, estimator and policy within the default limits.

use std::time::Duration;

use anyhow::{Result, anyhow};
use coordinator::ports::{Listing, Observation, Subject};
use engine::policy::Item;
use engine::{CommandEnd, EstimateSource};
use plugin_host::PluginSettings;

use crate::component::{empty_run, host};
use crate::guest;

const TESTS: u32 = 100_000;

/// A name of some eighty characters, as those of parametrised tests are.
fn name(index: u32) -> String {
    format!(
        "tests/unit/package_{:03}/test_module_{:03}.py::TestSomething::test_case[{index:08}-x-y]",
        index / 1000,
        index / 100
    )
}

/// Tests as a policy is given them.
pub(crate) fn items(count: u32) -> Vec<Item> {
    (0..count)
        .map(|index| Item {
            index,
            name: name(index),
            merge_key: Some("all".into()),
            unit: None,
            setup_key: Some(format!("tests/unit/package_{:03}", index / 1000)),
            alone: None,
            expected: Duration::from_millis(5),
            deviation: Duration::ZERO,
            source: EstimateSource::History(3),
            max_group: None,
        })
        .collect()
}

#[tokio::test]
async fn a_hundred_thousand_tests() -> Result<()> {
    let host = host()?;
    let plugin = guest::load(&host, PluginSettings::default()).await?;
    let output: String = (0..TESTS).map(|index| name(index) + "\n").collect();
    let listing = Listing { output: output.into_bytes(), end: CommandEnd::Exited(0), files: Vec::new() };
    let builder = plugin.builder(None).expect("it has every role");
    let tests = builder.tests("one", "", listing).await.map_err(|fault| anyhow!("builder: {fault}"))?;
    assert_eq!(tests.len(), TESTS as usize);
    assert_eq!(tests.last().map(|test| test.name.clone()), Some(name(TESTS - 1)));

    let seen = Observation { duration: Duration::from_millis(5), exact: true, at: 1 };
    let subjects: Vec<Subject> = tests
        .iter()
        .map(|test| Subject { name: test.name.clone(), setup_key: test.setup_key.clone(), observations: vec![seen; 5] })
        .collect();
    let estimator = plugin.estimator(None).expect("it has every role");
    let estimates = estimator.estimate(&subjects).await.map_err(|fault| anyhow!("estimator: {fault}"))?;
    assert_eq!(estimates.len(), TESTS as usize);

    let mut input = empty_run();
    input.items = items(TESTS);
    let policy = plugin.policy(None).expect("it has every role");
    let mut run = policy.open(&input).await.map_err(|fault| anyhow!("policy: {fault}"))?;
    let decision = run.decide(Duration::ZERO, &[0]).await.map_err(|fault| anyhow!("decision: {fault}"))?;
    assert_eq!(decision.note, format!("{} left", TESTS - 1000));
    Ok(())
}
