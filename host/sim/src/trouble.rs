//! Machines that stop, and effects that are called back.

use std::time::Duration;

use engine::{Answer, BuildId, CommandEnd, Event, ExecFailureKind, LeaseId, OpId, Status, Task};

use crate::exec::report;
use crate::fleet::{DETECTION, HEARTBEATS, failure};
use crate::work::{lease_of, phase_answer};
use crate::world::{Happening, Stop, Voice, World};

impl World {
    /// Whether progress of this exec still reaches us.
    pub(crate) fn still_runs(&self, op: OpId) -> bool {
        self.in_flight.contains_key(&op) && self.fleet.lease_of(op).is_some_and(|lease| self.fleet.alive(lease))
    }

    /// A machine stops: whatever is under way on it ends as an exec failure, sooner or later.
    pub(crate) fn stop(&mut self, lease: LeaseId, how: Stop) {
        let dies = how == Stop::Lost && self.trouble(self.plan.faults.dying);
        let how = if dies { Stop::Dying } else { how };
        let Some(entry) = self.fleet.leased.get_mut(&lease) else { return };
        entry.1 = false;
        let (after, detail) = match how {
            Stop::Lost | Stop::Dying => (DETECTION, "connection reset"),
            Stop::Frozen | Stop::Unnoticed => (HEARTBEATS, "3 heartbeats missed"),
        };
        let lost = failure(ExecFailureKind::MachineLost, detail);
        for (op, build, task) in self.on_machine(lease) {
            self.model.trouble(build);
            self.fleet.muted.insert(op);
            let answer = match self.fleet.execs.get(&op) {
                Some((_, exec)) => {
                    let mut seen = exec.seen(self.now, Err(lost.clone()));
                    if how == Stop::Dying {
                        let open = seen.open.take();
                        seen.reports.extend(open.map(|name| report(&name, Status::Failed, Duration::ZERO)));
                    }
                    Answer::AttemptEnded(Box::new(seen))
                }
                None => phase_answer(&task, &self.build(build).clone(), Some(lost.clone())),
            };
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
            let answer = match self.fleet.execs.get(&op) {
                Some((_, exec)) => Answer::AttemptEnded(Box::new(exec.seen(self.now, Err(failed.clone())))),
                None => phase_answer(&task, &self.build(build).clone(), Some(failed.clone())),
            };
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
            Task::RunGroup { lease, .. } => {
                if !self.fleet.alive(lease) {
                    return;
                }
                let killed = self.either();
                let delay = self.fleet.mood_of(lease).map(|mood| mood.delay).unwrap_or_default();
                let Some((_, exec)) = self.fleet.execs.get(&op) else { return };
                let at = self.now.plus(after).min(exec.end.0);
                let end = if killed { Ok(CommandEnd::Signaled("killed".into())) } else { Err(canceled) };
                let seen = exec.seen(at, end);
                self.reply(op, after + delay, Answer::AttemptEnded(Box::new(seen)));
            }
            Task::ReleaseLease { .. } => {}
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
