//! The simulated fleet: which buildlets exist, who has them, and how they answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use engine::{
    Answer, AttemptEnd, AttemptId, BuildId, ExecFailure, ExecFailureKind, LeaseId, Machine, OpId, Task, Time,
};

use crate::exec::Exec;
use crate::happening::{Happening, Voice};
use crate::plan::{BuildPlan, Lie, Scripted};
use crate::world::World;

/// How long it takes until the loss of a machine is known.
pub(crate) const DETECTION: Duration = Duration::from_millis(1500);

/// How long missing heartbeats take to be one loss.
pub(crate) const HEARTBEATS: Duration = Duration::from_secs(30);

/// Every buildlet.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    /// No claim is granted any more.
    pub(crate) refuses: bool,
    free: BTreeSet<u32>,
    /// Buildlets in use: the slot, and whether it still answers.
    pub(crate) leased: BTreeMap<LeaseId, (u32, bool)>,
    pub(crate) waiting: VecDeque<OpId>,
    /// Execs that run, or whose end is not durable: their machines remember them.
    pub(crate) execs: BTreeMap<AttemptId, Running>,
    /// Make steps and listings that were begun: when each ends and what it says, if it does.
    pub(crate) steps: BTreeMap<(LeaseId, Step), (Time, Option<Answer>)>,
    /// Machines that stopped and did not say so: nothing answers there, not even with a refusal.
    pub(crate) silent: BTreeSet<LeaseId>,
    /// Effects whose machine says nothing any more.
    pub(crate) muted: BTreeSet<OpId>,
    pub(crate) runs: BTreeMap<(BuildId, String), u32>,
    moods: BTreeMap<u32, Mood>,
}

/// One exec on a buildlet, whether or not a coordinator listens.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// Where.
    pub(crate) lease: LeaseId,
    /// What it does.
    pub(crate) exec: Exec,
    /// What is told when it has ended; nothing where it takes its machine down.
    pub(crate) told: Option<AttemptEnd>,
    /// It is told this much later than it ends.
    pub(crate) delay: Duration,
}

/// What a machine does once under a claim, and is attached to when it is ordered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The make steps.
    Make,
    /// The listing.
    List,
}

/// How a buildlet behaves from some time on.
#[derive(Clone, Debug)]
pub(crate) struct Mood {
    /// It takes this many times as long.
    pub(crate) slow: u32,
    /// It tells what it did this much later.
    pub(crate) delay: Duration,
    /// It lies of its next group.
    pub(crate) lie: Option<Lie>,
    /// What it begins cannot be run.
    pub(crate) fails: Option<ExecFailureKind>,
}

impl Default for Mood {
    fn default() -> Mood {
        Mood { slow: 1, delay: Duration::ZERO, lie: None, fails: None }
    }
}

impl Fleet {
    pub(crate) fn new(machines: u32) -> Fleet {
        Fleet {
            refuses: false,
            free: (1..=machines).collect(),
            leased: BTreeMap::new(),
            waiting: VecDeque::new(),
            execs: BTreeMap::new(),
            steps: BTreeMap::new(),
            silent: BTreeSet::new(),
            muted: BTreeSet::new(),
            runs: BTreeMap::new(),
            moods: BTreeMap::new(),
        }
    }

    /// The claim on the buildlet in this place.
    pub(crate) fn in_slot(&self, slot: u32) -> Option<LeaseId> {
        self.leased.iter().find(|(_, (other, _))| *other == slot).map(|(lease, _)| *lease)
    }

    pub(crate) fn mood(&mut self, slot: u32) -> &mut Mood {
        self.moods.entry(slot).or_default()
    }

    /// How the buildlet of this claim behaves.
    pub(crate) fn mood_of(&mut self, lease: LeaseId) -> Option<&mut Mood> {
        let (slot, _) = self.leased.get(&lease)?;
        self.moods.get_mut(slot)
    }

    pub(crate) fn forget(&mut self, op: OpId) {
        self.waiting.retain(|waiting| *waiting != op);
    }

    pub(crate) fn is_muted(&self, op: OpId) -> bool {
        self.muted.contains(&op)
    }

    pub(crate) fn alive(&self, lease: LeaseId) -> bool {
        self.leased.get(&lease).is_some_and(|(_, alive)| *alive)
    }

    /// Gives back what nobody holds, after a restart of the coordinator.
    pub(crate) fn sweep(&mut self, held: impl Fn(LeaseId) -> bool) {
        let orphans: Vec<LeaseId> = self.leased.keys().copied().filter(|lease| !held(*lease)).collect();
        for lease in orphans {
            self.give_back(lease);
        }
        self.waiting.clear();
    }

    /// Nothing that is under way is attached to again.
    pub(crate) fn forget_execs(&mut self) {
        self.execs.clear();
        self.steps.clear();
    }

