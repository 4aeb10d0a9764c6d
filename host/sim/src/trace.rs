//! A readable log of what the engine was told and what it did.

use std::fmt::Write as _;

use engine::policy::Action;
use engine::{
    Answer, AttemptId, BuildFacts, BuildId, Certificate, Event, Fact, LeaseId, Outcome, Record, ReturnCause, Role,
    Task, TestIndex, Time,
};

use crate::draw::BEGIN;
use crate::fleet::slot_name;
use crate::happening::InFlight;
use crate::plan::Scripted;

/// The log of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    on: bool,
    /// Plugin questions, set-ups and answers are told too.
    detailed: bool,
    text: String,
}

impl Trace {
    /// Nothing is written.
    pub(crate) fn off() -> Trace {
        Trace::default()
    }

    /// Everything is written.
    pub(crate) fn detailed() -> Trace {
        Trace { on: true, detailed: true, text: String::new() }
    }

    /// What was decided and what came of it.
    pub(crate) fn plain() -> Trace {
        Trace { on: true, detailed: false, text: String::new() }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn line(&mut self, at: Time, text: &str) {
        if self.on {
            let millis = at.since(BEGIN).as_millis();
            let _ = writeln!(self.text, "{:>5}.{:03}  {text}", millis / 1000, millis % 1000);
        }
    }

    pub(crate) fn event(&mut self, at: Time, event: &Event) {
        if !self.detailed {
            return;
        }
        let text = match event {
            Event::Answered { op, answer } => match answer {
                Answer::Decided(Ok(decided)) => format!("<- {op} decided {:?}", decided.decision.actions),
                Answer::AttemptEnded(end) => {
                    let told: Vec<String> = end.reports.iter().map(|r| format!("{}:{:?}", r.name, r.status)).collect();
                    format!("<- {op} {:?} [{}] open {:?} parsed {}", end.end, told.join(" "), end.open, end.parsed)
                }
                other => format!("<- {op} {}", head(&format!("{other:?}"))),
            },
            Event::BuildSubmitted(spec) => format!("<- {} is submitted", spec.build),
            other => format!("<- {}", head(&format!("{other:?}"))),
        };
        self.line(at, &text);
    }

    /// An answer that is none any more.
    pub(crate) fn stale(&mut self, at: Time, answer: &Answer) {
        if !self.on || self.detailed {
            return;
        }
        let what = match answer {
            Answer::LeaseGranted(machine) => format!("{} is granted", machine.name),
            Answer::LeaseRefused(_) => "a claim is refused".into(),
            Answer::LeaseReleased => return,
            Answer::SnapshotSought(_) => "a snapshot was looked for".into(),
            Answer::SourcePushed(_) => "the source was pushed".into(),
            Answer::SetUp(_) => "a tree was brought".into(),
            Answer::Made(_) => "the tree was made".into(),
            Answer::SnapshotSaved(_) => "the tree was snapshotted".into(),
            Answer::TestsListed(_) => "the tests were listed".into(),
            Answer::Estimated(_) | Answer::HelpersPlanned(_) | Answer::Decided(_) => "a plugin answers".into(),
            Answer::AttemptEnded(end) => {
                let told: Vec<&str> = end.reports.iter().map(|report| report.name.as_str()).collect();
                format!("a group ended that told of {}", told.join(" "))
            }
        };
        self.line(at, &format!("   told in vain: {what}"));
    }

    /// Something that happens at a set time.
    pub(crate) fn scripted(&mut self, at: Time, what: &Scripted) {
        let text = match what {
            Scripted::Lose(slot) => format!("the connections of {} break", slot_name(*slot)),
            Scripted::LoseFailing(slot) => {
                format!("{} fails the test that runs, and its connections break", slot_name(*slot))
            }
            Scripted::Freeze(slot) => format!("{} falls silent", slot_name(*slot)),
            Scripted::Hang(slot) => format!("{} falls silent, and its heart beats on", slot_name(*slot)),
            Scripted::Fail(slot, kind) => format!("{} fails: {kind:?}", slot_name(*slot)),
            Scripted::Slow(slot, times) => format!("{} takes {times} times as long", slot_name(*slot)),
            Scripted::Delay(slot, by) => format!("{} tells what it did {by:?} later", slot_name(*slot)),
            Scripted::Lie(slot, how) => format!("{} will lie of its next group: {how:?}", slot_name(*slot)),
            Scripted::Refuse => "no machine is to be had".into(),
            Scripted::Grant => "machines are to be had again".into(),
            Scripted::Again(after) => format!("every answer comes again after {after:?}"),
            Scripted::Cancel(_, cause) => format!("someone cancels: {cause}"),
            Scripted::Prefer(..) => "someone changes a priority".into(),
            // The restart itself is told.
            Scripted::Restart(_) => return,
            Scripted::Crash(true, _) => "the coordinator will be killed before its next records are durable".into(),
            Scripted::Crash(false, _) => "the coordinator will be killed after its next records are durable".into(),
        };
        self.line(at, &format!("   {text}"));
    }

    pub(crate) fn task(&mut self, at: Time, build: BuildId, task: &Task) {
        if !self.on {
            return;
        }
        let text = match task {
            Task::AcquireLease { lease, role, .. } => format!("asks for {} {lease}", role_name(*role)),
            Task::AdoptLease { lease, machine, .. } => format!("asks {} whether it still serves {lease}", machine.name),
            Task::ReleaseLease { lease, broken: true } => format!("gives {lease} back as broken"),
            Task::ReleaseLease { lease, broken: false } => format!("gives {lease} back"),
            Task::FindSnapshot => "looks for a snapshot".into(),
            Task::PushSource { lease } => format!("pushes the source to {lease}"),
            Task::SetUp { lease } => format!("brings the tree to {lease}"),
            Task::Make { lease } => format!("makes the tree on {lease}"),
            Task::SaveSnapshot { lease } => format!("snapshots the tree of {lease}"),
            Task::ListTests { lease } => format!("lists the tests on {lease}"),
            Task::Decide(task) if self.detailed => format!("asks the policy about {:?}", task.idle),
            Task::Estimate | Task::PlanHelpers(_) if self.detailed => head(&format!("asks a plugin: {task:?}")),
            Task::Estimate | Task::PlanHelpers(_) | Task::Decide(_) => return,
            Task::RunGroup { .. } => return,
        };
        self.line(at, &format!("{build} {text}"));
    }

    pub(crate) fn cancel(&mut self, at: Time, flight: &InFlight) {
        if !self.on {
            return;
        }
        let what = match &flight.task {
            Task::RunGroup { attempt, .. } => attempt.to_string(),
            Task::AcquireLease { lease, .. } => format!("the claim {lease}"),
            Task::AdoptLease { machine, .. } => format!("its question to {}", machine.name),
            Task::ReleaseLease { lease, .. } => format!("the return of {lease}"),
            Task::FindSnapshot => "the search for a snapshot".into(),
            Task::PushSource { .. } => "the push of the source".into(),
            Task::SetUp { lease } => format!("the tree on its way to {lease}"),
            Task::Make { .. } => "the make".into(),
            Task::SaveSnapshot { .. } => "the snapshot".into(),
            Task::ListTests { .. } => "the listing".into(),
            Task::Estimate => "its question to the estimator".into(),
            Task::PlanHelpers(_) | Task::Decide(_) => "its question to the policy".into(),
        };
        self.line(at, &format!("{} calls back {what}", flight.build));
    }

    pub(crate) fn publish(&mut self, at: Time, build: BuildId, attempt: AttemptId) {
        self.line(at, &format!("{build} prints the output of {attempt}"));
    }

    pub(crate) fn record(&mut self, facts: Option<&BuildFacts>, record: &Record) {
        if !self.on {
            return;
        }
        let text = match facts {
            Some(facts) => describe(facts, &record.fact),
            None => "is submitted".into(),
        };
        if !text.is_empty() {
            self.line(record.at, &format!("{} {text}", record.build));
        }
        if let Fact::Ended { certificate, .. } = &record.fact {
            self.certificate(certificate);
        }
    }

    fn certificate(&mut self, certificate: &Certificate) {
        let Certificate { took, before_tests, tests_took, lower_bound, aggregate, machines, tests, judged, .. } =
            certificate;
        let _ = writeln!(
            self.text,
            "           took {took:?}, {before_tests:?} of it before the tests; tests took {tests_took:?} (bound \
             {lower_bound:?}) on {machines} machines, {aggregate:?} in all; {judged} verdicts for {tests} tests"
        );
        for part in certificate.parts.iter().filter(|part| !part.span.is_zero()) {
            let _ = writeln!(self.text, "           beyond the bound: {} {:?}", part.why, part.span);
        }
    }
}

fn head(text: &str) -> String {
    text.chars().take(160).collect()
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Main => "a main buildlet",
        Role::Helper => "a helper",
    }
}

