//! What the ordered log says of restarts of the coordinator, and when.
//!
//! Whoever followed the log may have seen more of it than was durable when the coordinator was killed. That comes again,
//! byte for byte, as long as nothing is put before it: so a restart is told behind the output of the command that ran
//! meanwhile.

use engine::{BuildFacts, Fact, Phase, RestartFacts};

/// The restarts so far by their numbers, from 1, if this fact makes it the time to tell of them; those that the log has are
/// not told again.
pub(super) fn to_be_told(facts: &BuildFacts, fact: &Fact) -> Vec<(u64, String)> {
    let may_change = matches!(
        fact,
        Fact::Restarted { .. }
            | Fact::LeaseAdopted { .. }
            | Fact::LeaseEnded { .. }
            | Fact::PhaseBegan(_)
            | Fact::Ended { .. }
    );
    let answered = facts.restarts.last().filter(|last| may_change && last.asked.is_empty());
    let Some(last) = answered else { return Vec::new() };
    // A command whose machine was given up is run again from its beginning: there is nothing to wait for.
    if prints(facts.phase()) && last.given_up.is_empty() && facts.ended.is_none() {
        return Vec::new();
    }
    (1..).zip(facts.restarts.iter().map(text)).collect()
}

/// Whether the output of the phase's commands goes into the log as it comes.
fn prints(phase: Phase) -> bool {
    match phase {
        Phase::Make | Phase::List => true,
        Phase::Queue | Phase::Acquire | Phase::Prepare | Phase::Snapshot | Phase::Test | Phase::Done => false,
    }
}

fn text(restart: &RestartFacts) -> String {
    if !restart.asked.is_empty() {
        return "Coordinator restarted: once more before all machines had answered.".to_owned();
    }
    let machines = |count: usize, what: &str| match count {
        1 => format!("1 machine {what}"),
        count => format!("{count} machines {what}"),
    };
    let adopted = machines(restart.adopted.len(), "taken up again");
    match restart.given_up.len() {
        0 => format!("Coordinator restarted: {adopted}."),
        lost => format!("Coordinator restarted: {adopted}, {}.", machines(lost, "given up")),
    }
}
