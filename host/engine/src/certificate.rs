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

use crate::{
    AttemptEndFacts, AttemptFacts, AttemptId, BuildFacts, ExecFailureKind, Phase, TestFacts, Time, VerdictKind,
};

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

/// The test phase in the numbers that the bound and the parts are made of.
struct TestPhase<'a> {
    facts: &'a BuildFacts,
    from: Time,
    now: Time,
    /// The most that were there at once.
    machines: u32,
    /// When machines came, the first ones first.
    arrivals: Vec<Duration>,
    /// What an exec costs.
    overhead: Duration,
    /// All tests.
    total: Duration,
    /// When the last group was started: from then on nothing waited.
    last_start: Time,
}

impl<'a> TestPhase<'a> {
    fn of(facts: &'a BuildFacts, from: Time, now: Time) -> TestPhase<'a> {
        let mut arrivals: Vec<Duration> =
            facts.leases.values().filter_map(|lease| lease.ready).map(|at| at.since(from)).collect();
        arrivals.sort_unstable();
        TestPhase {
            facts,
            from,
            now,
            machines: most_at_once(facts),
            arrivals,
            overhead: mean_overhead(facts),
            total: durations(facts).sum(),
            last_start: facts.attempts.values().map(|attempt| attempt.started).max().unwrap_or(from),
        }
    }

    /// Each reason but the rest, and how much it would explain.
    fn wanted(&self) -> [(Why, Duration); 5] {
        let waited = self.waited();
        let misestimates = waited.min(self.share(self.overrun() * (self.machines.max(1) - 1)));
        let long_test = if self.ends_in_long_test() { waited - misestimates } else { Duration::ZERO };
        let seen = count(self.ended().filter(|(_, _, end)| end.end.is_ok()).count());
        [
            (Why::LateHelpers, self.bound(&self.arrivals).saturating_sub(self.bound(&[]))),
            (Why::LostMachines, self.share(self.lost_work() + self.absence())),
            (Why::ExecOverhead, self.share(self.overhead * seen.saturating_sub(self.machines))),
            (Why::Misestimates, misestimates),
            (Why::LongTest, long_test),
        ]
    }

    /// The lower bound, where machines come at these times; those that are missing are there from the start.
    fn bound(&self, arrivals: &[Duration]) -> Duration {
        let came = |k: usize| arrivals.get(k).copied().unwrap_or_default();
        let mut sum = self.total;
        let spread = (0..self.machines.max(1)).map(|k| {
            sum += came(k as usize);
            sum / (k + 1)
        });
        // Where nothing ran, nothing was bound to take any time.
        let Some(longest) = durations(self.facts).max() else { return Duration::ZERO };
        self.overhead + spread.min().unwrap_or_default().max(came(0) + longest)
    }

    fn share(&self, span: Duration) -> Duration {
        span / self.machines.max(1)
    }

    fn ended(&self) -> impl Iterator<Item = (AttemptId, &'a AttemptFacts, &'a AttemptEndFacts)> + use<'a> {
        self.facts.attempts.iter().filter_map(|(id, attempt)| Some((*id, attempt, attempt.ended.as_ref()?)))
    }

    /// Tests that have their verdict from this attempt, and their lengths.
    fn gave(&self, id: AttemptId, attempt: &'a AttemptFacts) -> impl Iterator<Item = (&'a TestFacts, Duration)> {
        attempt.tests.iter().map(|index| self.facts.test(*index)).filter_map(move |test| {
            let verdict = test.verdict.as_ref().filter(|verdict| verdict.attempt == Some(id))?;
            Some((test, verdict.duration?))
        })
    }

    /// What attempts without an end took, apart from what they had told before. A coordinator that stops loses no
    /// machine.
    fn lost_work(&self) -> Duration {
        let stopped = ExecFailureKind::CoordinatorStopped;
        let lost = self.ended().filter(|(_, _, end)| end.end.as_ref().is_err_and(|failure| failure.kind != stopped));
        lost.map(|(id, attempt, end)| {
            let told: Duration = self.gave(id, attempt).map(|(_, took)| took).sum();
            end.at.since(attempt.started).saturating_sub(told)
        })
        .sum()
    }

    /// How long lost machines were missing: until another came in their place, or until nothing was left to start.
    fn absence(&self) -> Duration {
        let lost = |lease: &crate::LeaseFacts| match (lease.ready, &lease.ended) {
            (Some(_), Some((at, Some(_)))) => Some(at.since(self.from)),
            _ => None,
        };
        let mut losses: Vec<Duration> = self.facts.leases.values().filter_map(lost).collect();
        losses.sort_unstable();
        let last_start = self.last_start.since(self.from);
        let mut others = self.arrivals.iter().skip(self.machines as usize);
        let missing = losses.into_iter().map(|at| {
            let back = others.find(|arrival| **arrival >= at).copied().unwrap_or(last_start);
            back.min(last_start).saturating_sub(at)
        });
        missing.sum()
    }

    /// How long machines waited, on the average, after the last group was started.
    fn waited(&self) -> Duration {
        let busy: Duration = self
            .facts
            .attempts
            .values()
            .map(|attempt| {
                let until = attempt.ended.as_ref().map_or(self.now, |end| end.at);
                until.since(attempt.started.max(self.last_start))
            })
            .sum();
        self.share((self.now.since(self.last_start) * self.machines).saturating_sub(busy))
    }

    /// The group whose end came last.
    fn last_group(&self) -> Option<(AttemptId, &'a AttemptFacts, &'a AttemptEndFacts)> {
        self.ended().filter(|(_, _, end)| end.end.is_ok()).max_by_key(|(id, _, end)| (end.at, *id))
    }

    /// How much longer the last group took than was expected of it.
    fn overrun(&self) -> Duration {
        let Some((id, attempt, _)) = self.last_group() else { return Duration::ZERO };
        // A test that nothing was known of was not expected to take any time, whatever stood in for its estimate.
        let expected = |test: &TestFacts| {
            test.estimate
                .as_ref()
                .map(|estimate| if estimate.source.is_known() { estimate.expected } else { Duration::ZERO })
        };
        let estimated = self.gave(id, attempt).filter_map(|(test, took)| Some((took, expected(test)?)));
        let (took, expected) = estimated.fold((Duration::ZERO, Duration::ZERO), |(took, expected), (one, of_it)| {
            (took + one, expected.saturating_add(of_it))
        });
        took.saturating_sub(expected)
    }

    /// Whether the last group is one test that takes longer than an even share of all tests.
    fn ends_in_long_test(&self) -> bool {
        let even = self.share(self.total);
        self.last_group().is_some_and(|(id, attempt, _)| {
            attempt.tests.len() == 1 && self.gave(id, attempt).any(|(_, took)| took > even)
        })
    }
}

/// The most machines that had the made tree at the same time.
fn most_at_once(facts: &BuildFacts) -> u32 {
    let mut changes: Vec<(Time, bool)> = Vec::new();
    for lease in facts.leases.values() {
        let Some(ready) = lease.ready else { continue };
        changes.push((ready, true));
        changes.extend(lease.ended.as_ref().map(|(at, _)| (*at, false)));
    }
    // Of one moment's changes those that leave are first.
    changes.sort_unstable();
    let (mut there, mut most) = (0u32, 0);
    for (_, came) in changes {
        there = if came { there + 1 } else { there.saturating_sub(1) };
        most = most.max(there);
    }
    most
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

#[cfg(test)]
mod tests;
