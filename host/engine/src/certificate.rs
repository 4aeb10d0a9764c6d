//! Where the time of a build went: the lower bound, the time it took, and every difference between them.
//!
//! The bound is that of list scheduling with a cost per exec: with at most `m` machines there at once, exec cost `g`,
//! test total `P` and longest indivisible test `p`, no schedule ends before `max(P / m + g, g + p)`. Where the `k`-th
//! machine comes `a_k` after the tests began, none ends before `max(min_k (P + a_1 + ... + a_k) / k + g, a_1 + g + p)`
//! either (a machine that comes when the others are through helps nobody, hence the minimum); what lies between these
//! two is the late helpers' part. All other parts are machine time that gave no verdict, divided by `m`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BuildFacts, Phase, TestFacts, Time};

mod test_phase;

use test_phase::{TestPhase, count, durations};

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
    /// The sum of all listed tests.
    pub aggregate: Duration,
    /// The most machines that could test at the same time.
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
    /// Machines that came after the tests had begun.
    LateHelpers,
    /// Machines that were lost: what they had not told, and their absence until others came or nothing was left.
    LostMachines,
    /// More execs than machines: each costs its start.
    ExecOverhead,
    /// Machines waited at the end, because the last group took longer than was expected of it.
    Misestimates,
    /// Machines waited at the end for one test that is longer than an even share of all.
    LongTest,
    /// What is left: output, plugins, tests that ran again, groups that did not end at once, the coordinator itself.
    Rest,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::LateHelpers => "late helpers",
            Why::LostMachines => "lost machines",
            Why::ExecOverhead => "exec overhead",
            Why::Misestimates => "misestimates",
            Why::LongTest => "one long test",
            Why::Rest => "the rest",
        })
    }
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
        let phase = TestPhase::of(facts, from, now);
        self.machines = phase.machines;
        self.lower_bound = phase.bound(&[]).min(self.tests_took);
        let mut left = self.tests_took - self.lower_bound;
        for (why, span) in phase.wanted() {
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

#[cfg(test)]
mod tests;
