//! Attempts: started, watched, ended, judged.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Build, LeaseState, LiveAttempt};
use crate::engine::Step;
use crate::judge::{Judgement, judge, judge_called_back};
use crate::policy::Observed;
use crate::{
    AttemptEnd, AttemptId, CommandEnd, Effect, ExecFailure, ExecFailureKind, Fact, LeaseId, Report, ReturnCause,
    Status, Task, Test, TestFacts, TestIndex, Time, Verdict, VerdictKind,
};

use super::leases::worker_id;

/// Beyond the limit of an attempt, until its end must have been told.
const END_GRACE: Duration = Duration::from_secs(60);

impl Build {
    fn limit_of(&self, test: TestIndex) -> Duration {
        self.facts.test(test).test.timeout.unwrap_or(self.facts.spec.limits.test)
    }

    pub(super) fn start_attempt(&mut self, step: &mut Step, lease: LeaseId, tests: Vec<TestIndex>) {
        let attempt = step.shared.next_attempt();
        self.record(step, Fact::AttemptStarted { attempt, lease, tests: tests.clone() });
        let sum = tests.iter().fold(Duration::ZERO, |sum, test| sum.saturating_add(self.limit_of(*test)));
        let limit = sum.min(self.facts.spec.limits.build);
        let task = Task::RunGroup { attempt, lease, tests: tests.clone(), limit };
        let op = self.order(step, task, limit + END_GRACE);
        for test in &tests {
            self.live.waiting.remove(test);
            self.live.running.entry(*test).or_default().push(attempt);
            self.note_change(*test);
        }
        self.set_state(lease, LeaseState::Busy(attempt));
        let live = LiveAttempt { op, lease, tests, open: None, timed_out: None, called_back: false };
        self.live.attempts.insert(attempt, live);
    }

    fn note_change(&mut self, test: TestIndex) {
        let questions = self.live.policy.questions;
        self.live.policy.changes.insert(test, questions);
    }

    pub(crate) fn test_started(&mut self, now: Time, attempt: AttemptId, name: &str) {
        let Some(live) = self.live.attempts.get_mut(&attempt) else { return };
        let open = live.tests.iter().find(|index| self.facts.test(**index).test.name == name);
        live.open = open.map(|index| (*index, now));
    }

    pub(crate) fn test_ended(&mut self, attempt: AttemptId, name: &str) {
        let Some(live) = self.live.attempts.get_mut(&attempt) else { return };
        if live.open.is_some_and(|(index, _)| self.facts.test(index).test.name == name) {
            live.open = None;
        }
    }

    /// When the test that runs in this attempt is over its limit.
    pub(super) fn open_deadline(&self, attempt: &LiveAttempt) -> Option<Time> {
        let (test, since) = attempt.open?;
        (!attempt.called_back).then(|| since.plus(self.limit_of(test)))
    }

    /// Calls back attempts whose running test is over its limit.
    pub(super) fn watch_tests(&mut self, step: &mut Step) {
        let over = |(id, live): (&AttemptId, &LiveAttempt)| {
            self.open_deadline(live).is_some_and(|at| at <= step.now).then_some(*id)
        };
        let over: Vec<AttemptId> = self.live.attempts.iter().filter_map(over).collect();
        for attempt in over {
            if let Some(live) = self.live.attempts.get_mut(&attempt) {
                live.timed_out = live.open.map(|(test, _)| test);
            }
            self.call_back(step, attempt);
        }
    }

    /// Ends an attempt soon; its answer still comes.
    pub(super) fn call_back(&mut self, step: &mut Step, attempt: AttemptId) {
        let Some(live) = self.live.attempts.get_mut(&attempt) else { return };
        if !live.called_back {
            live.called_back = true;
            step.effects.push(Effect::Cancel(live.op));
            step.shared.ops.hasten(live.op, step.now.plus(END_GRACE));
        }
    }

    pub(super) fn attempt_ended(&mut self, step: &mut Step, attempt: AttemptId, mut end: AttemptEnd) {
        let Some(live) = self.live.attempts.remove(&attempt) else { return };
        let failure = end.end.as_ref().err().cloned();
        let gone = failure.as_ref().is_some_and(|failure| failure.kind == ExecFailureKind::MachineLost);
        let members: Vec<(TestIndex, &TestFacts)> =
            live.tests.iter().map(|index| (*index, self.facts.test(*index))).collect();
        let beaten = |name: &String| end.reports.iter().any(|report| report.name == *name);
        let over = live.timed_out.map(|test| &self.facts.test(test).test.name).filter(|name| !gone && !beaten(name));
        let tries = self.facts.spec.limits.exec_failures;
        let judgement = if let Some(over) = over {
            // We ended it, because of this test: that is the command's end.
            end.end = Ok(CommandEnd::TimedOut);
            end.open = Some(over.clone());
            end.parsed = true;
            judge(&members, &end, tries)
        } else if live.called_back && !gone && !end.end.as_ref().is_ok_and(CommandEnd::is_success) {
            judge_called_back(&members, &end)
        } else {
            judge(&members, &end, tries)
        };
        let AttemptEnd { end: how, took, overhead, notes, .. } = end;
        self.record(step, Fact::AttemptEnded { attempt, end: how, took, overhead, notes });
        for test in &live.tests {
            if let Some(attempts) = self.live.running.get_mut(test) {
                attempts.retain(|other| *other != attempt);
                if attempts.is_empty() {
                    self.live.running.remove(test);
                }
            }
        }
        self.take_judgement(step, attempt, &live, judgement, took);
        self.free_worker(step, live.lease, attempt, failure.filter(|_| gone || !live.called_back));
        self.tell_overhead();
    }

