//! The bound and each of its parts, on cases that can be worked out by hand. An exec costs one second.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use crate::fixture::{at, facts, test};
use crate::{
    AttemptId, CommandEnd, Estimate, EstimateSource, ExecFailure, ExecFailureKind, Fact, LeaseId, Machine, PluginRef,
    Role, TestIndex, Verdict, VerdictKind,
};

/// The words of one line.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn after(&self, word: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|other| *other == word)?;
        self.0.get(place + 1).copied()
    }

    fn seconds(&self, word: &str) -> Option<Time> {
        Some(at(number(self.after(word)?)))
    }

    fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }

    /// Names with what the test took and what was expected of it: `a:5/3`, `a:5` for both the same, `a:5/?` for one that
    /// nothing was known of, or `a` for one without an end. `+a` is one that nobody listed.
    fn tests(&self) -> Vec<(&'a str, Option<u64>, Option<u64>)> {
        let of = self.0.iter().position(|word| *word == "of").map_or(self.0.len(), |place| place + 1);
        let parse = |word: &&'a str| match word.split_once(':') {
            None => (*word, None, Some(1)),
            Some((name, lengths)) => {
                let (took, expected) = lengths.split_once('/').unwrap_or((lengths, lengths));
                (name, Some(number(took)), (expected != "?").then(|| number(expected)))
            }
        };
        self.0[of..].iter().map(parse).collect()
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

/// The certificate of a test phase that began at 0 and is told line by line:
///
/// ```text
/// machine 1 from 0 [to 9 [lost]]
/// group on 1 from 0 to 6 [lost] of a:5 b:4/2 c +a/part:3
/// over at 9
/// ```
fn certify(story: &str) -> String {
    let lines: Vec<Words> = story.lines().map(|line| Words(line.split_whitespace().collect())).collect();
    let mut facts = facts();
    let mut index = BTreeMap::new();
    let (mut tests, mut estimates) = (Vec::new(), Vec::new());
    for (name, _, expected) in lines.iter().flat_map(Words::tests) {
        if index.contains_key(name) || name.starts_with('+') {
            continue;
        }
        index.insert(name, TestIndex(u32::try_from(tests.len()).unwrap()));
        tests.push(test(name));
        let source = if expected.is_some() { EstimateSource::Table } else { EstimateSource::Prior };
        let expected = expected.map_or(builtin::PRIOR, Duration::from_secs);
        estimates.push(Estimate { expected, deviation: Duration::ZERO, source });
    }
    let phases = facts.expected;
    facts.apply(at(0), &Fact::TestsListed(tests));
    facts.apply(at(0), &Fact::Estimated { tests: estimates, phases, by: PluginRef::built_in() });
    facts.apply(at(0), &Fact::PhaseBegan(Phase::Test));
    let mut over = at(0);
    for (number, line) in (1..).zip(&lines) {
        if let Some(machine) = line.after("machine") {
            machine_of(&mut facts, machine, line);
        } else if let Some(machine) = line.after("on") {
            group_of(&mut facts, AttemptId(number), lease(machine), line, &index);
        } else if let Some(at) = line.seconds("at") {
            over = at;
        }
    }
    show(&Certificate::of(&facts, over))
}

fn lease(name: &str) -> LeaseId {
    LeaseId(number(name))
}

fn lost(line: &Words) -> Option<ExecFailure> {
    line.has("lost").then(|| ExecFailure::new(ExecFailureKind::MachineLost, ""))
}

fn machine_of(facts: &mut BuildFacts, name: &str, line: &Words) {
    let lease = lease(name);
    let machine = Machine { name: name.into(), host_type: "linux".into(), machine: name.into(), pool: "pool".into() };
    let from = line.seconds("from").unwrap();
    facts.apply(from, &Fact::LeaseGranted { lease, role: Role::Helper, machine });
    facts.apply(from, &Fact::LeaseReady { lease });
    if let Some(to) = line.seconds("to") {
        facts.apply(to, &Fact::LeaseEnded { lease, lost: lost(line) });
    }
}

