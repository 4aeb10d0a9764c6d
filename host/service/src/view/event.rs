//! What happens in a build, as its event stream tells it: one event for each record that people care about.

use engine::{AttemptId, BuildFacts, Fact, LeaseId, Record, TestIndex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::item::cause;
use super::{OutcomeWord, PhaseWord, RoleWord, VerdictWord, seconds, unix_ms};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BuildEvent {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The build exists.
    Submitted,
    /// A phase began; the one before it is over.
    Phase {
        /// Which.
        phase: PhaseWord,
    },
    /// A machine came.
    Joined {
        /// The claim on it.
        lease: u64,
        /// As people know it.
        machine: String,
        /// What it is to the build.
        role: RoleWord,
    },
    /// The made tree stands on a machine.
    Ready {
        /// The claim on it.
        lease: u64,
        /// As people know it.
        machine: String,
    },
    /// A machine went.
    Left {
        /// The claim on it.
        lease: u64,
        /// As people know it.
        machine: String,
        /// How it was lost, if it was.
        lost: Option<String>,
    },
    /// No machine was to be had.
    NoMachine {
        /// Why.
        cause: String,
    },
    /// A whole snapshot of the made tree exists.
    Snapshot {
        /// An earlier build made it.
        reused: bool,
        /// Size as stored.
        bytes: u64,
    },
    /// The tests are known.
    Listed {
        /// How many there are.
        tests: u64,
    },
    /// Their durations are estimated.
    Estimated {
        /// Sum over all tests, in seconds.
        total_s: f64,
    },
    /// A group of tests was started.
    Started {
        /// The attempt.
        attempt: String,
        /// Where.
        machine: String,
        /// How many tests it runs.
        tests: u64,
        /// The first of them.
        first: Option<String>,
    },
    /// A group of tests ended.
    Finished {
        /// The attempt.
        attempt: String,
        /// Where.
        machine: String,
        /// How, in words.
        end: String,
        /// How long it took.
        took_s: f64,
    },
    /// A test has its verdict.
    Test {
        /// Its place in the listed order.
        index: u32,
        /// Its name.
        name: String,
        /// Its verdict.
        verdict: VerdictWord,
        /// Why; null for a plain pass.
        cause: Option<String>,
        /// How long it took.
        took_s: Option<f64>,
    },
    /// A plugin did not keep its contract.
    Fault {
        /// As what it served.
        role: String,
        /// Its name.
        plugin: String,
        /// What it did.
        text: String,
    },
    /// The coordinator started again, and asks for the machines of before.
    Restarted {
        /// How many.
        machines: u64,
    },
    /// After a restart a machine answered, and what it did goes on.
    Adopted {
        /// The claim.
        lease: u64,
        /// The machine.
        machine: String,
    },
    /// Someone wants the build stopped.
    Cancel {
        /// Who or what.
        cause: String,
    },
    /// The build is over; nothing follows.
    Ended {
        /// Its result.
        outcome: OutcomeWord,
        /// Why, where it did not pass.
        cause: Option<String>,
    },
}

impl What {
    /// As the event is named.
    pub fn name(&self) -> &'static str {
        match self {
            What::Submitted => "submitted",
            What::Phase { .. } => "phase",
            What::Joined { .. } => "joined",
            What::Ready { .. } => "ready",
            What::Left { .. } => "left",
            What::NoMachine { .. } => "no_machine",
            What::Snapshot { .. } => "snapshot",
            What::Listed { .. } => "listed",
            What::Estimated { .. } => "estimated",
            What::Started { .. } => "started",
            What::Finished { .. } => "finished",
            What::Test { .. } => "test",
            What::Fault { .. } => "fault",
            What::Restarted { .. } => "restarted",
            What::Adopted { .. } => "adopted",
            What::Cancel { .. } => "cancel",
            What::Ended { .. } => "ended",
        }
    }
}

/// A record as an event; none for what only the engine needs. `facts` may know more than the record's moment did.
pub fn event(facts: &BuildFacts, record: &Record) -> Option<BuildEvent> {
    Some(BuildEvent { at_ms: unix_ms(record.at), what: what(facts, &record.fact)? })
}

fn what(facts: &BuildFacts, fact: &Fact) -> Option<What> {
    Some(match fact {
        Fact::Submitted(_) => What::Submitted,
        Fact::PhaseBegan(phase) => What::Phase { phase: (*phase).into() },
        Fact::LeaseGranted { lease, role, machine } => {
            What::Joined { lease: lease.0, machine: machine.name.clone(), role: (*role).into() }
        }
        Fact::LeaseRefused { cause, .. } => What::NoMachine { cause: cause.to_string() },
        Fact::LeaseReady { lease } => What::Ready { lease: lease.0, machine: machine(facts, *lease) },
        Fact::LeaseEnded { lease, lost } => {
            What::Left { lease: lease.0, machine: machine(facts, *lease), lost: lost.as_ref().map(ToString::to_string) }
        }
        Fact::SnapshotReady { info, reused } => What::Snapshot { reused: *reused, bytes: info.bytes },
        Fact::TestsListed(tests) => What::Listed { tests: tests.len() as u64 },
        Fact::Estimated { tests, .. } => {
            What::Estimated { total_s: seconds(tests.iter().map(|test| test.expected).sum()) }
        }
        Fact::AttemptStarted { attempt, lease, tests } => What::Started {
            attempt: attempt.to_string(),
            machine: machine(facts, *lease),
            tests: tests.len() as u64,
            first: tests.first().map(|test| name(facts, *test)),
        },
        Fact::AttemptEnded { attempt, end, took, .. } => What::Finished {
            attempt: attempt.to_string(),
            machine: attempt_machine(facts, *attempt),
            end: match end {
                Ok(end) => end.to_string(),
                Err(failure) => failure.to_string(),
            },
            took_s: seconds(*took),
        },
        Fact::Verdict { test, verdict } => What::Test {
            index: test.0,
            name: name(facts, *test),
            verdict: verdict.kind.into(),
            cause: Some(verdict.cause.clone()).filter(|cause| !cause.is_empty()),
            took_s: verdict.duration.map(seconds),
        },
        Fact::PluginFaulted { role, plugin, fault } => {
            What::Fault { role: role.clone(), plugin: plugin.name.clone(), text: fault.to_string() }
        }
        Fact::Restarted { leases } => What::Restarted { machines: leases.len() as u64 },
        Fact::LeaseAdopted { lease } => What::Adopted { lease: lease.0, machine: machine(facts, *lease) },
        Fact::CancelAsked { cause } => What::Cancel { cause: cause.clone() },
        Fact::Ended { outcome, .. } => What::Ended { outcome: outcome.into(), cause: cause(outcome) },
        Fact::Decided { .. }
        | Fact::TestReturned { .. }
        | Fact::TestAdded(_)
        | Fact::ToldAgain { .. }
        | Fact::Blamed { .. }
        | Fact::AttemptCalledBack { .. }
        | Fact::PriorityChanged { .. } => return None,
    })
}

fn machine(facts: &BuildFacts, lease: LeaseId) -> String {
    facts.leases.get(&lease).map_or_else(String::new, |lease| lease.machine.name.clone())
}

fn attempt_machine(facts: &BuildFacts, attempt: AttemptId) -> String {
    super::test::machine(facts, attempt).unwrap_or_default()
}

fn name(facts: &BuildFacts, test: TestIndex) -> String {
    facts.tests.get(test.0 as usize).map_or_else(String::new, |facts| facts.test.name.clone())
}
