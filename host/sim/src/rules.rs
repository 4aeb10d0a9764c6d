//! What must hold of a start, a return and a verdict, given what is durable.

use engine::{
    AttemptFacts, AttemptId, BuildFacts, ExecFailureKind, LeaseId, ReturnCause, TestIndex, Verdict, VerdictKind,
};

type Rule = Result<(), String>;

/// The machine has the tree, is still ours, and never failed us.
pub(crate) fn machine(facts: &BuildFacts, lease: LeaseId) -> Rule {
    let ready = facts.leases.get(&lease).is_some_and(|lease| lease.ready.is_some() && lease.ended.is_none());
    if !ready {
        return Err("which is not ready".into());
    }
    let on_it = || facts.attempts.values().filter(|attempt| attempt.lease == lease);
    if on_it().any(|attempt| attempt.ended.is_none()) {
        return Err("which runs another".into());
    }
    // What was called back fails too, and is nobody's fault.
    let failed = |attempt: &AttemptFacts| {
        let end = attempt.ended.as_ref().map(|end| &end.end);
        matches!(end, Some(Err(failure)) if failure.kind != ExecFailureKind::Other)
    };
    if on_it().any(failed) { Err("which failed an exec".into()) } else { Ok(()) }
}

/// Nobody canceled, and no first failure ended the build.
pub(crate) fn still_testing(facts: &BuildFacts) -> Rule {
    if facts.cancel.is_some() {
        return Err("though the build was canceled".into());
    }
    // What failed along with a test that is tried again ends nothing.
    let mut tests = facts.tests.iter().filter(|test| facts.spec.retries == 0 || !test.added);
    let failed = tests.any(|test| is(test.verdict.as_ref(), VerdictKind::Failed));
    if facts.spec.fail_fast && failed { Err("after the first failure".into()) } else { Ok(()) }
}

fn is(verdict: Option<&Verdict>, kind: VerdictKind) -> bool {
    verdict.is_some_and(|verdict| verdict.kind == kind)
}

fn runs(attempt: &&AttemptFacts) -> bool {
    attempt.ended.is_none()
}

/// What a test needs alone is not in use on its machine, by any attempt of its build.
pub(crate) fn alone(facts: &BuildFacts, lease: LeaseId, tests: &[TestIndex]) -> Rule {
    let host = &facts.leases[&lease].machine.machine;
    let mine: Vec<Option<&str>> = tests.iter().map(|test| facts.test(*test).test.alone.as_deref()).collect();
    for attempt in facts.attempts.values().filter(runs) {
        let other = &facts.leases[&attempt.lease];
        if attempt.lease == lease || other.machine.machine != *host {
            continue;
        }
        for theirs in attempt.tests.iter().map(|test| facts.test(*test).test.alone.as_deref()) {
            for mine in &mine {
                let whole = *mine == Some("machine") || theirs == Some("machine");
                if whole || (mine.is_some() && *mine == theirs) {
                    return Err(format!("{tests:?} on {host} meet {:?}, which needs it alone", attempt.tests));
                }
            }
        }
    }
    Ok(())
}

/// The test has no verdict and does not run, except as the one attempt that is copied.
pub(crate) fn free(facts: &BuildFacts, test: TestIndex, copy: bool) -> Rule {
    let live = facts.attempts.values().filter(runs).filter(|attempt| attempt.tests.contains(&test)).count();
    if live != usize::from(copy) {
        return Err(format!("{test} is started, as a copy: {copy}, while {live} attempts run it"));
    }
    if facts.test(test).verdict.is_some() {
        return Err(format!("{test} is started though it has its verdict"));
    }
    Ok(())
}