fn group_of(
    facts: &mut BuildFacts,
    attempt: AttemptId,
    lease: LeaseId,
    line: &Words,
    index: &BTreeMap<&str, TestIndex>,
) {
    let (from, to) = (line.seconds("from").unwrap(), line.seconds("to").unwrap());
    let members = line.tests();
    let tests = members.iter().filter_map(|(name, ..)| index.get(name).copied()).collect();
    facts.apply(from, &Fact::AttemptStarted { attempt, lease, tests });
    let end = lost(line).map_or(Ok(CommandEnd::Exited(0)), Err);
    let overhead = Some(Duration::from_secs(1));
    facts.apply(to, &Fact::AttemptEnded { attempt, end, took: to.since(from), overhead, notes: Vec::new() });
    for (name, took, _) in members {
        let Some(took) = took else { continue };
        let duration = Some(Duration::from_secs(took));
        let verdict = Verdict { kind: VerdictKind::Passed, cause: String::new(), duration, attempt: Some(attempt) };
        if name.starts_with('+') {
            facts.apply(to, &Fact::TestAdded(test(name)));
        }
        let test = index.get(name).copied().or_else(|| facts.find_test(name)).unwrap();
        facts.apply(to, &Fact::Verdict { test, verdict });
    }
}

fn show(certificate: &Certificate) -> String {
    let Certificate { tests_took, lower_bound, aggregate, machines, tests, judged, parts, .. } = certificate;
    let explained: Duration = parts.iter().map(|part| part.span).sum();
    assert_eq!(*lower_bound + explained, *tests_took, "the parts add up to the difference");
    let mut text = format!("{tests_took:?} for {aggregate:?} on {machines}, bound {lower_bound:?}");
    for Part { why, span } in parts.iter().filter(|part| !part.span.is_zero()) {
        let _ = write!(text, "; {why} {span:?}");
    }
    if tests != judged {
        let _ = write!(text, "; {judged} of {tests} judged");
    }
    text
}

