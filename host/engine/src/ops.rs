//! Effects under way. A stale or unknown id is ignored here and nowhere else.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{BuildId, OpId, Task, Time};

/// An effect that has not been answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Op {
    pub(crate) build: BuildId,
    pub(crate) task: Task,
    /// Past this it counts as failed and its answer as stale.
    pub(crate) deadline: Time,
    /// From when on its time counts.
    pub(crate) from: Time,
    /// It counts as failed already; only a claim that it may still bring is of interest.
    pub(crate) lingers: bool,
}

/// All effects under way, of all builds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ops {
    under_way: BTreeMap<OpId, Op>,
    last: u64,
}

impl Ops {
    /// Numbers from here on are above this one.
    pub(crate) fn number_above(&mut self, last: u64) {
        self.last = self.last.max(last);
    }

    pub(crate) fn begin(&mut self, build: BuildId, task: Task, now: Time, limit: Duration) -> OpId {
        self.last += 1;
        let op = OpId(self.last);
        self.under_way.insert(op, Op { build, task, deadline: now.plus(limit), from: now, lingers: false });
        op
    }

    /// It begins only now: all its time is still before it.
    pub(crate) fn begun(&mut self, op: OpId, now: Time) {
        if let Some(op) = self.under_way.get_mut(&op) {
            op.deadline = op.deadline.plus(now.since(op.from));
            op.from = now;
        }
    }

    /// Ends an effect; none if it is not under way.
    pub(crate) fn end(&mut self, op: OpId) -> Option<Op> {
        self.under_way.remove(&op)
    }

    /// Goes on looking out for an answer that comes too late.
    pub(crate) fn linger(&mut self, id: OpId, op: &Op, deadline: Time) {
        self.under_way.insert(id, Op { deadline, lingers: true, ..op.clone() });
    }

    /// Wants the answer by this time at the latest.
    pub(crate) fn hasten(&mut self, op: OpId, deadline: Time) {
        if let Some(op) = self.under_way.get_mut(&op) {
            op.deadline = op.deadline.min(deadline);
        }
    }

    pub(crate) fn get(&self, op: OpId) -> Option<&Op> {
        self.under_way.get(&op)
    }

    pub(crate) fn of(&self, build: BuildId) -> impl Iterator<Item = (OpId, &Op)> {
        self.under_way.iter().filter(move |(_, op)| op.build == build).map(|(id, op)| (*id, op))
    }

    /// The first effect whose deadline has passed.
    pub(crate) fn overdue(&self, now: Time) -> Option<OpId> {
        self.under_way.iter().find(|(_, op)| op.deadline <= now).map(|(id, _)| *id)
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.under_way.values().map(|op| op.deadline).min()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LeaseId;

    #[test]
    fn what_begins_late_has_all_its_time() {
        let at = |seconds: u64| Time::from_nanos(seconds * 1_000_000_000);
        let mut ops = Ops::default();
        let task = Task::ReleaseLease { lease: LeaseId(1), broken: false };
        let op = ops.begin(BuildId(1), task, at(10), Duration::from_secs(5));
        ops.begun(op, at(300));
        assert_eq!((ops.overdue(at(304)), ops.overdue(at(305))), (None, Some(op)));
        ops.hasten(op, at(302));
        assert_eq!(ops.next_deadline(), Some(at(302)));
    }
}
