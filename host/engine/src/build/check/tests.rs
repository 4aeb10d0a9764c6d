//! Each invariant sees its own breach: a state that is whole, broken in one place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::super::{LiveAttempt, LiveLease};
use super::*;
use crate::fixture::{at, facts, test};
use crate::{AttemptId, BuildId, Certificate, Fact, Machine, OpId, Outcome, Role, Task, Verdict, VerdictKind};

const MAIN: LeaseId = LeaseId(1);
const OTHER: LeaseId = LeaseId(2);
const ATTEMPT: AttemptId = AttemptId(1);

/// A build that tests: `a` runs on the main buildlet, `b` waits.
struct State {
    build: Build,
    ops: Ops,
    op: OpId,
}

fn whole() -> State {
    let mut facts = facts();
    let machine = Machine { name: "m".into(), host_type: "linux".into(), machine: "m".into(), pool: "pool".into() };
    facts.apply(at(0), &Fact::LeaseGranted { lease: MAIN, role: Role::Main, machine });
    facts.apply(at(0), &Fact::TestsListed(vec![test("a"), test("b")]));
    facts.apply(at(0), &Fact::PhaseBegan(Phase::Test));
    facts.apply(at(0), &Fact::LeaseReady { lease: MAIN });
    facts.apply(at(0), &Fact::AttemptStarted { attempt: ATTEMPT, lease: MAIN, tests: vec![TestIndex(0)] });
    let mut build = Build::new(facts);
    let mut ops = Ops::default();
    let op = ops.begin(BuildId(1), Task::Estimate, at(0), Duration::from_secs(1));
    build.live.main = Some(MAIN);
    build.live.leases.insert(MAIN, LiveLease { main: true, state: LeaseState::Busy(ATTEMPT) });
    let attempt =
        LiveAttempt { op, lease: MAIN, tests: vec![TestIndex(0)], open: None, timed_out: None, called_back: false };
    build.live.attempts.insert(ATTEMPT, attempt);
    build.live.running.insert(TestIndex(0), vec![ATTEMPT]);
    build.live.waiting.insert(TestIndex(1));
    State { build, ops, op }
}

/// What the check says of the state, broken like this.
fn said(breach: impl FnOnce(&mut State)) -> String {
    let mut state = whole();
    breach(&mut state);
    let checked = catch_unwind(AssertUnwindSafe(|| state.build.check_invariants(&state.ops)));
    let Err(panic) = checked else { return "nothing".into() };
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

fn judge(state: &mut State, index: u32) {
    let verdict = Verdict { kind: VerdictKind::Passed, cause: String::new(), duration: None, attempt: None };
    state.build.facts.apply(at(1), &Fact::Verdict { test: TestIndex(index), verdict });
}

fn end(state: &mut State, judged: u32) {
    let certificate = Box::new(Certificate { tests: 2, judged, ..Certificate::default() });
    state.build.facts.apply(at(1), &Fact::Ended { outcome: Outcome::Passed, certificate });
}

/// A second claim in this state.
fn hold(state: &mut State, of: LeaseState) {
    state.build.live.leases.insert(OTHER, LiveLease { main: false, state: of });
}

#[test]
fn a_whole_state_is_fine() {
    assert_eq!(said(|_| {}), "nothing");
}

#[test]
fn tests_are_in_one_place() {
    let said = [
        said(|state| judge(state, 1)),
        said(|state| {
            state.build.live.waiting.insert(TestIndex(0));
        }),
        said(|state| state.build.live.waiting.clear()),
        said(|state| {
            state.build.live.waiting.insert(TestIndex(7));
        }),
    ];
    insta::assert_snapshot!(said.join("\n"), @"
    test t1 has a verdict and waits
    test t0 waits and runs
    test t1 is nowhere
    assertion `left == right` failed: a test waits or runs that is not listed
    ");
}

#[test]
fn attempts_are_awaited_and_noted() {
    let said = [
        said(|state| {
            state.ops.end(state.op);
        }),
        said(|state| state.build.live.running.clear()),
        said(|state| {
            state.build.live.waiting.clear();
            state.build.live.running.insert(TestIndex(1), vec![ATTEMPT]);
        }),
        said(|state| {
            let again = state.build.live.attempts[&ATTEMPT].clone();
            state.build.live.attempts.insert(AttemptId(2), again);
            state.build.live.running.insert(TestIndex(0), vec![ATTEMPT, AttemptId(2)]);
        }),
    ];
    insta::assert_snapshot!(said.join("\n"), @"
    attempt a1 has neither an answer nor a deadline
    test t0 is nowhere
    assertion `left == right` failed: test t1 runs elsewhere than is noted
    assertion `left == right` failed: lease l1 runs 2 attempts
    ");
}

#[test]
fn claims_are_held_as_they_are_noted() {
    let said = [
        said(|state| hold(state, LeaseState::Asked(OpId(99)))),
        said(|state| hold(state, LeaseState::SettingUp(OpId(99)))),
        said(|state| hold(state, LeaseState::Busy(AttemptId(99)))),
        said(|state| hold(state, LeaseState::Idle)),
        said(|state| {
            let Some(live) = state.build.live.leases.get_mut(&MAIN) else { return };
            live.state = LeaseState::Idle;
            state.build.facts.apply(at(1), &Fact::LeaseEnded { lease: MAIN, lost: None });
        }),
        said(|state| state.build.live.leases.clear()),
    ];
    insta::assert_snapshot!(said.join("\n"), @"
    lease l2 is asked for by nobody
    lease l2 waits for a tree that nobody brings
    lease l2 is busy with nothing
    lease l2 is over and held
    lease l1 is over and held
    lease l1 was granted and is not held
    ");
}

/// Everything is over and told, except that nobody said so yet.
fn through(state: &mut State, judged: &[u32]) {
    for index in judged {
        judge(state, *index);
    }
    state.build.live.waiting.clear();
    state.build.live.attempts.clear();
    state.build.live.running.clear();
    state.build.live.leases.clear();
    state.build.facts.apply(at(1), &Fact::LeaseEnded { lease: MAIN, lost: None });
    state.build.facts.apply(at(1), &Fact::PhaseBegan(Phase::Done));
}

#[test]
fn an_ended_build_is_through() {
    let said = [
        said(|state| {
            through(state, &[0, 1]);
            end(state, 2);
        }),
        said(|state| {
            through(state, &[0]);
            end(state, 2);
        }),
        said(|state| {
            through(state, &[0, 1]);
            end(state, 1);
        }),
        said(|state| {
            let attempts = state.build.live.attempts.clone();
            let running = state.build.live.running.clone();
            through(state, &[0, 1]);
            state.build.live.attempts = attempts;
            state.build.live.running = running;
            end(state, 2);
        }),
        said(|state| {
            through(state, &[0, 1]);
            hold(state, LeaseState::Asked(state.op));
            end(state, 2);
        }),
    ];
    insta::assert_snapshot!(said.join("\n"), @"
    nothing
    b1: over, and a test has no verdict
    assertion `left == right` failed: the certificate proves one verdict for each test
    over, and an attempt is under way
    over, and a machine is held
    ");
}
