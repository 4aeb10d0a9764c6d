//! What must hold when nothing is left to happen.

use std::time::Duration;

use super::Checker;
use crate::plan::{BuildPlan, Faults, Nature, TestPlan};
use crate::world::World;

/// When trouble has stopped, every build ends within this: several times the limits of all phases, and all tests of
/// the largest build one after the other at their limits.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

impl Checker {
    /// When nothing is left to happen.
    pub(crate) fn check_end(&self, world: &World) -> Result<(), String> {
        if !world.engine.is_idle() {
            return Err("nothing is going to happen, and the engine is not through".into());
        }
        for plan in &world.plan.builds {
            let build = plan.spec.build;
            let ended = self.facts(build).and_then(|facts| facts.ended.as_ref());
            let Some((at, ..)) = ended else { return Err(format!("{build}: never ended")) };
            if *at > world.plan.heal.plus(LONGEST) {
                return Err(format!("{build}: ended {:?} after the trouble did", at.since(world.plan.heal)));
            }
            let whole = self.check_whole(plan).and_then(|()| self.check_starts(world, plan));
            whole.map_err(|wrong| format!("{build}: {wrong}"))?;
        }
        match world.fleet.held().next() {
            Some(lease) => Err(format!("{lease} was granted and never given back")),
            None => Ok(()),
        }
    }

    /// Of a build that ended nothing is left: each listed test was kept and told of, and no machine is held.
    fn check_whole(&self, plan: &BuildPlan) -> Result<(), String> {
        let facts = &self.folded[&plan.spec.build];
        let listed = facts.tests.iter().filter(|test| !test.added).map(|test| test.test.name.as_str());
        if !facts.tests.is_empty() && !listed.eq(plan.tests.iter().map(|plan| plan.test.name.as_str())) {
            return Err("the tests at its end are not those that were listed".into());
        }
        if let Some((lease, _)) = facts.leases.iter().find(|(_, lease)| lease.ended.is_none()) {
            return Err(format!("it is over, and {lease} is not"));
        }
        if let Some((attempt, _)) = facts.attempts.iter().find(|(_, attempt)| attempt.ended.is_none()) {
            return Err(format!("it is over, and {attempt} is not"));
        }
        self.logs.get(&plan.spec.build).map_or(Ok(()), |log| log.whole(facts))
    }

    /// Where machines are waited for and nothing but restarts goes wrong, no test is started a second time.
    fn check_starts(&self, world: &World, plan: &BuildPlan) -> Result<(), String> {
        let plain = |test: &TestPlan| matches!(test.nature, Nature::Passes | Nature::Fails | Nature::Skips);
        let quiet = world.plan.adoption.is_some() && world.plan.faults == Faults::default() && !world.plan.steady;
        if !quiet || plan.spec.retries > 0 || !plan.spec.parsed || !plan.tests.iter().all(plain) {
            return Ok(());
        }
        let build = plan.spec.build;
        let facts = &self.folded[&build];
        for index in facts.indices().filter(|index| !self.copies.contains(&(build, *index))) {
            let name = &facts.test(index).test.name;
            let starts = world.fleet.runs.get(&(build, name.clone())).copied().unwrap_or_default();
            if starts > 1 {
                return Err(format!("{name} was started {starts} times, and nothing but restarts went wrong"));
            }
        }
        Ok(())
    }
}
