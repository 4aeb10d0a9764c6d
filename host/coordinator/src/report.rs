//! A finished build as every report shows it, from its facts.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use engine::{AttemptId, BuildFacts, Certificate, Outcome, Phase, TestFacts, TestIndex, Time, VerdictKind, Why};

use crate::ports::LogFormat;
use crate::tell::end_text;
use crate::view::{self, AttemptKind, AttemptSpan, AttemptSummary, BuildReport, BuildletSpan, PhaseSpan, TestResult};

/// Tests whose output goes into a report: a build whose every test fails must not make one of many gigabytes.
const MAX_OUTPUTS: usize = 1_000;

/// Where the outputs come from that a report shows.
#[async_trait]
pub trait Excerpts: Send + Sync {
    /// The end of an attempt's output; empty where there is none any more.
    async fn excerpt(&self, attempt: AttemptId) -> Vec<u8>;
}

/// Of a build of which nothing was kept.
pub struct NoExcerpts;

#[async_trait]
impl Excerpts for NoExcerpts {
    async fn excerpt(&self, _attempt: AttemptId) -> Vec<u8> {
        Vec::new()
    }
}

/// Makes the report of a build that ended.
pub async fn report_of(
    facts: &BuildFacts,
    ended: Time,
    outcome: &Outcome,
    format: &LogFormat,
    excerpts: &dyn Excerpts,
) -> BuildReport {
    let certificate = facts.ended.as_ref().map(|(_, _, certificate)| certificate);
    let since = |at: Time| at.since(facts.submitted);
    BuildReport {
        project: facts.spec.project.clone(),
        builder: facts.spec.builder.clone(),
        rev: facts.spec.rev.clone(),
        outcome: outcome.clone(),
        started_unix_ms: facts.submitted.as_nanos() / 1_000_000,
        ended_unix_ms: ended.as_nanos() / 1_000_000,
        took: since(ended),
        aggregate: certificate.map(|c| c.aggregate).unwrap_or_default(),
        saved: certificate.map(Certificate::saved).unwrap_or_default(),
        tests: tests(excerpts, facts).await,
        attempts: spans(facts, ended),
        buildlets: facts
            .leases
            .values()
            .map(|lease| BuildletSpan {
                name: lease.machine.name.clone(),
                role: lease.role,
                joined: since(lease.granted),
                left: lease.ended.as_ref().map_or(since(ended), |(at, _)| since(*at)),
                lost: lease.ended.as_ref().and_then(|(_, lost)| lost.as_ref().map(ToString::to_string)),
            })
            .collect(),
        phases: phases(facts, ended),
        certificate: certificate.map(certify),
        plugins: facts
            .spec
            .plugins
            .iter()
            .map(|(role, plugin)| view::PluginUse {
                role: role.clone(),
                name: plugin.name.clone(),
                digest: plugin.digest.clone(),
            })
            .collect(),
        faults: facts
            .faults
            .iter()
            .map(|(role, plugin, fault)| view::Fault {
                plugin: plugin.name.clone(),
                digest: plugin.digest.clone(),
                text: format!("{role} plugin {fault}"),
            })
            .collect(),
        log: format.clone(),
        notes: facts.attempts.values().filter_map(|a| a.ended.as_ref()).flat_map(|end| end.notes.clone()).collect(),
    }
}

fn buildlet(facts: &BuildFacts, attempt: AttemptId) -> String {
    let lease = facts.attempts.get(&attempt).and_then(|attempt| facts.leases.get(&attempt.lease));
    lease.map_or_else(String::new, |lease| lease.machine.name.clone())
}

async fn tests(excerpts: &dyn Excerpts, facts: &BuildFacts) -> Vec<TestResult> {
    let tries = tries(facts);
    let mut shown = 0;
    let mut results = Vec::with_capacity(facts.tests.len());
    for (index, test) in facts.indices().zip(&facts.tests) {
        let Some(verdict) = test.verdict.clone() else { continue };
        let bad = matches!(verdict.kind, VerdictKind::Failed | VerdictKind::Flaky | VerdictKind::Lost);
        let output = match verdict.attempt.filter(|_| bad && shown < MAX_OUTPUTS) {
            Some(attempt) => {
                shown += 1;
                excerpts.excerpt(attempt).await
            }
            None => Vec::new(),
        };
        results.push(TestResult {
            name: test.test.name.clone(),
            suite: test.test.suite.clone(),
            case: test.test.case.clone(),
            buildlet: verdict.attempt.map_or_else(String::new, |attempt| buildlet(facts, attempt)),
            attempts: summaries(facts, test, tries.get(&index).map(Vec::as_slice).unwrap_or_default()),
            verdict,
            output,
            added: test.added,
        });
    }
    results
}

/// The attempts that each test was in, in order.
fn tries(facts: &BuildFacts) -> BTreeMap<TestIndex, Vec<AttemptId>> {
    let mut tries: BTreeMap<TestIndex, Vec<AttemptId>> = BTreeMap::new();
    for (id, attempt) in &facts.attempts {
        for test in &attempt.tests {
            tries.entry(*test).or_default().push(*id);
        }
    }
    tries
}

