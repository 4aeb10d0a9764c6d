//! A build's durable state: the fold of its records.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{
    AttemptId, BuildSpec, Certificate, ExecFailure, ExecFailureKind, Fact, LeaseId, Outcome, Phase, Phases,
    PluginFault, PluginRef, Record, Role, SnapshotInfo, TestIndex, Time,
};

mod beside;
mod parts;
mod restart;

pub use parts::{AttemptEndFacts, AttemptFacts, CalledBack, LeaseFacts, TestFacts};
pub use restart::RestartFacts;

/// What is durably known of a build.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildFacts {
    /// As submitted.
    pub spec: BuildSpec,
    /// When.
    pub submitted: Time,
    /// Higher goes first: as submitted, until it is changed.
    pub priority: i32,
    /// Phases in the order they began.
    pub phases: Vec<(Phase, Time)>,
    /// Every claim the build ever had.
    pub leases: BTreeMap<LeaseId, LeaseFacts>,
    /// The snapshot of the made tree, and whether an earlier build made it.
    pub snapshot: Option<(SnapshotInfo, bool)>,
    /// In listed order; added ones follow.
    pub tests: Vec<TestFacts>,
    /// By their names: a runner may report tens of thousands that nobody listed.
    names: BTreeMap<String, TestIndex>,
    /// Restarts of the coordinator while the build was under way.
    pub restarts: Vec<RestartFacts>,
    /// What the phases are expected to take.
    pub expected: Phases,
    /// Every attempt.
    pub attempts: BTreeMap<AttemptId, AttemptFacts>,
    /// How many decisions were taken.
    pub decisions: u64,
    /// Groups that failed as a whole.
    pub blames: Vec<(Vec<TestIndex>, String)>,
    /// Plugins that failed: role, version, fault.
    pub faults: Vec<(String, PluginRef, PluginFault)>,
    /// Someone wants it stopped.
    pub cancel: Option<String>,
    /// How it ended.
    pub ended: Option<(Time, Outcome, Certificate)>,
}

impl BuildFacts {
    /// The state that a submission makes.
    pub fn new(spec: BuildSpec, at: Time) -> BuildFacts {
        BuildFacts {
            expected: spec.phases,
            priority: spec.priority,
            spec,
            submitted: at,
            phases: Vec::new(),
            leases: BTreeMap::new(),
            restarts: Vec::new(),
            snapshot: None,
            tests: Vec::new(),
            names: BTreeMap::new(),
            attempts: BTreeMap::new(),
            decisions: 0,
            blames: Vec::new(),
            faults: Vec::new(),
            cancel: None,
            ended: None,
        }
    }

    /// Folds a build's records, oldest first; none if they do not begin with its submission.
    pub fn fold<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<BuildFacts> {
        let mut records = records.into_iter();
        let first = records.next()?;
        let Fact::Submitted(spec) = &first.fact else { return None };
        let mut facts = BuildFacts::new(spec.as_ref().clone(), first.at);
        for record in records {
            facts.apply(record.at, &record.fact);
        }
        Some(facts)
    }

    /// Takes in one fact. Everything that is durable changes here.
    pub fn apply(&mut self, at: Time, fact: &Fact) {
        match fact {
            Fact::Submitted(_) => {}
            Fact::PhaseBegan(phase) => self.phases.push((*phase, at)),
            Fact::LeaseGranted { lease, role, machine } => {
                let facts = LeaseFacts { role: *role, machine: machine.clone(), granted: at, ready: None, ended: None };
                self.leases.insert(*lease, facts);
            }
            Fact::LeaseRefused { .. } => {}
            Fact::LeaseReady { lease } => self.change_lease(*lease, |facts| facts.ready = Some(at)),
            Fact::Restarted { leases } => self.restarts.push(RestartFacts::new(at, leases)),
            Fact::LeaseAdopted { lease } => restart::answered(&mut self.restarts, *lease, true),
            Fact::LeaseEnded { lease, lost } => {
                restart::answered(&mut self.restarts, *lease, false);
                self.change_lease(*lease, |facts| facts.ended = Some((at, lost.clone())));
            }
            Fact::SnapshotReady { info, reused } => self.snapshot = Some((info.clone(), *reused)),
            Fact::TestsListed(tests) => {
                self.tests = tests.iter().map(|test| TestFacts::new(test, false)).collect();
                self.names = self.indices().zip(tests).map(|(index, test)| (test.name.clone(), index)).collect();
            }
            Fact::Estimated { tests, phases, .. } => {
                self.expected = *phases;
                for (facts, estimate) in self.tests.iter_mut().zip(tests) {
                    facts.estimate = Some(estimate.clone());
                }
            }
            Fact::Decided { seq, .. } => self.decisions = *seq,
            Fact::AttemptStarted { attempt, lease, tests } => {
                let (lease, tests) = (*lease, tests.clone());
                let facts = AttemptFacts { lease, tests, started: at, called_back: None, ended: None };
                self.attempts.insert(*attempt, facts);
            }
            Fact::AttemptCalledBack { attempt, overdue } => {
                if let Some(facts) = self.attempts.get_mut(attempt) {
                    facts.called_back = Some(CalledBack { overdue: *overdue });
                }
            }
            Fact::AttemptEnded { attempt, end, took, overhead, notes } => {
                if let Some(facts) = self.attempts.get_mut(attempt) {
                    let (end, took, overhead, notes) = (end.clone(), *took, *overhead, notes.clone());
                    facts.ended = Some(AttemptEndFacts { at, end, took, overhead, notes });
                }
            }
            Fact::TestReturned { test, cause, max_group } => {
                self.change_test(*test, |facts| facts.give_back(cause, *max_group));
            }
            Fact::TestAdded(test) => {
                self.tests.push(TestFacts::new(test, true));
                self.names.extend(self.indices().next_back().map(|index| (test.name.clone(), index)));
            }
            Fact::Blamed { tests, text } => self.blames.push((tests.clone(), text.clone())),
            Fact::ToldAgain { test, attempt, status } => {
                self.change_test(*test, |facts| facts.told.push((*attempt, *status)));
            }
            Fact::Verdict { test, verdict } => self.change_test(*test, |facts| facts.judge(verdict)),
            Fact::PluginFaulted { role, plugin, fault } => {
                self.faults.push((role.clone(), plugin.clone(), fault.clone()));
            }
            Fact::CancelAsked { cause } => self.cancel = Some(cause.clone()),
            Fact::PriorityChanged { priority } => self.priority = *priority,
            Fact::Ended { outcome, certificate } => {
                self.ended = Some((at, outcome.clone(), certificate.as_ref().clone()));
            }
        }
    }

