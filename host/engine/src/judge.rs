//! "Verdicts are earned": what the end of an attempt says of each of its tests. Pure, and the only place of these rules.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{AttemptEnd, CommandEnd, ExecFailure, ExecFailureKind, Report, ReturnCause, Status, TestFacts, TestIndex};

/// What an attempt's end means.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Judgement {
    /// Tests that ran to their end.
    pub(crate) reported: Vec<(TestIndex, Report)>,
    /// Tests that run again: why, and in groups of how many at most.
    pub(crate) returned: Vec<(TestIndex, ReturnCause, Option<u32>)>,
    /// Reports of names that are not of this group.
    pub(crate) strangers: Vec<Report>,
    /// The group failed and no test of it did: the failure stands for itself.
    pub(crate) synthetic: Option<String>,
    /// The group failed, and one of the returned tests must turn out to be to blame.
    pub(crate) blame: Option<String>,
}

/// So many tests of a lost group are tried again one by one.
const FEW: usize = 16;

/// Only in an exec of its own.
const BY_ITSELF: Option<u32> = Some(1);

/// Judges an attempt of these tests (place and durable state, in the order they ran), of which each has so many tries
/// that may end in an exec failure.
pub(crate) fn judge(members: &[(TestIndex, &TestFacts)], attempt: &AttemptEnd, tries: u32) -> Judgement {
    let sorted = Sorted::new(members, attempt);
    match &attempt.end {
        Err(failure) => sorted.after_exec_failure(failure, tries),
        Ok(CommandEnd::NotStarted(why)) => sorted.not_started(why),
        Ok(end) if !attempt.parsed => sorted.by_exit_status(end, attempt),
        Ok(end) if end.is_success() => sorted.after_success(),
        Ok(end) => sorted.after_failure(end, attempt.took),
    }
}

/// Judges an attempt that we ended ourselves, for no fault of its tests or its machine: what it reported counts, and
/// nothing is held against the rest.
pub(crate) fn judge_called_back(members: &[(TestIndex, &TestFacts)], attempt: &AttemptEnd) -> Judgement {
    let sorted = Sorted::new(members, attempt);
    let unreported: Vec<TestIndex> = sorted.unreported.iter().map(|(index, _)| *index).collect();
    let mut judgement = sorted.judgement();
    for index in unreported {
        judgement.returned.push((index, ReturnCause::CutShort("called back".into()), None));
    }
    judgement
}

/// The reports of an attempt, by whom they are about.
struct Sorted<'a> {
    members: &'a [(TestIndex, &'a TestFacts)],
    reported: Vec<(TestIndex, Report)>,
    unreported: Vec<(TestIndex, &'a TestFacts)>,
    strangers: Vec<Report>,
    open: Option<TestIndex>,
}