fn summaries(facts: &BuildFacts, test: &TestFacts, tries: &[AttemptId]) -> Vec<AttemptSummary> {
    let verdict = test.verdict.as_ref();
    let mut retried = test.retried.iter();
    let summary = |id: &AttemptId| {
        let ended = facts.attempts.get(id).and_then(|attempt| attempt.ended.as_ref());
        let final_try = verdict.is_some_and(|verdict| verdict.attempt == Some(*id));
        let (end, failed) = match (final_try, ended) {
            (true, _) => {
                let kind = verdict.map_or(VerdictKind::NotRun, |verdict| verdict.kind);
                (kind.to_string(), kind == VerdictKind::Failed)
            }
            (false, Some(ended)) if ended.end.is_err() => (end_text(&ended.end), false),
            (false, Some(ended)) => match retried.next() {
                Some(message) => (format!("failed: {message}"), true),
                None => (format!("run again: {}", end_text(&ended.end)), false),
            },
            (false, None) => ("not ended".to_owned(), false),
        };
        let duration = verdict.filter(|_| final_try).and_then(|verdict| verdict.duration);
        AttemptSummary { attempt: *id, buildlet: buildlet(facts, *id), end, failed, duration }
    };
    tries.iter().map(summary).collect()
}

fn spans(facts: &BuildFacts, ended: Time) -> Vec<AttemptSpan> {
    let since = |at: Time| at.since(facts.submitted);
    let mut spans = Vec::new();
    for lease in facts.leases.values() {
        if let Some((from, ready)) = facts.set_up_span(lease).filter(|_| lease.role == engine::Role::Helper) {
            spans.push(AttemptSpan {
                buildlet: lease.machine.name.clone(),
                kind: AttemptKind::Setup,
                tests: vec!["bring the snapshot".into()],
                start: since(from),
                end: since(ready),
                text: "ok".into(),
                ok: true,
            });
        }
    }
    spans.extend(main_spans(facts, ended));
    for (id, attempt) in &facts.attempts {
        let end = attempt.ended.as_ref();
        spans.push(AttemptSpan {
            buildlet: buildlet(facts, *id),
            kind: AttemptKind::Exec,
            tests: attempt.tests.iter().map(|test| facts.test(*test).test.name.clone()).collect(),
            start: since(attempt.started),
            end: since(end.map_or(ended, |end| end.at)),
            text: end.map_or_else(String::new, |end| end_text(&end.end)),
            // What still runs has done nothing wrong yet.
            ok: end.is_none_or(|end| matches!(&end.end, Ok(end) if end.is_success())),
        });
    }
    spans.sort_by_key(|span| (span.start, span.buildlet.clone()));
    spans
}

/// What the main buildlet did before the tests.
fn main_spans(facts: &BuildFacts, ended: Time) -> Vec<AttemptSpan> {
    let main = facts.leases.values().find(|lease| lease.role == engine::Role::Main);
    let Some(main) = main else { return Vec::new() };
    let before = |phase: &Phase| matches!(phase, Phase::Prepare | Phase::Make | Phase::Snapshot | Phase::List);
    let spans = phases_with_ends(facts, ended).filter(|(phase, ..)| before(phase));
    spans
        .map(|(phase, start, end)| AttemptSpan {
            buildlet: main.machine.name.clone(),
            kind: AttemptKind::Make,
            tests: vec![phase.to_string()],
            start,
            end,
            text: "ok".into(),
            ok: true,
        })
        .collect()
}

fn phases_with_ends(facts: &BuildFacts, ended: Time) -> impl Iterator<Item = (Phase, Duration, Duration)> + '_ {
    let since = |at: Time| at.since(facts.submitted);
    let ends = facts.phases.iter().skip(1).map(|(_, at)| *at).chain([ended]);
    facts.phases.iter().zip(ends).map(move |((phase, start), end)| (*phase, since(*start), since(end)))
}

fn phases(facts: &BuildFacts, ended: Time) -> Vec<PhaseSpan> {
    phases_with_ends(facts, ended)
        .filter(|(phase, ..)| *phase != Phase::Done)
        .map(|(phase, start, end)| PhaseSpan { name: phase.to_string(), start, end })
        .collect()
}

fn certify(certificate: &Certificate) -> view::Certificate {
    let differences = certificate.parts.iter().filter(|part| !part.span.is_zero()).map(|part| {
        let text = match part.why {
            Why::LateHelpers => "machines came after the tests had begun",
            Why::LostMachines => "what they had not told ran again, and they were missing",
            Why::ExecOverhead => "each exec costs its start, and there were more than machines",
            Why::Misestimates => "machines waited for a group that took longer than expected",
            Why::LongTest => "machines waited for a test that is longer than an even share",
            Why::Rest => "output, plugins, tests that ran again, and the coordinator itself",
        };
        view::Difference { label: part.why.to_string(), time: part.span, text: text.to_owned() }
    });
    let mut differences: Vec<_> = differences.collect();
    differences.sort_by_key(|difference| std::cmp::Reverse(difference.time));
    let statement = if certificate.tests == certificate.judged {
        format!("each of {} tests has exactly one verdict", certificate.tests)
    } else {
        format!("{} of {} tests have a verdict", certificate.judged, certificate.tests)
    };
    view::Certificate { lower_bound: certificate.lower_bound, took: certificate.tests_took, differences, statement }
}
