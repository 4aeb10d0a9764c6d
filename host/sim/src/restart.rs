//! The coordinator is killed and comes back, while machines go on.

use std::time::Duration;

use engine::{Answer, BuildId, Engine, EngineConfig, Event, ExecFailureKind, Fact, LeaseId, Machine, OpId, Record};

use crate::fleet::failure;
use crate::happening::Happening;
use crate::plan::Scripted;
use crate::world::World;

impl World {
    /// The coordinator is gone, and with it all that it had not made durable.
    pub(crate) fn kill(&mut self, down: Duration) -> Result<(), String> {
        self.life += 1;
        self.crash = None;
        self.in_flight.clear();
        self.runs.clear();
        if down.is_zero() {
            return self.come_back();
        }
        self.trace.line(self.now, "   the coordinator is killed");
        self.down = Some(self.now.plus(down));
        self.at(self.now.plus(down), Happening::Up);
        for slot in self.fleet.slots_in_use() {
            if self.trouble(self.plan.faults.gone) {
                let how = [Scripted::Lose(slot), Scripted::Freeze(slot), Scripted::Hang(slot)];
                let how = self.rng.pick(&how).clone();
                let after = down * self.rng.between(0, 100) / 100;
                self.at(self.now.plus(after), Happening::Scripted(how));
            }
        }
        Ok(())
    }

    /// What happens while the coordinator is down: machines go on and stop, whoever wants something of it asks again
    /// later, and what it would have been told is lost.
    pub(crate) fn unless_down(&mut self, happening: Happening) -> Option<Happening> {
        let Some(up) = self.down else { return Some(happening) };
        match happening {
            Happening::Up | Happening::Stops(..) => Some(happening),
            Happening::Submit(_)
            | Happening::Tell(Event::BuildSubmitted(_))
            | Happening::Scripted(Scripted::Cancel(..) | Scripted::Prefer(..)) => {
                self.at(up, happening);
                None
            }
            Happening::Scripted(Scripted::Restart(_) | Scripted::Crash(..)) => None,
            Happening::Scripted(_) => Some(happening),
            Happening::Tell(_) | Happening::Progress(..) | Happening::Answer { .. } => None,
        }
    }

    /// The coordinator comes back with nothing but its records.
    pub(crate) fn come_back(&mut self) -> Result<(), String> {
        self.trace.line(self.now, "   the coordinator starts again");
        self.down = None;
        let over = |record: &Record| matches!(record.fact, Fact::Ended { .. });
        let unfinished = self.records.values().filter(|records| !records.iter().any(over));
        let records: Vec<Record> = unfinished.flatten().cloned().collect();
        self.checker.restarted(&records)?;
        self.model.restarted();
        // What the pools have and no record names is given back by the driver.
        let checker = &self.checker;
        self.fleet.sweep(|lease| checker.holds(lease));
        if self.plan.adoption.is_none() {
            self.fleet.forget_execs();
        }
        let config = EngineConfig { max_active: self.plan.max_active, adoption: self.plan.adoption };
        let (engine, effects) = Engine::recover(config, &records, self.now);
        self.engine = engine;
        self.engine.check_invariants();
        self.take(&Event::Tick, effects)
    }

    /// A machine is asked whether it still serves a claim of before.
    pub(crate) fn adopt(&mut self, op: OpId, build: BuildId, lease: LeaseId, machine: Machine) {
        let after = self.some(0, 1000);
        if self.trouble(self.plan.faults.no_adoption) {
            self.model.trouble(build);
            if self.rng.chance(500) {
                let late = self.plan.adoption.unwrap_or_default() + after;
                self.reply(op, late, Answer::LeaseGranted(machine));
            }
        } else if self.fleet.alive(lease) {
            self.reply(op, after, Answer::LeaseGranted(machine));
        } else {
            self.model.trouble(build);
            if !self.fleet.silent.contains(&lease) {
                let refused = failure(ExecFailureKind::MachineLost, "connection refused");
                self.reply(op, after, Answer::LeaseRefused(refused));
            }
        }
    }
}
