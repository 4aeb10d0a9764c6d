//! What is durably known of the parts of a build: claims, tests, attempts.

use std::time::Duration;

use crate::{
    AttemptId, CommandEnd, Estimate, ExecFailure, LeaseId, Machine, ReturnCause, Role, Status, Test, TestIndex, Time,
    Verdict, VerdictKind,
};

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
    /// What attempts told of it, if it was not listed.
    pub told: Vec<(AttemptId, Status)>,
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
    /// We ended it.
    pub called_back: Option<CalledBack>,
    /// When and how it ended.
    pub ended: Option<AttemptEndFacts>,
}

impl AttemptFacts {
    /// Whether both were under way at some moment.
    pub fn overlaps(&self, other: &AttemptFacts) -> bool {
        let before = |from: &AttemptFacts, to: &AttemptFacts| to.ended.as_ref().is_none_or(|end| from.started < end.at);
        before(self, other) && before(other, self)
    }
}

/// Why we ended an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalledBack {
    /// The test that ran over its limit, if it was that.
    pub overdue: Option<TestIndex>,
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

impl TestFacts {
    pub(super) fn new(test: &Test, added: bool) -> TestFacts {
        TestFacts {
            test: test.clone(),
            added,
            estimate: None,
            exec_failures: Vec::new(),
            unreported: 0,
            retried: Vec::new(),
            max_group: None,
            told: Vec::new(),
            verdict: None,
        }
    }

    /// What nobody listed has its first verdict by what an attempt told.
    pub(super) fn judge(&mut self, verdict: &Verdict) {
        let status = match verdict.kind {
            VerdictKind::Passed => Some(Status::Passed),
            VerdictKind::Failed => Some(Status::Failed),
            VerdictKind::Skipped => Some(Status::Skipped),
            VerdictKind::Flaky | VerdictKind::Lost | VerdictKind::NotRun => None,
        };
        if self.added && self.verdict.is_none() {
            self.told.extend(verdict.attempt.zip(status));
        }
        self.verdict = Some(verdict.clone());
    }

    pub(super) fn give_back(&mut self, cause: &ReturnCause, max_group: Option<u32>) {
        self.max_group = builtin::narrower(self.max_group, max_group);
        match cause {
            ReturnCause::ExecFailed(failure) => self.exec_failures.push(failure.clone()),
            ReturnCause::Unreported => self.unreported += 1,
            ReturnCause::Retried(message) => self.retried.push(message.clone()),
            ReturnCause::CutShort(_) => {}
        }
    }
}
