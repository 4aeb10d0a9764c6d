//! What a single record must obey.

use engine::{
    Answer, AttemptId, BuildFacts, Event, Fact, LeaseFacts, LeaseId, Machine, Phase, Record, Role, TestIndex,
};

use super::{Checker, Told};
use crate::rules;

impl Checker {
    pub(super) fn check_record(&self, facts: &BuildFacts, event: &Event, record: &Record) -> Result<(), String> {
        let wrong = match &record.fact {
            Fact::PhaseBegan(Phase::Acquire) if facts.phases.is_empty() => self.check_turn(facts),
            Fact::LeaseGranted { lease, role, machine } => self.check_grant(facts, *lease, *role, machine),
            Fact::TestsListed(_) if !facts.tests.is_empty() => Err("the tests are listed twice".into()),
            Fact::AttemptStarted { attempt, lease, tests } => self.check_start(facts, *attempt, *lease, tests),
            Fact::AttemptEnded { attempt, end, .. } => {
                let lease = facts.attempts[attempt].lease;
                let given_up = self.adoption.given_up(facts, lease, end.as_ref().err(), record.at);
                given_up.and_then(|()| self.check_attempt_end(event, *attempt, end.is_ok()))
            }
            Fact::LeaseEnded { lease, lost } => self.adoption.given_up(facts, *lease, lost.as_ref(), record.at),
            Fact::TestReturned { test, cause, .. } => rules::returned(facts, *test, cause),
            Fact::Verdict { test, verdict } => {
                let told = self.told.as_ref().and_then(Told::attempt);
                let copied = self.copies.contains(&(record.build, *test));
                rules::verdict(facts, *test, verdict, told, copied)
            }
            _ => Ok(()),
        };
        wrong.map_err(|wrong| format!("{}: {wrong}", record.build))
    }

    /// Of the builds that wait, the one with the highest priority is next; of equals the older.
    fn check_turn(&self, facts: &BuildFacts) -> Result<(), String> {
        let turn = |facts: &BuildFacts| (std::cmp::Reverse(facts.priority), facts.spec.build);
        let waits = |other: &&BuildFacts| other.phases.is_empty() && other.ended.is_none() && other.cancel.is_none();
        match self.builds().filter(waits).find(|other| turn(other) < turn(facts)) {
            Some(earlier) => Err(format!("it is not its turn, but that of {}", earlier.spec.build)),
            None => Ok(()),
        }
    }

    fn check_grant(&self, facts: &BuildFacts, lease: LeaseId, role: Role, machine: &Machine) -> Result<(), String> {
        let others = self.builds().flat_map(|facts| &facts.leases);
        for (other, held) in others {
            if *other == lease {
                return Err(format!("the number of {lease} is used twice"));
            }
            if held.ended.is_none() && held.machine.name == machine.name {
                return Err(format!("{} serves {other} and {lease}", machine.name));
            }
        }
        let helper = |held: &&LeaseFacts| held.role == Role::Helper && held.ended.is_none();
        let helpers = facts.leases.values().filter(helper).count();
        if role == Role::Helper && helpers >= facts.spec.max_helpers as usize {
            return Err(format!("{lease} is one helper too many"));
        }
        Ok(())
    }

    fn check_attempt_end(&self, event: &Event, attempt: AttemptId, well: bool) -> Result<(), String> {
        let told = matches!(event, Event::Answered { answer: Answer::AttemptEnded(_), .. });
        match &self.told {
            Some(Told { op, task: None }) if told && well => Err(format!("a stale answer to {op} ended {attempt}")),
            Some(told) if well && told.attempt() != Some(attempt) => {
                Err(format!("{attempt} ended by the answer of another"))
            }
            None if well => Err(format!("{attempt} ended well and nobody said so")),
            Some(_) | None => Ok(()),
        }
    }

    fn check_start(
        &self,
        facts: &BuildFacts,
        attempt: AttemptId,
        lease: LeaseId,
        tests: &[TestIndex],
    ) -> Result<(), String> {
        let plain: Vec<u32> = tests.iter().map(|test| test.0).collect();
        let mut decided = self.decided.get(&facts.spec.build).into_iter().flatten();
        let decision = decided.find(|start| u64::from(start.worker) == lease.0 && start.tests == plain);
        let Some(decision) = decision else { return Err(format!("{attempt} was started and not decided")) };
        if self.attempts.contains(&attempt) {
            return Err(format!("the number of {attempt} is used twice"));
        }
        rules::machine(facts, lease).map_err(|wrong| format!("{attempt} was started on {lease}, {wrong}"))?;
        rules::still_testing(facts).map_err(|wrong| format!("{attempt} was started {wrong}"))?;
        rules::alone(facts, lease, tests)?;
        for test in tests {
            rules::free(facts, *test, decision.copy)?;
        }
        if decision.copy { Ok(()) } else { rules::group(facts, tests) }
    }
}
