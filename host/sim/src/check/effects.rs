//! What must hold of each effect, the records of its step being durable.

use std::collections::BTreeMap;

use engine::{BuildId, Effect, OpId, Task, Time};

use super::Checker;
use crate::happening::InFlight;
use crate::rules;
use crate::work::lease_of;

impl Checker {
    /// One effect, in its turn, the records of its step being durable.
    pub(crate) fn before(
        &mut self,
        now: Time,
        effect: &Effect,
        in_flight: &BTreeMap<OpId, InFlight>,
    ) -> Result<(), String> {
        match effect {
            Effect::Record(_) | Effect::Cancel(_) => Ok(()),
            Effect::Publish { build, attempt } => {
                let facts = self.facts(*build).and_then(|facts| facts.attempts.get(attempt));
                if facts.is_none_or(|facts| facts.ended.is_none()) {
                    return Err(format!("{build}: {attempt} is published before its end"));
                }
                let facts = &self.folded[build];
                let log = self.logs.entry(*build).or_default();
                log.published(facts, *attempt).map_err(|wrong| format!("{build}: {wrong}"))?;
                rules::has_its_turn(facts, *attempt).map_err(|wrong| format!("{build}: {wrong}"))
            }
            Effect::Do { op, build, task } => self.check_task(now, *op, *build, task, in_flight),
        }
    }

    fn check_task(
        &mut self,
        now: Time,
        op: OpId,
        build: BuildId,
        task: &Task,
        in_flight: &BTreeMap<OpId, InFlight>,
    ) -> Result<(), String> {
        if !self.ops.insert(op) {
            return Err(format!("{build}: the id {op} is used twice"));
        }
        if let Task::RunGroup { attempt, .. } = task {
            self.attempts.insert(*attempt);
            if self.facts(build).is_none_or(|facts| !facts.attempts.contains_key(attempt)) {
                return Err(format!("{build}: {attempt} runs and is not recorded"));
            }
        }
        let Some(lease) = lease_of(task) else { return Ok(()) };
        if matches!(task, Task::AdoptLease { .. }) && !self.adoption.asks(lease, now) {
            return Err(format!("{build}: {lease} is asked for twice"));
        }
        let facts = self.facts(build).and_then(|facts| facts.leases.get(&lease));
        match task {
            Task::AcquireLease { .. } if facts.is_some() => {
                return Err(format!("{build}: the number of {lease} is used twice"));
            }
            Task::AcquireLease { .. } => {}
            Task::ReleaseLease { .. } => {
                if facts.is_some_and(|facts| facts.ended.is_none()) {
                    return Err(format!("{build}: {lease} is given back and not ended"));
                }
                if !self.released.insert(lease) {
                    return Err(format!("{build}: {lease} is given back twice"));
                }
            }
            _ if facts.is_none_or(|facts| facts.ended.is_some()) => {
                return Err(format!("{build}: a task for {lease}, which is not held: {task:?}"));
            }
            _ => {
                let there = |flight: &&InFlight| !flight.canceled && lease_of(&flight.task) == Some(lease);
                if let Some(other) = in_flight.values().find(there) {
                    return Err(format!("{build}: {lease} is asked for {task:?} while it does {:?}", other.task));
                }
            }
        }
        Ok(())
    }
}
