//! The log streams of a build, and pieces of them.

use coordinator::streams::{EXEC, NOTES, ORDERED};
use engine::{AttemptId, BuildFacts, LeaseId};
use logs::{Match, StreamInfo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamView {
    /// Its name in `/logs/{stream}`: `log`, or what ran.
    pub name: String,
    /// Bytes so far.
    pub bytes: u64,
    /// Nothing more comes.
    pub finished: bool,
    /// The machine it comes from; none for the ordered log.
    pub machine: Option<String>,
}

/// What one machine printed: its streams, in the order they began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MachineLogs {
    /// The number of the claim on it.
    pub lease: u64,
    /// As people know it.
    pub machine: String,
    /// Its streams, by name.
    pub streams: Vec<String>,
}

/// Every stream of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogStreams {
    /// The ordered log first, then the execs.
    pub streams: Vec<StreamView>,
    /// The same by machine.
    pub machines: Vec<MachineLogs>,
}

/// The streams with the machines they come from.
pub fn streams(facts: &BuildFacts, infos: Vec<StreamInfo>) -> LogStreams {
    let mut found: Vec<(Place, StreamView, Option<LeaseId>)> = infos
        .into_iter()
        .filter(|info| info.name == ORDERED || info.name == NOTES || info.name.starts_with(EXEC))
        .map(|info| {
            let name = info.name.strip_prefix(EXEC).unwrap_or(&info.name).to_owned();
            let lease = lease(facts, &name);
            let machine = lease.and_then(|lease| facts.leases.get(&lease)).map(|lease| lease.machine.name.clone());
            (place(&name), StreamView { name, bytes: info.bytes, finished: info.finished, machine }, lease)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name)));
    let machines = facts.leases.iter().map(|(id, lease)| MachineLogs {
        lease: id.0,
        machine: lease.machine.name.clone(),
        streams: found.iter().filter(|(.., of)| *of == Some(*id)).map(|(_, stream, _)| stream.name.clone()).collect(),
    });
    let machines = machines.filter(|machine| !machine.streams.is_empty()).collect();
    LogStreams { machines, streams: found.into_iter().map(|(_, stream, _)| stream).collect() }
}

/// Where a stream stands among the others: the ordered log, making, listing, then the attempts by their numbers.
type Place = (u8, u64);

fn place(name: &str) -> Place {
    match (name, attempt(name)) {
        (ORDERED, _) => (0, 0),
        (NOTES, _) => (0, 1),
        (_, Some(attempt)) => (3, attempt.0),
        (other, None) if other.starts_with("make-") => (1, 0),
        (_, None) => (2, 0),
    }
}

/// `a12` is an attempt.
pub(super) fn attempt(name: &str) -> Option<AttemptId> {
    name.strip_prefix('a')?.parse().ok().map(AttemptId)
}

/// The claim that an exec ran under: its attempt's, or the one in its name: `make-3-1`, `list-3`, with or without `l`.
pub(super) fn lease(facts: &BuildFacts, name: &str) -> Option<LeaseId> {
    if let Some(attempt) = attempt(name) {
        return Some(facts.attempts.get(&attempt)?.lease);
    }
    let number = name.split('-').nth(1)?;
    number.strip_prefix('l').unwrap_or(number).parse().ok().map(LeaseId)
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineView {
    /// Its number, from 1.
    pub line: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its text, terminal sequences included, without the line break.
    pub text: String,
    /// The color and weight that are on where it begins, as parameters of a color sequence: `1;31`; none is plain. What
    /// was switched on more than 64 KiB before is over.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub look: String,
}

/// A piece of a log, as an event carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogPiece {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its text; what is no UTF-8 is replaced.
    pub text: String,
}

/// Some lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinesPage {
    /// In order.
    pub lines: Vec<LineView>,
    /// How many lines there are by now.
    pub total: u64,
    /// Nothing more comes.
    pub finished: bool,
}

/// A line that holds what was searched for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MatchView {
    /// Its number, from 1.
    pub line: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its text, or the part around what was found.
    pub text: String,
}

impl From<Match> for MatchView {
    fn from(found: Match) -> MatchView {
        MatchView { line: found.line, offset: found.offset, text: found.text }
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchPage {
    /// In order.
    pub matches: Vec<MatchView>,
    /// Give this as `from` to go on; null if the search came to the end.
    pub next: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_stand_in_the_order_of_a_build() {
        let mut names = ["a10", "list-1", "a9", "log", "make-1-2"];
        names.sort_by_key(|name| place(name));
        assert_eq!(names, ["log", "make-1-2", "list-1", "a9", "a10"]);
    }
}
