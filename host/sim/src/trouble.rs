//! Machines that stop, and effects that are called back.

use std::time::Duration;

use engine::{
    Answer, AttemptId, BuildId, CommandEnd, Event, ExecFailure, ExecFailureKind, LeaseId, OpId, Status, Task,
};

use crate::exec::{Ending, report};
use crate::fleet::{DETECTION, HEARTBEATS, failure};
use crate::happening::{Happening, Stop, Voice};
use crate::work::{lease_of, phase_answer};
use crate::world::World;

impl World {
    /// Whether progress of this exec still reaches us.
    pub(crate) fn still_runs(&self, op: OpId) -> bool {
        let lease = self.in_flight.get(&op).and_then(|flight| lease_of(&flight.task));
        lease.is_some_and(|lease| self.fleet.alive(lease))
    }

    /// The exec stops with its machine, if it still runs.
    pub(crate) fn stop_exec(&mut self, attempt: AttemptId, how: Stop) {
        let running = self.fleet.execs.get(&attempt).filter(|running| running.exec.end.0 >= self.now);
        if let Some(lease) = running.map(|running| running.lease).filter(|lease| self.fleet.alive(*lease)) {
            self.stop(lease, how);
        }
    }

    /// What is seen of a task when its machine fails it.
    fn seen_failing(&self, build: BuildId, task: &Task, failed: &ExecFailure) -> Answer {
        let exec = match task {
            Task::RunGroup { attempt, .. } => self.fleet.execs.get(attempt),
            _ => None,
        };
        match exec {
            Some(running) => Answer::AttemptEnded(Box::new(running.exec.seen(self.now, Err(failed.clone())))),
            None => phase_answer(task, self.build(build), Some(failed.clone())),
        }
    }

    /// A machine stops: whatever is under way on it ends as an exec failure, sooner or later.
    pub(crate) fn stop(&mut self, lease: LeaseId, how: Stop) {
        let dies = how == Stop::Lost && self.trouble(self.plan.faults.dying);
        let how = if dies { Stop::Dying } else { how };
        let Some(entry) = self.fleet.leased.get_mut(&lease) else { return };
        entry.1 = false;
        if matches!(how, Stop::Frozen | Stop::Unnoticed) {
            self.fleet.silent.insert(lease);
        }
        let (after, detail) = match how {
            Stop::Lost | Stop::Dying => (DETECTION, "connection reset"),
            Stop::Frozen | Stop::Unnoticed => (HEARTBEATS, "3 heartbeats missed"),
        };
        let lost = failure(ExecFailureKind::MachineLost, detail);
        for (op, build, task) in self.on_machine(lease) {
            self.model.trouble(build);
            self.fleet.muted.insert(op);
            let mut answer = self.seen_failing(build, &task, &lost);
            if let (Stop::Dying, Answer::AttemptEnded(seen)) = (how, &mut answer) {
                let open = seen.open.take();
                seen.reports.extend(open.map(|name| report(&name, Status::Failed, Duration::ZERO)));
            }
            if how != Stop::Unnoticed {
                self.reply_as(op, after, answer, Voice::Host);
            }
        }
        if how != Stop::Unnoticed {
            let told = self.now.plus(after);
            self.at(told, Happening::Tell(Event::MachineLost { lease, cause: lost }));
        }
    }

    /// A machine stops at a set time, if it is in use.
    pub(crate) fn stop_slot(&mut self, slot: u32, how: Stop) {
        if let Some(lease) = self.fleet.in_slot(slot) {
            self.stop(lease, how);
        }
    }

    /// What a machine does ends as an exec failure; what it begins later does so too.
    pub(crate) fn fail_slot(&mut self, slot: u32, kind: ExecFailureKind) {
        self.fleet.mood(slot).fails = Some(kind);
        let Some(lease) = self.fleet.in_slot(slot) else { return };
        let failed = failure(kind, "as the scenario says");
        for (op, build, task) in self.on_machine(lease) {
            self.model.trouble(build);
            self.fleet.muted.insert(op);
            let answer = self.seen_failing(build, &task, &failed);
            self.reply_as(op, Duration::ZERO, answer, Voice::Host);
        }
    }

    fn on_machine(&self, lease: LeaseId) -> Vec<(OpId, BuildId, Task)> {
        let there = |task: &Task| lease_of(task) == Some(lease) && !matches!(task, Task::ReleaseLease { .. });
        let flights = self.in_flight.iter().filter(|(_, flight)| there(&flight.task));
        flights
            .filter(|(_, flight)| !matches!(flight.task, Task::AcquireLease { .. }))
            .map(|(op, flight)| (*op, flight.build, flight.task.clone()))
            .collect()
    }

    /// The engine calls an effect back: it ends soon.
    pub(crate) fn call_back(&mut self, op: OpId) {
        let Some(flight) = self.in_flight.get(&op).cloned() else { return };
        let after = self.some(0, 1000);
        let canceled = failure(ExecFailureKind::Other, "called back");
        match flight.task {
            Task::AcquireLease { lease, .. } => {
                self.fleet.waiting.retain(|waiting| *waiting != op);
                if self.fleet.leased.contains_key(&lease) {
                    if self.trouble(self.plan.faults.late_grant) {
                        return;
                    }
                    self.fleet.give_back(lease);
                }
                self.reply(op, Duration::ZERO, Answer::LeaseRefused(canceled));
            }
            Task::RunGroup { attempt, lease, .. } => {
                if !self.fleet.alive(lease) {
                    return;
                }
                let killed = self.either();
                let delay = self.fleet.mood_of(lease).map(|mood| mood.delay).unwrap_or_default();
                let Some(running) = self.fleet.execs.get_mut(&attempt) else { return };
                let at = self.now.plus(after).min(running.exec.end.0);
                let signaled = CommandEnd::Signaled("killed".into());
                let seen = running.exec.seen(at, if killed { Ok(signaled.clone()) } else { Err(canceled) });
                // Whoever attaches to it later sees that it was killed, and not by whom.
                if at < running.exec.end.0 {
                    running.told = Some(running.exec.seen(at, Ok(signaled.clone())));
                    running.exec.end = (at, Ending::Command(signaled));
                }
                self.reply(op, after + delay, Answer::AttemptEnded(Box::new(seen)));
            }
            Task::AdoptLease { .. } | Task::ReleaseLease { .. } => {}
            Task::Estimate | Task::PlanHelpers(_) | Task::Decide(_) | Task::FindSnapshot => {}
            Task::PushSource { .. }
            | Task::SetUp { .. }
            | Task::Make { .. }
            | Task::SaveSnapshot { .. }
            | Task::ListTests { .. } => {
                let plan = self.build(flight.build).clone();
                self.reply(op, after, phase_answer(&flight.task, &plan, Some(canceled)));
            }
        }
    }
}