/// Tests of one exec may share it, and a unit is whole and in listed order.
pub(crate) fn group(facts: &BuildFacts, tests: &[TestIndex]) -> Rule {
    let of = |test: &TestIndex| facts.test(*test);
    let first = of(&tests[0]);
    for test in &tests[1..] {
        let one_unit = first.test.unit.is_some() && of(test).test.unit == first.test.unit;
        let key = first.test.merge_key.is_some() && first.test.merge_key == of(test).test.merge_key;
        if !one_unit && !key {
            return Err(format!("{tests:?} may not share an exec"));
        }
    }
    let one_unit = first.test.unit.is_some() && tests.iter().all(|test| of(test).test.unit == first.test.unit);
    let crowded = |test: &&TestIndex| of(test).max_group.is_some_and(|most| tests.len() > most as usize);
    if let Some(test) = tests.iter().find(crowded).filter(|_| !one_unit) {
        return Err(format!("{test:?} may not be one of {tests:?}"));
    }
    for unit in tests.iter().filter_map(|test| of(test).test.unit.as_ref()) {
        let running = |index: &TestIndex| facts.attempts.values().filter(runs).any(|a| a.tests.contains(index));
        let left = facts.indices().filter(|index| of(index).test.unit.as_ref() == Some(unit));
        let left: Vec<_> = left.filter(|index| of(index).verdict.is_none() && !running(index)).collect();
        let started: Vec<_> = tests.iter().filter(|test| of(test).test.unit.as_ref() == Some(unit)).copied().collect();
        if left != started {
            return Err(format!("of the unit {unit} {left:?} are left, and {started:?} are started"));
        }
    }
    Ok(())
}

/// A test goes back no oftener than it may, and not when it has its verdict.
pub(crate) fn returned(facts: &BuildFacts, test: TestIndex, cause: &ReturnCause) -> Rule {
    let known = facts.test(test);
    if known.verdict.is_some() {
        return Err(format!("{test} goes back though it has its verdict"));
    }
    match cause {
        ReturnCause::Retried(_) if known.retried.len() >= facts.spec.retries as usize => {
            Err(format!("{test} is retried oftener than was asked for"))
        }
        ReturnCause::Unreported if known.unreported > 0 => Err(format!("{test} goes back unmentioned once more")),
        ReturnCause::Retried(_) | ReturnCause::Unreported | ReturnCause::ExecFailed(_) | ReturnCause::CutShort(_) => {
            Ok(())
        }
    }
}

/// A verdict is the first of its test, or says that two copies disagree, or is of what nobody listed and other attempts
/// told of, too; what a test did is told by an attempt of it that has just ended, under a claim that is not over.
pub(crate) fn verdict(
    facts: &BuildFacts,
    test: TestIndex,
    verdict: &Verdict,
    told: Option<AttemptId>,
    copied: bool,
) -> Rule {
    let known = facts.test(test);
    let kind = verdict.kind;
    if let Some(earlier) = &known.verdict {
        let ran = matches!(earlier.kind, VerdictKind::Passed | VerdictKind::Failed);
        let disagree = kind == VerdictKind::Flaky && ran && copied;
        return if disagree || (known.added && kind != earlier.kind) {
            Ok(())
        } else {
            Err(format!("a second verdict for {test}: {kind}"))
        };
    }
    let Some(attempt) = verdict.attempt else {
        let of_itself = match kind {
            VerdictKind::NotRun => true,
            VerdictKind::Skipped => known.test.skip.is_some(),
            VerdictKind::Failed => known.added,
            VerdictKind::Passed | VerdictKind::Flaky | VerdictKind::Lost => false,
        };
        return if of_itself { Ok(()) } else { Err(format!("{test} is {kind}, and no attempt says so")) };
    };
    let Some(by) = facts.attempts.get(&attempt) else { return Err(format!("{attempt} judges and never was")) };
    if by.ended.is_none() || !(known.added || by.tests.contains(&test)) {
        return Err(format!("{test} is {kind} by {attempt}, which has not ended or is of other tests"));
    }
    if kind != VerdictKind::Lost && told != Some(attempt) {
        return Err(format!("{test} is {kind} by {attempt}, which was not just told"));
    }
    if facts.leases[&by.lease].ended.is_some() {
        return Err(format!("{test} is {kind} by {attempt}, whose claim {} is over", by.lease));
    }
    Ok(())
}

/// The log is in listed order: an attempt's output comes when all tests before the first that it judged have theirs.
pub(crate) fn has_its_turn(facts: &BuildFacts, attempt: AttemptId) -> Rule {
    let by_it = |test: &engine::TestFacts| test.verdict.as_ref().is_some_and(|v| v.attempt == Some(attempt));
    let before = facts.tests.iter().take_while(|test| !by_it(test));
    match before.into_iter().find(|test| test.verdict.is_none()) {
        Some(test) => Err(format!("{attempt} is published before {} has its verdict", test.test.name)),
        None => Ok(()),
    }
}
