//! What a policy is told after a restart: its run is constructed as it was when the tests began, and then told all that
//! happened since, what it had started included. So it decides as one that was there all along.
//!
//! Nothing of that is recorded for its own sake: it follows from the build's records, in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Build;
use super::attempts::overhead_to_tell;
use super::leases::{seen, worker_id};
use crate::policy::{Observed, RunInput, Worker};
use crate::{AttemptId, BuildFacts, Fact, LeaseId, Phase, Record, Role, TestIndex, Time, VerdictKind};

impl Build {
    /// Prepares what the policy is told with its first question, if its tests had begun. The records are this build's.
    pub(super) fn retell(&mut self, records: &[&Record]) {
        if self.live.policy.built_in {
            return;
        }
        let mut story = Story::new(&self.facts);
        records.iter().for_each(|record| story.take_in(record));
        story.tell_end();
        let Story { zero: Some(_), workers, observed, told_overhead, .. } = story else { return };
        // Machines that came meanwhile were expected then, as are now those that are still to come.
        let joined = observed.iter().filter(|told| matches!(told, Observed::Joined(_))).count();
        let to_come = self.facts.leases.values().filter(|lease| lease.ended.is_none() && lease.ready.is_none()).count();
        let listed = self.facts.indices().filter(|index| !self.facts.test(*index).added);
        self.live.policy.begin = Some(RunInput {
            items: listed.map(|index| self.item(index)).collect(),
            workers: workers.into_values().collect(),
            phases: self.facts.expected,
            expected_workers: u32::try_from(joined + to_come).unwrap_or(u32::MAX),
        });
        self.live.policy.observed = observed;
        self.live.policy.told_overhead = told_overhead;
    }
}

/// A build's life as its policy saw it.
struct Story<'a> {
    facts: &'a BuildFacts,
    /// When the tests began.
    zero: Option<Time>,
    /// Machines that were ready when the tests began.
    workers: BTreeMap<LeaseId, Worker>,
    ready: BTreeSet<LeaseId>,
    /// In how many attempts a test is.
    running: BTreeMap<TestIndex, u32>,
    judged: BTreeSet<TestIndex>,
    /// The attempt whose end is being told.
    end: Option<End>,
    /// Sorted.
    overheads: Vec<Duration>,
    told_overhead: Duration,
    observed: Vec<Observed>,
}

/// What came of an attempt.
struct End {
    attempt: AttemptId,
    took: Duration,
    finished: Vec<(u32, Option<Duration>)>,
    /// Tests that go back, with the most tests of a group that each may be in.
    returned: BTreeMap<TestIndex, Option<u32>>,
}

