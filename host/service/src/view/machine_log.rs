//! What one machine printed for a build, joined: its execs in the order they ran, each below a heading.

use engine::{AttemptFacts, BuildFacts, LeaseFacts, LeaseId};
use logs::StreamInfo;
use report::text;

use super::logs::{attempt, lease as lease_of};
use super::{RoleWord, StreamView, streams};

/// The letters of a test's name in a heading.
const NAME: usize = 200;

/// The outputs of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MachineLog {
    /// The number of the claim on it.
    pub(crate) lease: u64,
    /// As people know it.
    pub(crate) machine: String,
    /// What it was to the build, and for how long, in words.
    pub(crate) heading: String,
    /// Its execs, in the order they ran.
    pub(crate) parts: Vec<Part>,
    /// It is gone: nothing more comes.
    pub(crate) finished: bool,
}

/// The output of one exec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its name in `/logs/{stream}`.
    pub(crate) stream: String,
    /// What ran, in words.
    pub(crate) heading: String,
    /// Bytes so far.
    pub(crate) bytes: u64,
}

/// What the machine of this claim printed; none if the build has no such claim.
pub(crate) fn machine_log(facts: &BuildFacts, lease: LeaseId, infos: Vec<StreamInfo>) -> Option<MachineLog> {
    let held = facts.leases.get(&lease)?;
    let of_it = streams(facts, infos).streams.into_iter().filter(|stream| lease_of(facts, &stream.name) == Some(lease));
    let parts = of_it.map(|stream| part(facts, stream)).collect();
    Some(MachineLog {
        lease: lease.0,
        machine: held.machine.name.clone(),
        heading: heading(held),
        parts,
        finished: held.ended.is_some() || facts.ended.is_some(),
    })
}

fn heading(held: &LeaseFacts) -> String {
    let span = |to: engine::Time| text::duration(to.since(held.granted));
    let ready = held.ready.map(|at| format!(", the made tree stood there after {}", span(at))).unwrap_or_default();
    let end = match &held.ended {
        Some((at, Some(lost))) => format!(", lost after {}: {lost}", span(*at)),
        Some((at, None)) => format!(", given back after {}", span(*at)),
        None => String::new(),
    };
    let role = RoleWord::from(held.role).word();
    text::one_line(&format!("{} ({role}, {}){ready}{end}", held.machine.name, held.machine.pool), 2 * NAME)
}

fn part(facts: &BuildFacts, stream: StreamView) -> Part {
    let StreamView { name, bytes, .. } = stream;
    let heading = match attempt(&name).and_then(|attempt| facts.attempts.get(&attempt)) {
        Some(attempt) => group(facts, attempt),
        None => step(&name),
    };
    Part { stream: name, heading, bytes }
}

/// A group of tests, and how it ended.
fn group(facts: &BuildFacts, attempt: &AttemptFacts) -> String {
    let first = attempt.tests.first().map(|index| text::one_line(&facts.test(*index).test.name, NAME));
    let tests = match (first, attempt.tests.len().saturating_sub(1)) {
        (Some(first), 0) => first,
        (Some(first), more) => format!("{first} and {more} more"),
        (None, _) => "no test".to_owned(),
    };
    match &attempt.ended {
        Some(ended) => {
            let took = text::duration(ended.took);
            let end = match &ended.end {
                Ok(end) => end.to_string(),
                Err(failure) => failure.to_string(),
            };
            text::one_line(&format!("{tests}; {end} after {took}"), 2 * NAME)
        }
        None => format!("{tests}; it runs"),
    }
}

/// `make-l1-0` is the first step of making; `list-l1` lists the tests.
fn step(name: &str) -> String {
    let number = name.rsplit('-').next().and_then(|number| number.parse::<u64>().ok());
    match (name.split('-').next(), number) {
        (Some("make"), Some(number)) => format!("step {} of making", number + 1),
        (Some("list"), _) => "the tests are listed".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_said_in_words() {
        assert_eq!(
            ["make-l1-0", "make-3-1", "list-l1", "x"].map(step),
            ["step 1 of making", "step 2 of making", "the tests are listed", ""]
        );
    }
}
