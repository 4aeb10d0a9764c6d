//! The queue: of the builds that wait, the one with the highest priority is next; of equals the older.

use engine::{BuildId, BuildSpec, Event, Fact, Phase};
use proptest::prelude::*;

use crate::drive::{Drive, spec, test};

/// The builds in the order in which they left the queue.
fn begun(drive: &Drive) -> Vec<u64> {
    let mut begun = Vec::new();
    for (build, fact) in drive.facts() {
        if matches!(fact, Fact::PhaseBegan(Phase::Acquire)) && !begun.contains(&build.0) {
            begun.push(build.0);
        }
    }
    begun
}

fn active(drive: &Drive) -> usize {
    drive.engine.builds().filter(|facts| !facts.phases.is_empty() && facts.ended.is_none()).count()
}

proptest! {
    #[test]
    fn builds_leave_it_in_order(priorities in prop::collection::vec(-2..3i32, 1..12), max_active in 1..4usize) {
        let mut drive = Drive::new(max_active, vec![test("a")]);
        let mut waiting: Vec<(i32, u64)> = Vec::new();
        for (id, &priority) in (1u64..).zip(&priorities) {
            drive.tell(Event::BuildSubmitted(Box::new(BuildSpec { priority, ..spec(id) })));
            waiting.push((priority, id));
        }
        // Those that came while there was room began as they came.
        let mut expected: Vec<u64> = waiting.drain(..max_active.min(priorities.len())).map(|(_, id)| id).collect();
        prop_assert_eq!(begun(&drive), expected.clone());
        // One after the other is ended, and each time the best of those that wait is next.
        let mut running = expected.clone();
        while let Some(over) = running.pop() {
            drive.tell(Event::BuildCanceled { build: BuildId(over), cause: "over".into() });
            if let Some(best) = waiting.iter().copied().max_by_key(|(priority, id)| (*priority, std::cmp::Reverse(*id))) {
                waiting.retain(|other| *other != best);
                expected.push(best.1);
                running.push(best.1);
            }
            prop_assert_eq!(begun(&drive), expected.clone());
            prop_assert!(active(&drive) <= max_active);
        }
        prop_assert!(waiting.is_empty());
    }
}

#[test]
fn a_build_that_is_canceled_in_the_queue_never_begins() {
    let mut drive = Drive::new(1, vec![test("a")]);
    for id in [1, 2, 3] {
        drive.tell(Event::BuildSubmitted(Box::new(spec(id))));
    }
    drive.tell(Event::BuildCanceled { build: BuildId(2), cause: "not wanted".into() });
    drive.run_to_end();
    assert_eq!(begun(&drive), [1, 3]);
    assert!(drive.engine.is_idle());
}

#[test]
fn a_build_that_waits_knows_its_place_and_why() {
    let mut drive = Drive::new(1, vec![test("a")]);
    for id in [1, 2, 3] {
        drive.tell(Event::BuildSubmitted(Box::new(spec(id))));
    }
    let places = |drive: &Drive| [1, 2, 3].map(|id| drive.engine.position(BuildId(id)));
    assert_eq!(places(&drive), [None, Some(0), Some(1)]);
    let why = |drive: &Drive, id| drive.engine.waits_for(BuildId(id)).map(|why| why.to_string());
    assert_eq!(why(&drive, 1).as_deref(), Some("no `linux` buildlet is free yet"));
    assert_eq!(why(&drive, 3).as_deref(), Some("1 build runs already"));
    drive.go_on(|_| false);
    assert_eq!(why(&drive, 1), None, "it has its main buildlet");
    drive.tell(Event::PriorityChanged { build: BuildId(3), priority: 5 });
    assert_eq!(places(&drive), [None, Some(1), Some(0)]);
    assert_eq!(drive.engine.queue().collect::<Vec<_>>(), [BuildId(3), BuildId(2)]);
    let mut second = Drive::recovered(drive.records.clone(), vec![test("a")]);
    assert_eq!(second.folded(BuildId(3)).priority, 5, "the new priority is durable");
    drive.run_to_end();
    assert_eq!(begun(&drive), [1, 3, 2]);
    second.run_to_end();
    assert!(second.engine.is_idle());
}

#[test]
fn a_new_priority_of_a_build_that_is_over_or_unknown_changes_nothing() {
    let mut drive = Drive::new(1, vec![test("a")]);
    drive.tell(Event::BuildSubmitted(Box::new(spec(1))));
    drive.tell(Event::BuildCanceled { build: BuildId(1), cause: "over".into() });
    let known = drive.records.len();
    for build in [BuildId(1), BuildId(9)] {
        drive.tell(Event::PriorityChanged { build, priority: 5 });
    }
    assert_eq!(drive.records.len(), known);
}