#[test]
fn one_machine_is_at_its_bound() {
    insta::assert_snapshot!(certify("
        machine 1 from 0
        group on 1 from 0 to 11 of a:4 b:6
        over at 11"), @"11s for 10s on 1, bound 11s");
}

/// They would raise the bound beyond what can be reached.
#[test]
fn parts_of_tests_are_in_their_time() {
    insta::assert_snapshot!(certify("
        machine 1 from 0
        group on 1 from 0 to 12 of a:4 b:6 +a/one:3 +b/two:6
        over at 12"), @"12s for 10s on 1, bound 11s; the rest 1s");
}

#[test]
fn an_even_share_and_one_exec_for_each_machine() {
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0
        group on 1 from 0 to 6 of a:5
        group on 2 from 0 to 6 of b:5
        over at 6"), @"6s for 10s on 2, bound 6s");
}

#[test]
fn the_longest_test_cannot_be_cut() {
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0
        group on 1 from 0 to 10 of a:9
        group on 2 from 0 to 2 of b:1
        over at 10"), @"10s for 10s on 2, bound 10s");
}

#[test]
fn every_exec_beyond_the_first_of_a_machine_costs() {
    // Six execs on two machines: four too many, shared by two.
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0
        group on 1 from 0 to 3 of a:2
        group on 2 from 0 to 3 of b:2
        group on 1 from 3 to 6 of c:2
        group on 2 from 3 to 6 of d:2
        group on 1 from 6 to 9 of e:2
        group on 2 from 6 to 9 of f:2
        over at 9"), @"9s for 12s on 2, bound 7s; exec overhead 2s");
}

#[test]
fn a_late_helper_costs_its_share_of_the_time_it_was_missing() {
    // Ten seconds of tests: 6 s with both from the start, 7 s with one of them 2 s late.
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 2
        group on 1 from 0 to 7 of a:3 b:3
        group on 2 from 2 to 7 of c:2 d:2
        over at 7"), @"7s for 10s on 2, bound 6s; late helpers 1s");
}

#[test]
fn a_helper_that_comes_when_all_is_nearly_over_cannot_be_blamed_for_more_than_its_share() {
    // With both from the start 6 s; alone 11 s: the other's lateness of 100 s never counts as a hundred.
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 100
        group on 1 from 0 to 11 of a:5 b:5
        over at 104"), @"104s for 10s on 2, bound 6s; late helpers 5s; the rest 93s");
}

#[test]
fn lost_machines_cost_what_they_had_not_told_and_their_absence() {
    // Machine 2 is lost at 6: two of the six seconds were told. The other comes at 10, and four seconds are missing:
    // 4 + 4 on two machines.
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0 to 6 lost
        machine 3 from 10
        group on 1 from 0 to 14 of a:13
        group on 2 from 0 to 6 lost of b:2 c
        group on 3 from 10 to 14 of c:3
        over at 14"), @"14s for 18s on 2, bound 14s");
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0 to 6 lost
        machine 3 from 10
        group on 1 from 0 to 7 of a:6
        group on 1 from 7 to 14 of d:6
        group on 2 from 0 to 6 lost of b:2 c
        group on 3 from 10 to 14 of c:3
        over at 14"), @"14s for 17s on 2, bound 9.5s; lost machines 4s; exec overhead 500ms");
}

#[test]
fn a_machine_that_is_lost_when_nothing_is_left_to_start_is_not_missed() {
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0 to 5 lost
        group on 1 from 0 to 9 of a:8
        group on 2 from 0 to 4 of b:3
        over at 9"), @"9s for 11s on 2, bound 9s");
}

#[test]
fn an_underestimated_last_group_lets_the_others_wait() {
    // Machine 1 ends at 14 and not, as was thought, at 8; machine 2 waits from 7 on.
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0
        group on 1 from 0 to 5 of a:4
        group on 2 from 0 to 7 of b:6
        group on 1 from 5 to 14 of c:4/1 d:4/1
        over at 14"), @"14s for 18s on 2, bound 10s; exec overhead 500ms; misestimates 3s; the rest 500ms");
}

#[test]
fn what_nothing_was_known_of_was_not_expected() {
    // As above, and whatever stands in for an estimate explains nothing.
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0
        group on 1 from 0 to 5 of a:4
        group on 2 from 0 to 7 of b:6
        group on 1 from 5 to 14 of c:4/? d:4/?
        over at 14"), @"14s for 18s on 2, bound 10s; exec overhead 500ms; misestimates 3.5s");
}

#[test]
fn a_known_long_test_that_begins_late_lets_the_others_wait() {
    // Nine of seventeen seconds in one test, begun after another.
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0
        group on 1 from 0 to 3 of a:2
        group on 2 from 0 to 7 of b:6
        group on 1 from 3 to 13 of c:9
        over at 13"), @"13s for 17s on 2, bound 10s; exec overhead 500ms; one long test 2.5s");
}

#[test]
fn a_wait_that_is_nobodys_fault_is_the_rest() {
    // Three equal groups on two machines: nothing was misjudged, and none is long.
    insta::assert_snapshot!(certify("
        machine 1 from 0
        machine 2 from 0
        group on 1 from 0 to 5 of a:2 b:2
        group on 2 from 0 to 5 of c:2 d:2
        group on 1 from 5 to 10 of e:2 f:2
        over at 10"), @"10s for 12s on 2, bound 7s; exec overhead 500ms; the rest 2.5s");
}

#[test]
fn a_restart_of_the_coordinator_makes_no_machines() {
    // Those of before and those of after were never there together.
    insta::assert_snapshot!(certify("
        machine 1 from 0 to 4
        machine 2 from 0 to 4
        machine 3 from 6
        machine 4 from 6
        group on 1 from 0 to 4 of a:3
        group on 2 from 0 to 4 of b:3
        group on 3 from 6 to 10 of c:3
        group on 4 from 6 to 10 of d:3
        over at 10"), @"10s for 12s on 2, bound 7s; exec overhead 1s; the rest 2s");
}

#[test]
fn without_machines_all_is_rest() {
    insta::assert_snapshot!(certify("
        group on 1 from 0 to 0 lost of a
        over at 3"), @"3s for 0ns on 0, bound 0ns; the rest 3s; 0 of 1 judged");
}