impl Story<'_> {
    fn new(facts: &BuildFacts) -> Story<'_> {
        Story {
            facts,
            zero: None,
            workers: BTreeMap::new(),
            ready: BTreeSet::new(),
            running: BTreeMap::new(),
            judged: BTreeSet::new(),
            end: None,
            overheads: Vec::new(),
            told_overhead: Duration::ZERO,
            observed: Vec::new(),
        }
    }

    fn take_in(&mut self, record: &Record) {
        match &record.fact {
            Fact::PhaseBegan(Phase::Test) => self.zero = self.zero.or(Some(record.at)),
            Fact::LeaseReady { lease } => self.came(*lease),
            Fact::LeaseEnded { lease, lost } => self.left(*lease, lost.is_some()),
            Fact::AttemptStarted { lease, tests, .. } => self.started(record.at, *lease, tests),
            Fact::AttemptEnded { attempt, took, overhead, .. } => {
                self.tell_end();
                if let Some(overhead) = overhead {
                    let at = self.overheads.partition_point(|other| other < overhead);
                    self.overheads.insert(at, *overhead);
                }
                let (finished, returned) = (Vec::new(), BTreeMap::new());
                self.end = Some(End { attempt: *attempt, took: *took, finished, returned });
            }
            Fact::TestReturned { test, max_group, .. } => {
                if let Some(end) = &mut self.end {
                    end.returned.insert(*test, *max_group);
                }
            }
            Fact::Verdict { test, verdict } => {
                self.judged.insert(*test);
                let Some(end) = self.end.as_mut().filter(|end| verdict.attempt == Some(end.attempt)) else { return };
                end.returned.remove(test);
                // A policy is not told of one that could not be run.
                if verdict.kind != VerdictKind::Lost {
                    end.finished.push((test.0, verdict.duration));
                }
            }
            Fact::Submitted(_)
            | Fact::PhaseBegan(_)
            | Fact::LeaseGranted { .. }
            | Fact::LeaseRefused { .. }
            | Fact::Restarted { .. }
            | Fact::LeaseAdopted { .. }
            | Fact::SnapshotReady { .. }
            | Fact::TestsListed(_)
            | Fact::Estimated { .. }
            | Fact::Decided { .. }
            | Fact::AttemptCalledBack { .. }
            | Fact::TestAdded(_)
            | Fact::ToldAgain { .. }
            | Fact::Blamed { .. }
            | Fact::PluginFaulted { .. }
            | Fact::CancelAsked { .. }
            | Fact::PriorityChanged { .. }
            | Fact::Ended { .. } => {}
        }
    }

    fn came(&mut self, lease: LeaseId) {
        self.tell_end();
        let Some(facts) = self.facts.leases.get(&lease) else { return };
        let worker = seen(lease, facts, facts.role == Role::Main);
        self.ready.insert(lease);
        if self.zero.is_some() {
            self.observed.push(Observed::Joined(worker));
        } else {
            self.workers.insert(lease, worker);
        }
    }

    fn left(&mut self, lease: LeaseId, lost: bool) {
        self.tell_end();
        let (ready, worker) = (self.ready.remove(&lease), worker_id(lease));
        if self.zero.is_none() {
            self.workers.remove(&lease);
        } else if ready {
            self.observed.push(if lost { Observed::Lost(worker) } else { Observed::Left(worker) });
        }
    }

    fn started(&mut self, at: Time, lease: LeaseId, tests: &[TestIndex]) {
        self.tell_end();
        for test in tests {
            *self.running.entry(*test).or_default() += 1;
        }
        let at = at.since(self.zero.unwrap_or(at));
        let tests = tests.iter().map(|test| test.0).collect();
        self.observed.push(Observed::Started { worker: worker_id(lease), tests, at });
    }

    /// Tells what came of the attempt that ended last. Its verdicts and returns follow its end.
    fn tell_end(&mut self) {
        let Some(End { attempt, took, mut finished, mut returned }) = self.end.take() else { return };
        let Some(facts) = self.facts.attempts.get(&attempt) else { return };
        for test in &facts.tests {
            let copies = self.running.get(test).copied().unwrap_or_default().saturating_sub(1);
            self.running.insert(*test, copies);
            // One that an earlier restart gave up, without a word against it.
            if copies == 0 && !self.judged.contains(test) {
                returned.entry(*test).or_insert(None);
            }
        }
        let members: BTreeSet<TestIndex> = facts.tests.iter().copied().collect();
        finished.retain(|(test, _)| members.contains(&TestIndex(*test)));
        self.observed.push(Observed::Finished { worker: worker_id(facts.lease), tests: finished, took });
        let mut groups: BTreeMap<Option<u32>, Vec<u32>> = BTreeMap::new();
        for (test, max_group) in returned {
            groups.entry(max_group).or_default().push(test.0);
        }
        self.observed.extend(groups.into_iter().map(|(max_group, tests)| Observed::Returned { tests, max_group }));
        let overhead = builtin::median(&self.overheads).unwrap_or(self.facts.expected.exec_overhead);
        if overhead_to_tell(overhead, self.told_overhead) {
            self.told_overhead = overhead;
            self.observed.push(Observed::ExecOverhead(overhead));
        }
    }
}
