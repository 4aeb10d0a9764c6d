//! A build's durable state: the fold of its records.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{
    AttemptId, BuildSpec, Certificate, CommandEnd, Estimate, ExecFailure, Fact, LeaseId, Machine, Outcome, Phase,
    Phases, PluginFault, PluginRef, Record, ReturnCause, Role, SnapshotInfo, Test, TestIndex, Time, Verdict,
};

/// What is durably known of a build.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildFacts {
    /// As submitted.
    pub spec: BuildSpec,
    /// When.
    pub submitted: Time,
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

/// What is durably known of a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaseFacts {
    /// What it was for.
    pub role: Role,
    /// On what.
    pub machine: Machine,
    /// When.
    pub granted: Time,
    /// When the made tree stood there.
    pub ready: Option<Time>,
    /// When it was over, and how the machine was lost if it was.
    pub ended: Option<(Time, Option<ExecFailure>)>,
}

/// What is durably known of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestFacts {
    /// As listed, or as reported.
    pub test: Test,
    /// It was not listed.
    pub added: bool,
    /// What was expected of it.
    pub estimate: Option<Estimate>,
    /// Exec failures while it may have been running.
    pub exec_failures: Vec<ExecFailure>,
    /// How often it was not mentioned by a group that ended well.
    pub unreported: u32,
    /// Messages of failures after which a retry was asked for.
    pub retried: Vec<String>,
    /// The most tests of a group that it may be in. None is any number.
    pub max_group: Option<u32>,
    /// Its result.
    pub verdict: Option<Verdict>,
}

/// What is durably known of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptFacts {
    /// Where.
    pub lease: LeaseId,
    /// What.
    pub tests: Vec<TestIndex>,
    /// When.
    pub started: Time,
    /// When and how it ended.
    pub ended: Option<AttemptEndFacts>,
}

/// The end of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptEndFacts {
    /// When.
    pub at: Time,
    /// The command's end, or why there is none.
    pub end: Result<CommandEnd, ExecFailure>,
    /// Length of the exec.
    pub took: Duration,
    /// Up to its first test.
    pub overhead: Option<Duration>,
    /// Things to tell of it.
    pub notes: Vec<String>,
}

impl BuildFacts {
    /// The state that a submission makes.
    pub fn new(spec: BuildSpec, at: Time) -> BuildFacts {
        BuildFacts {
            expected: spec.phases,
            spec,
            submitted: at,
            phases: Vec::new(),
            leases: BTreeMap::new(),
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
            Fact::LeaseEnded { lease, lost } => {
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
                let facts = AttemptFacts { lease: *lease, tests: tests.clone(), started: at, ended: None };
                self.attempts.insert(*attempt, facts);
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
            Fact::Verdict { test, verdict } => self.change_test(*test, |facts| facts.verdict = Some(verdict.clone())),
            Fact::PluginFaulted { role, plugin, fault } => {
                self.faults.push((role.clone(), plugin.clone(), fault.clone()));
            }
            Fact::CancelAsked { cause } => self.cancel = Some(cause.clone()),
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

    /// Main buildlets lost so far.
    pub fn main_losses(&self) -> u32 {
        let lost = |lease: &&LeaseFacts| lease.role == Role::Main && matches!(lease.ended, Some((_, Some(_))));
        u32::try_from(self.leases.values().filter(lost).count()).unwrap_or(u32::MAX)
    }
}

impl TestFacts {
    fn new(test: &Test, added: bool) -> TestFacts {
        TestFacts {
            test: test.clone(),
            added,
            estimate: None,
            exec_failures: Vec::new(),
            unreported: 0,
            retried: Vec::new(),
            max_group: None,
            verdict: None,
        }
    }

    fn give_back(&mut self, cause: &ReturnCause, max_group: Option<u32>) {
        self.max_group = builtin::narrower(self.max_group, max_group);
        match cause {
            ReturnCause::ExecFailed(failure) => self.exec_failures.push(failure.clone()),
            ReturnCause::Unreported => self.unreported += 1,
            ReturnCause::Retried(message) => self.retried.push(message.clone()),
            ReturnCause::CutShort(_) => {}
        }
    }
}
