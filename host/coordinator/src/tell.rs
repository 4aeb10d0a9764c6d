//! From records to updates: what is told of a build is what was made durable.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{BuildFacts, CommandEnd, ExecFailure, Fact, LeaseId, Phase, Record, Role, Time};

use crate::job::Job;
use crate::view::{BuildUpdate, BuildletState, PhaseEdge};

/// Tells one build's story.
#[derive(Default)]
pub(crate) struct Teller {
    machines: BTreeMap<LeaseId, Told>,
    phase: Option<(Phase, Time)>,
}

struct Told {
    name: String,
    role: Role,
    pool: String,
    pid: Option<u32>,
}

impl Teller {
    /// The updates that follow from a record. `facts` has it already.
    pub(crate) fn tell(&mut self, job: Option<&Job>, facts: &BuildFacts, record: &Record) -> Vec<BuildUpdate> {
        match &record.fact {
            Fact::PhaseBegan(phase) => self.phase_began(*phase, record.at),
            Fact::LeaseGranted { lease, role, machine } => {
                let pid = job.and_then(|job| job.leases.get(*lease).ok()?.pid);
                let told = Told { name: machine.name.clone(), role: *role, pool: machine.pool.clone(), pid };
                self.machines.insert(*lease, told);
                Vec::new()
            }
            Fact::LeaseRefused { cause, role, .. } => {
                let what = if *role == Role::Main { "main buildlet" } else { "helper" };
                vec![BuildUpdate::Note(format!("no {what}: {cause}"))]
            }
            Fact::LeaseEnded { lease, lost } => {
                let state = lost
                    .as_ref()
                    .map_or(BuildletState::Released, |lost| BuildletState::Lost { cause: lost.to_string() });
                self.machine(*lease, state).into_iter().collect()
            }
            Fact::SnapshotReady { info, reused: true } => {
                vec![BuildUpdate::Snapshot { reused: true, age: info.age, bytes: info.bytes }]
            }
            Fact::AttemptStarted { attempt, lease, tests } => {
                let tests: Vec<String> = tests.iter().map(|index| facts.test(*index).test.name.clone()).collect();
                let state = BuildletState::Running { tests: tests.clone(), since: Duration::ZERO };
                let buildlet = self.name(*lease);
                let started = BuildUpdate::AttemptStarted { attempt: *attempt, buildlet, tests };
                [Some(started), self.machine(*lease, state)].into_iter().flatten().collect()
            }
            Fact::AttemptEnded { attempt, end, took, notes, .. } => {
                let lease = facts.attempts[attempt].lease;
                let (buildlet, text) = (self.name(lease), end_text(end));
                let notes = notes.iter().map(|note| BuildUpdate::Note(format!("{buildlet}: {note}")));
                let mut updates: Vec<BuildUpdate> = notes.collect();
                updates.push(BuildUpdate::AttemptEnded { attempt: *attempt, buildlet, end: text, took: *took });
                updates.extend(self.machine(lease, BuildletState::Idle));
                updates
            }
            Fact::Verdict { test, verdict } => {
                let lease = verdict.attempt.and_then(|attempt| facts.attempts.get(&attempt)).map(|a| a.lease);
                vec![BuildUpdate::TestDone {
                    name: facts.test(*test).test.name.clone(),
                    kind: verdict.kind,
                    duration: verdict.duration,
                    buildlet: lease.map_or_else(String::new, |lease| self.name(lease)),
                    cause: verdict.cause.clone(),
                    added: facts.test(*test).added,
                }]
            }
            Fact::PluginFaulted { role, plugin, fault } => vec![BuildUpdate::PluginFault {
                plugin: plugin.name.clone(),
                digest: plugin.digest.clone(),
                text: format!("{role} plugin {fault}; the built-in rule stands in, where there is one"),
            }],
            Fact::CancelAsked { cause } => vec![BuildUpdate::Note(format!("canceled: {cause}"))],
            Fact::Submitted(_)
            | Fact::Restarted { .. }
            | Fact::LeaseAdopted { .. }
            | Fact::AttemptCalledBack { .. }
            | Fact::LeaseReady { .. }
            | Fact::SnapshotReady { reused: false, .. }
            | Fact::TestsListed(_)
            | Fact::Estimated { .. }
            | Fact::Decided { .. }
            | Fact::TestReturned { .. }
            | Fact::TestAdded(_)
            | Fact::ToldAgain { .. }
            | Fact::Blamed { .. }
            | Fact::PriorityChanged { .. }
            | Fact::Ended { .. } => Vec::new(),
        }
    }

    fn phase_began(&mut self, phase: Phase, at: Time) -> Vec<BuildUpdate> {
        let mut updates = Vec::new();
        if let Some((before, since)) = self.phase.replace((phase, at)) {
            let edge = PhaseEdge::Ended { took: at.since(since) };
            updates.push(BuildUpdate::Phase { name: before.to_string(), edge });
        }
        if phase != Phase::Done {
            updates.push(BuildUpdate::Phase { name: phase.to_string(), edge: PhaseEdge::Started });
        }
        updates
    }

    fn name(&self, lease: LeaseId) -> String {
        self.machines.get(&lease).map_or_else(|| lease.to_string(), |told| told.name.clone())
    }

    fn machine(&self, lease: LeaseId, state: BuildletState) -> Option<BuildUpdate> {
        let Told { name, role, pool, pid } = self.machines.get(&lease)?;
        Some(BuildUpdate::Buildlet { name: name.clone(), role: *role, pool: pool.clone(), pid: *pid, state })
    }
}

/// The end of an attempt, in words.
pub(crate) fn end_text(end: &Result<CommandEnd, ExecFailure>) -> String {
    match end {
        Ok(CommandEnd::Exited(0)) => "ok".to_owned(),
        Ok(end) => end.to_string(),
        Err(failure) => failure.to_string(),
    }
}
