//! What a server tells of a build, as the updates that `muster build` shows.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::{Role, VerdictKind};
use service::view::{BuildEvent, PhaseWord, RoleWord, VerdictWord, What};

use crate::view::{BuildUpdate, BuildletState, PhaseEdge};

/// Turns events into updates.
#[derive(Default)]
pub(super) struct Updates {
    phase: Option<(String, u64)>,
    roles: BTreeMap<u64, Role>,
    machines: BTreeMap<String, Role>,
}

impl Updates {
    /// The updates that an event comes to.
    pub(super) fn of(&mut self, event: BuildEvent) -> Vec<BuildUpdate> {
        match event.what {
            What::Phase { phase } => self.phase(phase, event.at_ms),
            What::Joined { lease, machine, role } => {
                let role = if role == RoleWord::Main { Role::Main } else { Role::Helper };
                self.roles.insert(lease, role);
                self.machines.insert(machine.clone(), role);
                vec![buildlet(machine, role, BuildletState::SettingUp)]
            }
            What::Ready { lease, machine } => vec![buildlet(machine, self.role(lease), BuildletState::Idle)],
            What::Left { lease, machine, lost } => {
                let state = lost.map_or(BuildletState::Released, |cause| BuildletState::Lost { cause });
                vec![buildlet(machine, self.role(lease), state)]
            }
            What::NoMachine { cause } => vec![BuildUpdate::Note(format!("no machine: {cause}"))],
            What::Snapshot { reused: true, .. } => {
                vec![BuildUpdate::Note("an earlier build's snapshot is used".to_owned())]
            }
            What::Snapshot { reused: false, bytes } => {
                vec![BuildUpdate::Snapshot { reused: false, age: Duration::ZERO, bytes }]
            }
            What::Listed { tests } => vec![BuildUpdate::Listed { tests }],
            What::Estimated { total_s } => {
                vec![BuildUpdate::Estimates { total: span(total_s), unknown: 0 }]
            }
            What::Started { machine, first, .. } => {
                let tests = first.into_iter().collect();
                let role = self.role_of(&machine);
                vec![buildlet(machine, role, BuildletState::Running { tests, since: Duration::ZERO })]
            }
            What::Finished { machine, .. } => {
                let role = self.role_of(&machine);
                vec![buildlet(machine, role, BuildletState::Idle)]
            }
            What::Test { name, verdict, cause, took_s, .. } => vec![BuildUpdate::TestDone {
                name,
                kind: kind(verdict),
                duration: took_s.map(span),
                buildlet: String::new(),
                cause: cause.unwrap_or_default(),
                added: false,
            }],
            What::Fault { role, plugin, text } => {
                vec![BuildUpdate::PluginFault { plugin: format!("{plugin} ({role})"), digest: String::new(), text }]
            }
            What::Restarted { machines } => {
                vec![BuildUpdate::Note(format!(
                    "the coordinator restarted, and asks for {machines} machines of before"
                ))]
            }
            What::Adopted { machine, .. } => vec![BuildUpdate::Note(format!("{machine} was taken up again"))],
            What::Cancel { cause } => vec![BuildUpdate::Note(format!("is being stopped: {cause}"))],
            What::Ended { .. } => self.end_phase(event.at_ms).into_iter().collect(),
            What::Submitted => Vec::new(),
        }
    }

    fn role(&self, lease: u64) -> Role {
        self.roles.get(&lease).copied().unwrap_or(Role::Helper)
    }

    fn role_of(&self, machine: &str) -> Role {
        self.machines.get(machine).copied().unwrap_or(Role::Helper)
    }

    fn phase(&mut self, phase: PhaseWord, at_ms: u64) -> Vec<BuildUpdate> {
        let mut updates: Vec<BuildUpdate> = self.end_phase(at_ms).into_iter().collect();
        if phase != PhaseWord::Done {
            let name = format!("{phase:?}").to_lowercase();
            updates.push(BuildUpdate::Phase { name: name.clone(), edge: PhaseEdge::Started });
            self.phase = Some((name, at_ms));
        }
        updates
    }

    fn end_phase(&mut self, at_ms: u64) -> Option<BuildUpdate> {
        let (name, began) = self.phase.take()?;
        let took = Duration::from_millis(at_ms.saturating_sub(began));
        Some(BuildUpdate::Phase { name, edge: PhaseEdge::Ended { took } })
    }
}

fn buildlet(name: String, role: Role, state: BuildletState) -> BuildUpdate {
    BuildUpdate::Buildlet { name, role, pool: String::new(), pid: None, state }
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn kind(verdict: VerdictWord) -> VerdictKind {
    match verdict {
        VerdictWord::Passed => VerdictKind::Passed,
        VerdictWord::Failed => VerdictKind::Failed,
        VerdictWord::Flaky => VerdictKind::Flaky,
        VerdictWord::Skipped => VerdictKind::Skipped,
        VerdictWord::Lost => VerdictKind::Lost,
        VerdictWord::NotRun => VerdictKind::NotRun,
    }
}