    /// The machine is idle again; one that failed us is given up.
    fn free_worker(&mut self, step: &mut Step, lease: LeaseId, attempt: AttemptId, failure: Option<ExecFailure>) {
        let busy = self.live.leases.get(&lease).is_some_and(|live| live.state == LeaseState::Busy(attempt));
        if !busy {
            return;
        }
        self.set_state(lease, LeaseState::Idle);
        if let Some(failure) = failure {
            self.end_lease(step, lease, Some(failure));
        }
    }

    fn take_judgement(
        &mut self,
        step: &mut Step,
        attempt: AttemptId,
        live: &LiveAttempt,
        judgement: Judgement,
        took: Duration,
    ) {
        let mut finished = Vec::new();
        for (index, report) in judgement.reported {
            let duration = report.duration;
            if self.take_report(step, attempt, index, report) {
                finished.push((index.0, duration));
            }
        }
        self.observe(Observed::Finished { worker: worker_id(live.lease), tests: finished, took });
        for report in judgement.strangers {
            self.add_reported(step, attempt, report);
        }
        if let Some(text) = judgement.synthetic {
            self.add_group_failure(step, Some(attempt), &live.tests, &text);
        }
        if let Some(text) = judgement.blame {
            let tests = judgement.returned.iter().map(|(index, ..)| *index).collect();
            self.record(step, Fact::Blamed { tests, text });
        }
        let mut returned: BTreeMap<Option<u32>, Vec<u32>> = BTreeMap::new();
        for (index, cause, max_group) in judgement.returned {
            if self.give_back(step, attempt, index, cause, max_group) {
                returned.entry(max_group).or_default().push(index.0);
            }
        }
        for (max_group, tests) in returned {
            self.observe(Observed::Returned { tests, max_group });
        }
    }

    /// A test ran to its end. False if it goes back for a retry.
    fn take_report(&mut self, step: &mut Step, attempt: AttemptId, index: TestIndex, report: Report) -> bool {
        let facts = self.facts.test(index);
        let (duration, attempt) = (report.duration, Some(attempt));
        if let Some(earlier) = &facts.verdict {
            self.second_opinion(step, index, &earlier.clone(), &report);
            return true;
        }
        let retried = facts.retried.first().cloned();
        let verdict = match report.status {
            Status::Passed => match retried {
                Some(message) => Verdict { kind: VerdictKind::Flaky, cause: message, duration, attempt },
                None => Verdict { kind: VerdictKind::Passed, cause: String::new(), duration, attempt },
            },
            Status::Skipped => Verdict { kind: VerdictKind::Skipped, cause: report.message, duration, attempt },
            Status::Failed => {
                let tries = u32::try_from(facts.retried.len()).unwrap_or(u32::MAX);
                if tries < self.facts.spec.retries && self.live.closing.is_none() {
                    let cause = ReturnCause::Retried(report.message);
                    self.record(step, Fact::TestReturned { test: index, cause, max_group: Some(1) });
                    self.wait_again(index);
                    self.observe(Observed::Returned { tests: vec![index.0], max_group: Some(1) });
                    return false;
                }
                Verdict { kind: VerdictKind::Failed, cause: report.message, duration, attempt }
            }
        };
        self.give_verdict(step, index, verdict);
        true
    }

    /// The other copy of a test that has its verdict ended too: if they disagree, the test is flaky.
    fn second_opinion(&mut self, step: &mut Step, index: TestIndex, earlier: &Verdict, report: &Report) {
        let disagree = match (earlier.kind, report.status) {
            (VerdictKind::Passed, Status::Failed) => Some(report.message.clone()),
            (VerdictKind::Failed, Status::Passed) => Some(earlier.cause.clone()),
            _ => None,
        };
        if let Some(message) = disagree {
            let cause = format!("two copies disagree: {message}");
            let verdict = Verdict { kind: VerdictKind::Flaky, cause, ..earlier.clone() };
            self.record(step, Fact::Verdict { test: index, verdict });
        }
    }

    fn give_verdict(&mut self, step: &mut Step, index: TestIndex, verdict: Verdict) {
        let failed = Build::fails(verdict.kind);
        self.settle(step, index, verdict);
        if failed && self.facts.spec.fail_fast && self.live.closing.is_none() {
            self.live.closing = self.failed_fast();
        }
    }

