//! What an attempt's end makes of its tests: verdicts and retries.

use std::collections::BTreeMap;
use std::time::Duration;

use super::leases::worker_id;
use super::{Build, LiveAttempt};
use crate::engine::Step;
use crate::judge::Judgement;
use crate::policy::Observed;
use crate::{AttemptId, Fact, Report, ReturnCause, Status, TestIndex, Verdict, VerdictKind};

impl Build {
    pub(super) fn take_judgement(
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
        let beside = self.facts.beside(attempt);
        for (_, duration) in &mut finished {
            *duration = duration.map(|duration| duration + beside);
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

    pub(super) fn give_verdict(&mut self, step: &mut Step, index: TestIndex, verdict: Verdict) {
        let failed = Build::fails(verdict.kind);
        self.settle(step, index, verdict);
        if failed && self.facts.spec.fail_fast && self.live.closing.is_none() {
            self.live.closing = self.failed_fast();
        }
    }

    /// A verdict that ends nothing but its test.
    pub(super) fn settle(&mut self, step: &mut Step, index: TestIndex, verdict: Verdict) {
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
}