fn names(facts: &BuildFacts, tests: impl IntoIterator<Item = TestIndex>) -> String {
    let name = |test: TestIndex| match facts.tests.get(test.0 as usize) {
        Some(facts) => facts.test.name.clone(),
        None => test.to_string(),
    };
    tests.into_iter().map(name).collect::<Vec<_>>().join(" ")
}

fn machine(facts: &BuildFacts, lease: LeaseId) -> String {
    facts.leases.get(&lease).map_or_else(|| lease.to_string(), |facts| facts.machine.name.clone())
}

fn describe(facts: &BuildFacts, fact: &Fact) -> String {
    let one = |test: &TestIndex| names(facts, [*test]);
    match fact {
        Fact::Submitted(_) => "is submitted".into(),
        Fact::PhaseBegan(phase) => format!("phase {phase}"),
        Fact::LeaseGranted { lease, role, machine } => {
            format!("has {lease} on {} as {}", machine.name, role_name(*role))
        }
        Fact::LeaseRefused { lease, cause, .. } => format!("gets no {lease}: {cause}"),
        Fact::Restarted { leases } if leases.is_empty() => "goes on and had no machine".into(),
        Fact::Restarted { leases } => {
            let machines: Vec<String> = leases.iter().map(|lease| machine(facts, *lease)).collect();
            format!("goes on and had {}", machines.join(" "))
        }
        Fact::LeaseAdopted { lease } => format!("takes up {} again", machine(facts, *lease)),
        Fact::LeaseReady { lease } => format!("{} is ready", machine(facts, *lease)),
        Fact::LeaseEnded { lease, lost: Some(cause) } => format!("{} is lost: {cause}", machine(facts, *lease)),
        Fact::LeaseEnded { lease, lost: None } => format!("{} is let go", machine(facts, *lease)),
        Fact::SnapshotReady { reused: true, info } => format!("reuses a snapshot, {} s old", info.age.as_secs()),
        Fact::SnapshotReady { reused: false, .. } => "has a snapshot".into(),
        Fact::TestsListed(tests) => format!("has {} tests", tests.len()),
        Fact::Estimated { by, .. } => format!("is estimated by {}", by.name),
        Fact::Decided { by, actions, .. } => {
            let releases = actions.iter().filter(|action| matches!(action, Action::Release(_))).count();
            let copies = actions.iter().filter(|action| matches!(action, Action::Duplicate { .. })).count();
            let starts = actions.len() - releases - copies;
            let counts = [(starts, "start", "starts"), (copies, "copy", "copies"), (releases, "release", "releases")];
            let told = counts.iter().filter(|(count, ..)| *count > 0);
            let told = told.map(|(count, one, more)| format!("{count} {}", if *count == 1 { one } else { more }));
            format!("{} decides: {}", by.name, told.collect::<Vec<_>>().join(", "))
        }
        Fact::AttemptStarted { attempt, lease, tests } => {
            format!("{attempt} on {}: {}", machine(facts, *lease), names(facts, tests.iter().copied()))
        }
        // That it is called back is told by the effect.
        Fact::AttemptCalledBack { .. } => String::new(),
        Fact::AttemptEnded { attempt, end: Ok(end), .. } => format!("{attempt} ends: {end}"),
        Fact::AttemptEnded { attempt, end: Err(failure), .. } => format!("{attempt} has no end: {failure}"),
        Fact::TestReturned { test, cause, max_group } => {
            let alone = match max_group {
                None => String::new(),
                Some(1) => " to run by itself".to_owned(),
                Some(most) => format!(" to run in a group of at most {most}"),
            };
            format!("{} goes back{alone}: {}", one(test), why(cause))
        }
        Fact::TestAdded(test) => format!("{} was not listed", test.name),
        Fact::ToldAgain { test, attempt, status } => format!("{attempt} tells of {} again: {status:?}", one(test)),
        Fact::Blamed { tests, text } => format!("one of {} is to blame: {text}", names(facts, tests.iter().copied())),
        Fact::Verdict { test, verdict } if verdict.cause.is_empty() => format!("{} {}", one(test), verdict.kind),
        Fact::Verdict { test, verdict } => format!("{} {}: {}", one(test), verdict.kind, verdict.cause),
        Fact::PluginFaulted { role, fault, .. } => format!("{role} plugin {fault}"),
        Fact::PriorityChanged { priority } => format!("has priority {priority} from now on"),
        Fact::CancelAsked { cause } => format!("is to stop: {cause}"),
        Fact::Ended { outcome, .. } => match outcome {
            Outcome::Passed => "passed".into(),
            Outcome::Failed { cause } => format!("failed: {cause}"),
            Outcome::Errored { cause } => format!("errored: {cause}"),
            Outcome::Canceled { cause } => format!("canceled: {cause}"),
        },
    }
}

fn why(cause: &ReturnCause) -> String {
    match cause {
        ReturnCause::ExecFailed(failure) => failure.to_string(),
        ReturnCause::Unreported => "not mentioned".into(),
        ReturnCause::CutShort(text) => format!("cut short, {text}"),
        ReturnCause::Retried(message) => format!("a retry, {message}"),
    }
}