    /// A verdict that ends nothing but its test.
    fn settle(&mut self, step: &mut Step, index: TestIndex, verdict: Verdict) {
        self.live.waiting.remove(&index);
        self.note_change(index);
        self.record(step, Fact::Verdict { test: index, verdict });
        for copy in self.live.running.get(&index).cloned().unwrap_or_default() {
            let only_this = self.live.attempts.get(&copy).is_some_and(|live| live.tests.len() == 1);
            if only_this {
                self.call_back(step, copy);
            }
        }
    }

    fn wait_again(&mut self, index: TestIndex) {
        if self.facts.test(index).verdict.is_none() && !self.live.running.contains_key(&index) {
            self.live.waiting.insert(index);
        }
        self.note_change(index);
    }

    /// A test goes back. False if it does not run again.
    fn give_back(
        &mut self,
        step: &mut Step,
        attempt: AttemptId,
        index: TestIndex,
        cause: ReturnCause,
        max_group: Option<u32>,
    ) -> bool {
        if self.facts.test(index).verdict.is_some() {
            return false;
        }
        self.record(step, Fact::TestReturned { test: index, cause, max_group });
        let facts = self.facts.test(index);
        // A copy that still runs may yet give a verdict.
        let spent = facts.exec_failures.len() >= self.facts.spec.limits.exec_failures as usize;
        if spent && !self.live.running.contains_key(&index) {
            let causes: Vec<String> = facts.exec_failures.iter().map(ToString::to_string).collect();
            let cause = format!("could not be run in {} tries: {}", causes.len(), causes.join("; "));
            let verdict = Verdict { kind: VerdictKind::Lost, cause, duration: None, attempt: Some(attempt) };
            self.give_verdict(step, index, verdict);
            return false;
        }
        self.wait_again(index);
        true
    }

    /// A name that is not of the group: one of another group is evidence only, an unknown one is added.
    fn add_reported(&mut self, step: &mut Step, attempt: AttemptId, report: Report) {
        if let Some(known) = self.facts.find_test(&report.name) {
            return self.report_again(step, known, attempt, &report);
        }
        let test = Test {
            name: report.name.clone(),
            suite: report.suite.clone(),
            case: report.case.clone(),
            ..Test::default()
        };
        let index = self.add(step, test);
        let kind = match report.status {
            Status::Passed => VerdictKind::Passed,
            Status::Failed => VerdictKind::Failed,
            Status::Skipped => VerdictKind::Skipped,
        };
        let verdict = Verdict { kind, cause: report.message, duration: report.duration, attempt: Some(attempt) };
        if self.facts.spec.retries > 0 {
            // If it failed along with a test that is tried again, it may yet pass with it.
            self.settle(step, index, verdict);
        } else {
            self.give_verdict(step, index, verdict);
        }
    }

    /// An added test, a part of a listed one, failed when that did, and passed on the retry that was asked for.
    fn report_again(&mut self, step: &mut Step, index: TestIndex, attempt: AttemptId, report: &Report) {
        let facts = self.facts.test(index);
        let failed = facts.verdict.as_ref().filter(|verdict| verdict.kind == VerdictKind::Failed);
        let Some(earlier) = failed.filter(|verdict| facts.added && verdict.attempt != Some(attempt)) else { return };
        if self.facts.spec.retries > 0 && report.status == Status::Passed {
            let (cause, duration) = (earlier.cause.clone(), report.duration);
            let verdict = Verdict { kind: VerdictKind::Flaky, cause, duration, attempt: Some(attempt) };
            self.record(step, Fact::Verdict { test: index, verdict });
        }
    }

    /// A failure that no single test owns stands for itself.
    pub(super) fn add_group_failure(
        &mut self,
        step: &mut Step,
        attempt: Option<AttemptId>,
        tests: &[TestIndex],
        text: &str,
    ) {
        let Some(first) = tests.first() else { return };
        let first = &self.facts.test(*first).test;
        let name = format!("{} (group of {})", first.name, tests.len());
        let mut named = Test { name, suite: first.suite.clone(), ..Test::default() };
        while self.facts.find_test(&named.name).is_some() {
            named.name.push('\'');
        }
        named.case = named.name.clone();
        let index = self.add(step, named);
        let cause = format!("no test of the group failed, but its command did: {text}");
        self.give_verdict(step, index, Verdict { kind: VerdictKind::Failed, cause, duration: None, attempt });
    }

    fn add(&mut self, step: &mut Step, test: Test) -> TestIndex {
        let index = TestIndex(u32::try_from(self.facts.tests.len()).expect("tests are counted in 32 bits"));
        self.record(step, Fact::TestAdded(test));
        index
    }

    /// Tells the policy what an exec costs, when that changed by more than a tenth.
    fn tell_overhead(&mut self) {
        let (now, told) = (self.overhead(), self.live.policy.told_overhead);
        if now.abs_diff(told) * 10 > told {
            self.live.policy.told_overhead = now;
            self.observe(Observed::ExecOverhead(now));
        }
    }
}
