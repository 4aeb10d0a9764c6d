//! The test phase of a build in the numbers that the bound and the parts are made of.

use std::time::Duration;

use super::Why;
use crate::{AttemptEndFacts, AttemptFacts, AttemptId, BuildFacts, ExecFailureKind, TestFacts, Time, VerdictKind};

/// The test phase.
pub(super) struct TestPhase<'a> {
    facts: &'a BuildFacts,
    from: Time,
    now: Time,
    /// The most that were there at once.
    pub(super) machines: u32,
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
    pub(super) fn of(facts: &'a BuildFacts, from: Time, now: Time) -> TestPhase<'a> {
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
    pub(super) fn wanted(&self) -> [(Why, Duration); 5] {
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
    pub(super) fn bound(&self, arrivals: &[Duration]) -> Duration {
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
        let beside = self.facts.beside(id);
        let estimated = self.gave(id, attempt).filter_map(|(test, took)| Some((took + beside, expected(test)?)));
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

/// What listed tests took. What was reported without having been listed is a part of one as a rule, and in its time.
pub(super) fn durations(facts: &BuildFacts) -> impl Iterator<Item = Duration> + '_ {
    facts.tests.iter().filter(|test| !test.added).filter_map(|test| {
        let verdict = test.verdict.as_ref()?;
        match verdict.kind {
            VerdictKind::Passed | VerdictKind::Failed | VerdictKind::Flaky => verdict.duration,
            VerdictKind::Skipped | VerdictKind::Lost | VerdictKind::NotRun => None,
        }
    })
}

/// What one exec cost before its first test: the mean of what was seen, else what was expected.
fn mean_overhead(facts: &BuildFacts) -> Duration {
    let seen = facts.attempts.values().filter_map(|a| a.ended.as_ref()?.overhead);
    let (sum, number) = seen.fold((Duration::ZERO, 0u32), |(sum, number), one| (sum + one, number + 1));
    if number == 0 { facts.expected.exec_overhead } else { sum / number }
}

/// As the certificate counts.
pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
