//! Where the time of a build went: the lower bound, the time it took, and every difference between them.
//!
//! The bound is that of list scheduling with late machines and a cost per exec: with `m` machines ready at `a_i`
//! after the first, exec cost `g`, test total `P` and longest indivisible test `p`, no schedule ends before
//! `max((P + sum a_i + m g) / m, min a_i + g + p)`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BuildFacts, Phase, TestFacts, Time, VerdictKind};

/// Where the time of a build went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// From its submission to its end.
    pub took: Duration,
    /// Waiting, preparing, making, snapshotting and listing.
    pub before_tests: Duration,
    /// The test phase.
    pub tests_took: Duration,
    /// No schedule of these tests on these machines would have ended sooner.
    pub lower_bound: Duration,
    /// What lies between the bound and the time the tests took; the spans add up to it.
    pub parts: Vec<Part>,
    /// The sum of all tests.
    pub aggregate: Duration,
    /// Machines that tested.
    pub machines: u32,
    /// Tests that were listed or added, and how many of them have exactly one verdict.
    pub tests: u32,
    /// See `tests`: equal, or the build is not over.
    pub judged: u32,
}

/// One reason for the time beyond the bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which.
    pub why: Why,
    /// How much of the difference it explains.
    pub span: Duration,
}

/// Reasons for time beyond the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// More execs than machines: each costs its start.
    ExecOverhead,
    /// Attempts that gave no verdict: lost machines, groups that were run again.
    LostWork,
    /// Machines waited at the end for others' last groups: estimates were off, or one test was long.
    Imbalance,
    /// What is left: output, plugins, the coordinator itself.
    Rest,
}

impl Certificate {
    /// Of a build that is about to end.
    pub fn of(facts: &BuildFacts, now: Time) -> Certificate {
        let tested_from = facts.phases.iter().find(|(phase, _)| *phase == Phase::Test).map(|(_, at)| *at);
        let tests_took = tested_from.map_or(Duration::ZERO, |from| now.since(from));
        let took = now.since(facts.submitted);
        let counted = |facts: &&TestFacts| facts.verdict.is_some();
        let mut certificate = Certificate {
            took,
            before_tests: took.saturating_sub(tests_took),
            tests_took,
            aggregate: durations(facts).sum(),
            tests: count(facts.tests.len()),
            judged: count(facts.tests.iter().filter(counted).count()),
            ..Certificate::default()
        };
        if let Some(from) = tested_from {
            certificate.explain(facts, from, now);
        }
        certificate
    }

    fn explain(&mut self, facts: &BuildFacts, from: Time, now: Time) {
        let arrivals: Vec<Duration> =
            facts.leases.values().filter_map(|lease| lease.ready).map(|at| at.since(from)).collect();
        self.machines = count(arrivals.len());
        let machines = self.machines.max(1);
        let overhead = mean_overhead(facts);
        let longest = durations(facts).max().unwrap_or_default();
        let first = arrivals.iter().min().copied().unwrap_or_default();
        let spread = (self.aggregate + arrivals.iter().sum::<Duration>() + overhead * machines) / machines;
        self.lower_bound = spread.max(first + overhead + longest).min(self.tests_took);

        let ends: Vec<_> = facts.attempts.values().filter_map(|a| a.ended.as_ref().map(|end| (a, end))).collect();
        let extra_execs = count(ends.len()).saturating_sub(machines);
        let lost: Duration = ends.iter().filter(|(_, end)| end.end.is_err()).map(|(_, end)| end.took).sum();
        let last_end = |lease| ends.iter().filter(|(a, _)| a.lease == lease).map(|(_, end)| end.at).max();
        let waits: Duration = facts
            .leases
            .iter()
            .filter(|(_, lease)| lease.ready.is_some() && !matches!(lease.ended, Some((_, Some(_)))))
            .filter_map(|(id, _)| last_end(*id))
            .map(|end| now.since(end))
            .sum();
        let wanted = [
            (Why::ExecOverhead, overhead * extra_execs / machines),
            (Why::LostWork, lost / machines),
            (Why::Imbalance, waits / machines),
        ];
        let mut left = self.tests_took - self.lower_bound;
        for (why, span) in wanted {
            let span = span.min(left);
            left -= span;
            self.parts.push(Part { why, span });
        }
        self.parts.push(Part { why: Why::Rest, span: left });
    }

    /// Time saved against running all tests one after the other on one machine.
    pub fn saved(&self) -> Duration {
        self.aggregate.saturating_sub(self.tests_took)
    }
}

fn durations(facts: &BuildFacts) -> impl Iterator<Item = Duration> + '_ {
    facts.tests.iter().filter_map(|test| {
        let verdict = test.verdict.as_ref()?;
        match verdict.kind {
            VerdictKind::Passed | VerdictKind::Failed | VerdictKind::Flaky => verdict.duration,
            VerdictKind::Skipped | VerdictKind::Lost | VerdictKind::NotRun => None,
        }
    })
}

/// What one exec cost before its first test: the mean of what was seen, else what was expected.
pub(crate) fn mean_overhead(facts: &BuildFacts) -> Duration {
    let seen = facts.attempts.values().filter_map(|a| a.ended.as_ref()?.overhead);
    let (sum, number) = seen.fold((Duration::ZERO, 0u32), |(sum, number), one| (sum + one, number + 1));
    if number == 0 { facts.expected.exec_overhead } else { sum / number }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