impl<'a> Sorted<'a> {
    fn new(members: &'a [(TestIndex, &'a TestFacts)], attempt: &AttemptEnd) -> Sorted<'a> {
        let by_name: BTreeMap<&str, TestIndex> =
            members.iter().map(|(index, facts)| (facts.test.name.as_str(), *index)).collect();
        let mut reported: BTreeMap<TestIndex, Report> = BTreeMap::new();
        let mut strangers: Vec<Report> = Vec::new();
        let mut stranger_at: BTreeMap<&str, usize> = BTreeMap::new();
        for report in &attempt.reports {
            let name = report.name.as_str();
            let earlier = match by_name.get(name) {
                Some(index) => reported.entry(*index).or_insert_with(|| report.clone()),
                None => {
                    let at = *stranger_at.entry(name).or_insert(strangers.len());
                    if at == strangers.len() {
                        strangers.push(report.clone());
                    }
                    &mut strangers[at]
                }
            };
            // Told twice: a failure is not taken back.
            if earlier.status != Status::Failed {
                earlier.clone_from(report);
            }
        }
        let unreported: Vec<_> = members.iter().filter(|(index, _)| !reported.contains_key(index)).copied().collect();
        let open = attempt.open.as_deref().and_then(|name| by_name.get(name).copied());
        let open = open.filter(|index| !reported.contains_key(index));
        Sorted { members, reported: reported.into_iter().collect(), unreported, strangers, open }
    }

    fn member_failed(&self) -> bool {
        self.reported.iter().any(|(_, report)| report.status == Status::Failed)
    }

    fn any_failed(&self) -> bool {
        self.member_failed() || self.strangers.iter().any(|report| report.status == Status::Failed)
    }

    fn judgement(self) -> Judgement {
        Judgement { reported: self.reported, strangers: self.strangers, ..Judgement::default() }
    }

    /// No result. What had passed before the machine was lost stays passed; a failure told by a machine that was
    /// about to be lost is not believed. Nobody knows of which test a failed stranger is a part: then all are tried
    /// again. The test that was running is tried again by itself. Where nobody knows which
    /// one that was, a few are tried one by one and many in much smaller groups; the last try of each is by itself, so
    /// that a test that kills machines cannot take its neighbours with it.
    fn after_exec_failure(mut self, failure: &ExecFailure, tries: u32) -> Judgement {
        let strangers = std::mem::take(&mut self.strangers);
        let doubt = strangers.iter().any(|report| report.status == Status::Failed);
        let strangers = if doubt { Vec::new() } else { strangers };
        let (mut kept, doubted): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.reported).into_iter().partition(|(_, r)| r.status != Status::Failed);
        if doubt {
            kept.clear();
        }
        let doubted: Vec<TestIndex> = doubted.into_iter().map(|(index, _)| index).collect();
        let fewer = match self.members.len() - kept.len() {
            ..=FEW => 1,
            many => u32::try_from(many.isqrt()).unwrap_or(u32::MAX),
        };
        let mut returned = Vec::new();
        for (index, facts) in self.members {
            if kept.iter().any(|(kept, _)| kept == index) {
                continue;
            }
            // A stopping coordinator says nothing against a test.
            if failure.kind == ExecFailureKind::CoordinatorStopped {
                returned.push((*index, ReturnCause::CutShort(failure.to_string()), None));
                continue;
            }
            let is_last = facts.exec_failures.len() + 2 >= tries as usize;
            let max_group = match self.open {
                _ if is_last => BY_ITSELF,
                Some(open) if open == *index || doubted.contains(index) => BY_ITSELF,
                Some(_) => None,
                None => Some(fewer),
            };
            returned.push((*index, ReturnCause::ExecFailed(failure.clone()), max_group));
        }
        Judgement { reported: kept, strangers, returned, ..Judgement::default() }
    }

    fn not_started(self, why: &str) -> Judgement {
        let text = CommandEnd::NotStarted(why.to_owned()).to_string();
        let reported = self.members.iter().map(|(index, facts)| (*index, failed(facts, &text))).collect();
        Judgement { reported, ..Judgement::default() }
    }

    /// Nobody reads the output: a group that ends well passed, one that does not is taken apart.
    fn by_exit_status(self, end: &CommandEnd, attempt: &AttemptEnd) -> Judgement {
        let alone = self.members.len() == 1;
        let mut judgement = Judgement { strangers: self.strangers, ..Judgement::default() };
        for (index, facts) in self.members {
            if end.is_success() {
                let duration = alone.then_some(attempt.took);
                judgement.reported.push((*index, Report { duration, ..passed(facts) }));
            } else if alone {
                let duration = Some(attempt.took);
                judgement.reported.push((*index, Report { duration, ..failed(facts, &end.to_string()) }));
            } else {
                judgement.returned.push((*index, ReturnCause::CutShort(end.to_string()), BY_ITSELF));
                judgement.blame = Some(end.to_string());
            }
        }
        judgement
    }

    fn after_success(self) -> Judgement {
        let unreported = self.unreported.clone();
        let mut judgement = self.judgement();
        for (index, facts) in unreported {
            judgement.not_mentioned(index, facts);
        }
        judgement
    }

    fn after_failure(self, end: &CommandEnd, took: Duration) -> Judgement {
        let text = end.to_string();
        let (any_failed, member_failed) = (self.any_failed(), self.member_failed());
        let (unreported, open) = (self.unreported.clone(), self.open);
        let alone = self.members.len() == 1;
        let mut judgement = self.judgement();
        if unreported.is_empty() {
            judgement.synthetic = (!any_failed).then_some(text);
            return judgement;
        }
        for (index, facts) in unreported {
            let to_blame = open == Some(index) || (alone && open.is_none());
            if to_blame {
                // In company nobody knows when it began.
                let duration = alone.then_some(took);
                judgement.reported.push((index, Report { duration, ..failed(facts, &text) }));
            } else if open.is_some() || member_failed {
                // Whoever ended it does not come along again: with each round the group has fewer tests.
                judgement.returned.push((index, ReturnCause::CutShort(text.clone()), None));
            } else if any_failed {
                judgement.not_mentioned(index, facts);
            } else {
                judgement.returned.push((index, ReturnCause::CutShort(text.clone()), BY_ITSELF));
                judgement.blame = Some(text.clone());
            }
        }
        judgement
    }
}

impl Judgement {
    /// A test that its group did not mention runs once more by itself; then it has failed.
    fn not_mentioned(&mut self, index: TestIndex, facts: &TestFacts) {
        if facts.unreported == 0 {
            self.returned.push((index, ReturnCause::Unreported, BY_ITSELF));
        } else {
            self.reported.push((index, failed(facts, "not reported: its command ended without mentioning it")));
        }
    }
}

fn passed(facts: &TestFacts) -> Report {
    Report {
        name: facts.test.name.clone(),
        suite: facts.test.suite.clone(),
        case: facts.test.case.clone(),
        status: Status::Passed,
        duration: None,
        message: String::new(),
    }
}

fn failed(facts: &TestFacts, message: &str) -> Report {
    Report { status: Status::Failed, message: message.to_owned(), ..passed(facts) }
}

#[cfg(test)]
mod tests;
