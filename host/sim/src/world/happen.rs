//! What happens outside, and what the engine is told of it.

use engine::{Answer, Event, OpId};

use super::World;
use crate::happening::{Happening, Stop, Voice};
use crate::plan::Scripted;

impl World {
    /// Lets something happen; what the engine is to be told of it.
    pub(super) fn happen(&mut self, happening: Happening) -> Result<Option<Event>, String> {
        let Some(happening) = self.unless_down(happening) else { return Ok(None) };
        match happening {
            Happening::Submit(place) => Ok(Some(Event::BuildSubmitted(Box::new(self.plan.builds[place].spec.clone())))),
            Happening::Tell(event) => Ok(Some(event)),
            Happening::Progress(op, event) => Ok(self.still_runs(op).then_some(event)),
            Happening::Stops(attempt, how) => {
                self.stop_exec(attempt, how);
                Ok(None)
            }
            Happening::Up => {
                self.come_back()?;
                Ok(None)
            }
            Happening::Answer { op, answer, life, voice } => Ok(self.answer(op, *answer, life, voice)),
            Happening::Scripted(what) => self.scripted(what),
        }
    }

    fn answer(&mut self, op: OpId, answer: Answer, life: u32, voice: Voice) -> Option<Event> {
        let muted = voice == Voice::Own && self.fleet.is_muted(op);
        // What is told a second time was told before.
        let early = voice == Voice::Stale && life == self.life && self.in_flight.contains_key(&op);
        if muted || early {
            return None;
        }
        let asked = voice != Voice::Stale && life == self.life;
        let flight = asked.then(|| self.in_flight.remove(&op)).flatten();
        let current = flight.is_some();
        // Where nothing is left to chance a killed driver tells nothing, if its machines are waited for.
        let mute = self.plan.steady && self.plan.adoption.is_some();
        let stale = voice == Voice::Stale || (life < self.life && !mute && self.either());
        if !current && !stale {
            return None;
        }
        self.checker.answered(op, flight.map(|flight| flight.task), &answer);
        if !current {
            self.trace.stale(self.now, &answer);
        }
        if current {
            self.fleet.forget(op);
        }
        Some(Event::Answered { op, answer })
    }

    fn scripted(&mut self, what: Scripted) -> Result<Option<Event>, String> {
        self.trace.scripted(self.now, &what);
        match what {
            Scripted::Lose(slot) => self.stop_slot(slot, Stop::Lost),
            Scripted::LoseFailing(slot) => self.stop_slot(slot, Stop::Dying),
            Scripted::Freeze(slot) => self.stop_slot(slot, Stop::Frozen),
            Scripted::Hang(slot) => self.stop_slot(slot, Stop::Unnoticed),
            Scripted::Fail(slot, kind) => self.fail_slot(slot, kind),
            Scripted::Slow(slot, times) => self.fleet.mood(slot).slow = times,
            Scripted::Delay(slot, by) => self.fleet.mood(slot).delay = by,
            Scripted::Lie(slot, lie) => self.fleet.mood(slot).lie = Some(lie),
            Scripted::Refuse => {
                self.fleet.refuses = true;
                self.model.trouble_for_all();
            }
            Scripted::Grant => self.fleet.refuses = false,
            Scripted::Again(after) => self.again = Some(after),
            Scripted::Cancel(place, cause) => {
                let build = self.plan.builds[place].spec.build;
                self.canceled.insert(build);
                return Ok(Some(Event::BuildCanceled { build, cause }));
            }
            Scripted::Prefer(place, priority) => {
                let build = self.plan.builds[place].spec.build;
                return Ok(Some(Event::PriorityChanged { build, priority }));
            }
            Scripted::Restart(down) => self.kill(down)?,
            Scripted::Crash(before, down) => self.crash = Some((before, down)),
        }
        Ok(None)
    }
}
