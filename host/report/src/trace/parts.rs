//! The spans within a build: a phase after the other, and beside them each machine with what it was set up for and ran.

use engine::{AttemptFacts, AttemptId, BuildFacts, LeaseFacts, LeaseId, Phase, Role, TestIndex, Time, VerdictKind};

use super::end::End;
use super::ids::Ids;
use super::tally::{self, Tally};
use super::{Attributes, Event, Span, SpanId, Value};

/// Tests that an attempt tells of one by one: a build whose every test fails must not make a trace of many megabytes.
const MAX_EVENTS: usize = 50;

/// What the spans are made from.
pub(super) struct Parts<'a> {
    pub(super) facts: &'a BuildFacts,
    pub(super) ids: &'a Ids,
    pub(super) ended: Time,
    pub(super) end: &'a End,
}

/// One step of the build as a task of a pipeline: conventions want these of each.
struct Task<'a> {
    id: SpanId,
    parent: SpanId,
    name: &'static str,
    /// Unique in the build.
    run: String,
    /// `build` or `test`, where it is one of these.
    kind: Option<&'static str>,
    from: Time,
    to: Time,
    end: End,
    machine: Option<&'a LeaseFacts>,
}

impl Parts<'_> {
    /// The wait in the queue, and each phase. A phase that was begun anew is there more than once.
    pub(super) fn phases(&self) -> Vec<Span> {
        let facts = self.facts;
        let mut stays = facts.phases.clone();
        if stays.first().is_none_or(|(phase, _)| *phase != Phase::Queue) {
            stays.insert(0, (Phase::Queue, facts.submitted));
        }
        let next = stays.iter().skip(1).copied().map(Some).chain([None]);
        (0..).zip(&stays).zip(next).filter_map(|((number, stay), next)| self.phase(number, *stay, next)).collect()
    }

    /// One phase, and the one after it.
    fn phase(&self, number: u64, (phase, from): (Phase, Time), next: Option<(Phase, Time)>) -> Option<Span> {
        let (name, kind) = names(phase)?;
        let end = match next {
            None | Some((Phase::Done, _)) => self.end.clone(),
            Some((next, _)) if next > phase => End::success(),
            Some((_, at)) => self.lost_main(at).unwrap_or_else(End::given_up),
        };
        Some(self.task(Task {
            id: self.ids.span("phase", number),
            parent: self.ids.root(),
            name,
            run: format!("{name}-{number}"),
            kind,
            from,
            to: next.map_or(self.ended, |(_, at)| at),
            end,
            machine: self.main_of(phase, from),
        }))
    }

    /// The main machine that does the work of a phase; the tests are done by all.
    fn main_of(&self, phase: Phase, from: Time) -> Option<&LeaseFacts> {
        let before_tests = matches!(phase, Phase::Prepare | Phase::Make | Phase::Snapshot | Phase::List);
        let main = self.facts.leases.values().rfind(|lease| lease.role == Role::Main && lease.granted <= from);
        main.filter(|_| before_tests)
    }

    /// How the main machine was lost that a phase was begun anew for.
    fn lost_main(&self, by: Time) -> Option<End> {
        let mains = self.facts.leases.values().filter(|lease| lease.role == Role::Main);
        let ends = mains.filter_map(|lease| lease.ended.as_ref()).filter(|(at, _)| *at <= by);
        ends.filter_map(|(_, lost)| lost.as_ref()).next_back().map(End::lost)
    }

    /// Each machine from its grant to its end, and how the tree came to it.
    pub(super) fn machines(&self) -> Vec<Span> {
        self.facts
            .leases
            .iter()
            .flat_map(|(id, lease)| [Some(self.machine(*id, lease)), self.set_up(*id, lease)])
            .flatten()
            .collect()
    }

    fn machine(&self, id: LeaseId, lease: &LeaseFacts) -> Span {
        let (to, lost) = lease.ended.as_ref().map_or((self.ended, None), |(at, lost)| (*at, lost.as_ref()));
        let mut attributes = vec![
            ("cicd.worker.name", Value::text(&lease.machine.name)),
            ("muster.lease", Value::Text(id.to_string())),
            ("muster.role", Value::text(if lease.role == Role::Main { "main" } else { "helper" })),
            ("muster.pool", Value::text(&lease.machine.pool)),
            ("muster.host_type", Value::text(&lease.machine.host_type)),
            ("muster.machine", Value::text(&lease.machine.machine)),
        ];
        let end = lost.map_or_else(End::success, End::lost);
        let error = end.tell("muster.result", &mut attributes);
        let mut span = self.span((self.ids.span("lease", id.0), self.ids.root()), "machine", (lease.granted, to));
        span.events.extend(error.is_some().then(|| Event {
            at: span.end,
            name: "machine lost".to_owned(),
            attributes: Vec::new(),
        }));
        Span { attributes, error, ..span }
    }

    /// Of the main machine that makes the tree the phases tell this; others get it.
    fn set_up(&self, id: LeaseId, lease: &LeaseFacts) -> Option<Span> {
        let tests = self.facts.phases.iter().find(|(phase, _)| *phase == Phase::Test);
        let made_it = lease.role == Role::Main && tests.is_none_or(|(_, at)| lease.granted < *at);
        let (from, to) = self.facts.set_up_span(lease).filter(|_| !made_it)?;
        Some(self.task(Task {
            id: self.ids.span("set-up", id.0),
            parent: self.ids.span("lease", id.0),
            name: "set-up",
            run: format!("set-up-{id}"),
            kind: None,
            from,
            to,
            end: End::success(),
            machine: Some(lease),
        }))
    }

    /// Each try of a group, below the machine that it ran on.
    pub(super) fn attempts(&self) -> Vec<Span> {
        let mut tallies = tally::by_attempt(self.facts);
        let attempts = self.facts.attempts.iter();
        attempts.map(|(id, attempt)| self.attempt(*id, attempt, &tallies.remove(id).unwrap_or_default())).collect()
    }

    fn attempt(&self, id: AttemptId, attempt: &AttemptFacts, tally: &Tally) -> Span {
        let ended = attempt.ended.as_ref();
        let mut span = self.task(Task {
            id: self.ids.span("attempt", id.0),
            parent: self.ids.span("lease", attempt.lease.0),
            name: "attempt",
            run: id.to_string(),
            kind: Some("test"),
            from: attempt.started,
            to: ended.map_or(self.ended, |ended| ended.at),
            end: End::of_attempt(attempt, tally.count(VerdictKind::Failed)),
            machine: self.facts.leases.get(&attempt.lease),
        });
        span.attributes.push(("muster.tests", Value::count(attempt.tests.len())));
        tally.tell(&mut span.attributes);
        if let [only] = attempt.tests.as_slice() {
            span.attributes.push(("test.case.name", Value::text(&self.facts.test(*only).test.name)));
        }
        if let Some(overhead) = ended.and_then(|ended| ended.overhead) {
            span.attributes.push(("muster.exec.overhead", Value::Seconds(overhead.as_secs_f64())));
        }
        span.events = tally.bad.iter().take(MAX_EVENTS).filter_map(|test| self.bad_test(*test, span.end)).collect();
        span.events_left_out = u32::try_from(tally.bad.len().saturating_sub(MAX_EVENTS)).unwrap_or(u32::MAX);
        span
    }

    /// What became of a test that did not pass. When exactly is not known: it was judged at the end of its attempt.
    fn bad_test(&self, index: TestIndex, at: Time) -> Option<Event> {
        let test = self.facts.test(index);
        let verdict = test.verdict.as_ref()?;
        let mut attributes = vec![("test.case.name", Value::text(&test.test.name))];
        if verdict.kind == VerdictKind::Failed {
            attributes.push(("test.case.result.status", Value::text("fail")));
        }
        attributes.push(("muster.cause", Value::text(&verdict.cause)));
        Some(Event { at, name: format!("test {}", verdict.kind), attributes })
    }

    fn task(&self, task: Task<'_>) -> Span {
        let mut attributes = vec![
            ("cicd.pipeline.task.name", Value::text(task.name)),
            ("cicd.pipeline.task.run.id", Value::Text(task.run)),
        ];
        attributes.extend(task.kind.map(|kind| ("cicd.pipeline.task.type", Value::text(kind))));
        let error = task.end.tell("cicd.pipeline.task.run.result", &mut attributes);
        attributes.extend(task.machine.map(|lease| ("cicd.worker.name", Value::text(&lease.machine.name))));
        Span { attributes, error, ..self.span((task.id, task.parent), task.name, (task.from, task.to)) }
    }

    /// A span within the build: what was told only after the build's end is taken to have ended with it.
    fn span(&self, (id, parent): (SpanId, SpanId), name: &str, (from, to): (Time, Time)) -> Span {
        let start = from.max(self.facts.submitted).min(self.ended.max(self.facts.submitted));
        Span {
            id,
            parent: Some(parent),
            name: name.to_owned(),
            start,
            end: to.min(self.ended).max(start),
            attributes: Attributes::new(),
            events: Vec::new(),
            events_left_out: 0,
            error: None,
        }
    }
}

/// What a phase is called, and which type of task it is; the end of a build is none.
fn names(phase: Phase) -> Option<(&'static str, Option<&'static str>)> {
    match phase {
        Phase::Queue => Some(("queue", None)),
        Phase::Acquire => Some(("acquire", None)),
        Phase::Prepare => Some(("prepare", None)),
        Phase::Make => Some(("make", Some("build"))),
        Phase::Snapshot => Some(("snapshot", None)),
        Phase::List => Some(("list", None)),
        Phase::Test => Some(("test", Some("test"))),
        Phase::Done => None,
    }
}