    /// Buildlets in use that still answer.
    pub(crate) fn slots_in_use(&self) -> Vec<u32> {
        self.leased.values().filter(|(_, alive)| *alive).map(|(slot, _)| *slot).collect()
    }

    pub(crate) fn give_back(&mut self, lease: LeaseId) {
        if let Some((slot, _)) = self.leased.remove(&lease) {
            self.free.insert(slot);
            self.silent.remove(&lease);
            self.execs.retain(|_, running| running.lease != lease);
            self.steps.retain(|(other, _), _| *other != lease);
        }
    }

    /// Claims that were never given back.
    pub(crate) fn held(&self) -> impl Iterator<Item = LeaseId> {
        self.leased.keys().copied()
    }
}

/// The name of the buildlet in this place.
pub(crate) fn slot_name(slot: u32) -> String {
    format!("m{slot}")
}

pub(crate) fn failure(kind: ExecFailureKind, detail: &str) -> ExecFailure {
    ExecFailure::new(kind, detail)
}

impl World {
    pub(crate) fn build(&self, build: BuildId) -> &BuildPlan {
        self.plan.builds.iter().find(|plan| plan.spec.build == build).expect("only planned builds are submitted")
    }

    /// Answers an effect after this long; now and then twice, or one that was never asked for.
    pub(crate) fn reply(&mut self, op: OpId, after: Duration, answer: Answer) {
        let life = self.life();
        let at = self.now.plus(after);
        if self.trouble(self.plan.faults.twice) {
            let later = at.plus(self.rng.millis(0, 60_000));
            let answer = Box::new(answer.clone());
            self.at(later, Happening::Answer { op, answer, life, voice: Voice::Stale });
        }
        if let Some(later) = self.again {
            let again = Happening::Answer { op, answer: Box::new(answer.clone()), life, voice: Voice::Stale };
            self.at(at.plus(later), again);
        }
        if self.trouble(self.plan.faults.unknown) {
            let other = OpId(op.0 ^ (1 << 63));
            let answer = Box::new(answer.clone());
            self.at(at, Happening::Answer { op: other, answer, life, voice: Voice::Stale });
        }
        self.reply_as(op, after, answer, Voice::Own);
    }

    pub(crate) fn reply_as(&mut self, op: OpId, after: Duration, answer: Answer, voice: Voice) {
        let life = self.life();
        let at = self.now.plus(after);
        self.at(at, Happening::Answer { op, answer: Box::new(answer), life, voice });
    }

    pub(crate) fn slowness(&mut self) -> u32 {
        if self.trouble(self.plan.faults.slow) { self.rng.between(2, 4) } else { 1 }
    }

    pub(crate) fn acquire(&mut self, op: OpId, build: BuildId, lease: LeaseId) {
        if self.fleet.refuses || self.trouble(self.plan.faults.refused) {
            self.model.trouble(build);
            let after = self.some(0, 5000);
            let refusal = failure(ExecFailureKind::Refused, "no machine is to be had");
            self.reply(op, after, Answer::LeaseRefused(refusal));
        } else if self.trouble(self.plan.faults.no_grant) {
            self.model.trouble(build);
        } else if self.fleet.free.is_empty() {
            // Waiting for others is no trouble, unless it takes too long.
            self.model.trouble(build);
            self.fleet.waiting.push_back(op);
        } else {
            self.grant(op, build, lease);
        }
    }

    fn grant(&mut self, op: OpId, build: BuildId, lease: LeaseId) {
        let Some(slot) = self.fleet.free.pop_first() else { return };
        self.fleet.leased.insert(lease, (slot, true));
        let machine = Machine {
            name: slot_name(slot),
            host_type: "linux".into(),
            machine: format!("host{}", (slot - 1) / self.plan.per_machine),
            pool: "sim".into(),
        };
        let takes = self.plan.starts.get(&slot).copied();
        let after = takes.unwrap_or(self.build(build).machine_takes) * self.slowness();
        if self.trouble(self.plan.faults.lost_idle) {
            self.model.trouble(build);
            let at = self.now.plus(after).plus(self.rng.millis(0, 60_000));
            self.at(at, Happening::Scripted(Scripted::Lose(slot)));
        }
        self.reply(op, after, Answer::LeaseGranted(machine));
    }

    pub(crate) fn release(&mut self, op: OpId, lease: LeaseId) {
        self.fleet.give_back(lease);
        let after = self.some(0, 500);
        self.reply(op, after, Answer::LeaseReleased);
        while let Some(waiting) = self.fleet.waiting.front().copied() {
            let Some(flight) = self.in_flight.get(&waiting) else {
                self.fleet.waiting.pop_front();
                continue;
            };
            let Task::AcquireLease { lease, .. } = flight.task else { return };
            let build = flight.build;
            if self.fleet.free.is_empty() {
                return;
            }
            self.fleet.waiting.pop_front();
            self.grant(waiting, build, lease);
        }
    }
}