    fn change_lease(&mut self, lease: LeaseId, change: impl FnOnce(&mut LeaseFacts)) {
        if let Some(facts) = self.leases.get_mut(&lease) {
            change(facts);
        }
    }

    fn change_test(&mut self, test: TestIndex, change: impl FnOnce(&mut TestFacts)) {
        if let Some(facts) = self.tests.get_mut(test.0 as usize) {
            change(facts);
        }
    }

    /// The test of this name, if one was listed or added.
    pub fn find_test(&self, name: &str) -> Option<TestIndex> {
        self.names.get(name).copied()
    }

    /// The test at this place of the list.
    pub fn test(&self, index: TestIndex) -> &TestFacts {
        &self.tests[index.0 as usize]
    }

    /// The phase it is in.
    pub fn phase(&self) -> Phase {
        self.phases.last().map_or(Phase::Queue, |(phase, _)| *phase)
    }

    /// When it entered this phase, the last time it did.
    pub fn began(&self, phase: Phase) -> Option<Time> {
        self.phases.iter().rev().find(|(p, _)| *p == phase).map(|(_, at)| *at)
    }

    /// How long its completed stays in a phase took; a stay that goes on counts up to `now`.
    pub fn time_in(&self, phase: Phase, now: Time) -> Duration {
        let ends = self.phases.iter().skip(1).map(|(_, at)| *at).chain([now]);
        self.phases.iter().zip(ends).filter(|((p, _), _)| *p == phase).map(|((_, from), to)| to.since(*from)).sum()
    }

    /// When a machine of this claim could begin to bring over the tree, and when the tree stood there. A helper that
    /// was there early first waits for the snapshot.
    pub fn set_up_span(&self, lease: &LeaseFacts) -> Option<(Time, Time)> {
        let snapshot = self.began(Phase::Snapshot).or(self.began(Phase::List));
        let from = snapshot.map_or(lease.granted, |snapshot| snapshot.max(lease.granted));
        let ready = lease.ready?;
        Some((from.min(ready), ready))
    }

    /// The listed order's indices.
    pub fn indices(&self) -> impl DoubleEndedIterator<Item = TestIndex> + use<> {
        (0..u32::try_from(self.tests.len()).expect("tests are counted in 32 bits")).map(TestIndex)
    }

    /// Whether every test has its verdict.
    pub fn all_judged(&self) -> bool {
        self.tests.iter().all(|facts| facts.verdict.is_some())
    }

    /// Claims that are not over.
    pub fn held(&self) -> impl Iterator<Item = LeaseId> {
        self.leases.iter().filter(|(_, lease)| lease.ended.is_none()).map(|(id, _)| *id)
    }

    /// The attempts of the ordered log, in its order: each at the place of the first test that it judged. It only grows
    /// at its end, since neither the place of a test nor the attempt of its verdict ever changes.
    pub fn log_order(&self) -> Vec<AttemptId> {
        let mut printed = BTreeSet::new();
        let judged = self.tests.iter().map_while(|test| test.verdict.as_ref());
        judged.filter_map(|verdict| verdict.attempt).filter(|attempt| printed.insert(*attempt)).collect()
    }

    /// Main buildlets lost so far; those that a restart of the coordinator cost do not count.
    pub fn main_losses(&self) -> u32 {
        let failed = |failure: &ExecFailure| failure.kind != ExecFailureKind::CoordinatorStopped;
        let failed = |end: &(Time, Option<ExecFailure>)| end.1.as_ref().is_some_and(failed);
        let lost = |lease: &&LeaseFacts| lease.role == Role::Main && lease.ended.as_ref().is_some_and(failed);
        u32::try_from(self.leases.values().filter(lost).count()).unwrap_or(u32::MAX)
    }
}
