//! The rule as a policy: a picture kept up to date by what it is told.

use std::time::Duration;

use crate::{Decision, Observed, RunInput, View};

/// One build's run under the built-in rule.
#[derive(Clone, Debug)]
pub struct Run {
    view: View,
}

impl Run {
    /// Begins with the tests that have no verdict.
    pub fn new(input: RunInput) -> Run {
        Run { view: View::new(input) }
    }

    /// Takes in what happened.
    pub fn observe(&mut self, what: &[Observed]) {
        for observed in what {
            match observed {
                Observed::Finished { tests, .. } => {
                    for &(index, duration) in tests {
                        self.view.finish(index, duration);
                    }
                }
                Observed::Returned { tests, max_group } => {
                    for &index in tests {
                        self.view.give_back(index, *max_group);
                    }
                }
                Observed::Lost(worker) | Observed::Left(worker) => self.view.leave(*worker),
                Observed::Joined(worker) => self.view.join(worker.clone()),
                Observed::ExecOverhead(overhead) => self.view.measure(*overhead),
                Observed::Started { worker, tests, at } => self.view.start(*at, *worker, tests),
            }
        }
    }

    /// What the idle workers are to do, at this time of the run.
    pub fn decide(&mut self, now: Duration, idle: &[u32]) -> Decision {
        let actions = self.view.decide(now, idle);
        Decision { actions, wake_at: None, note: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, EstimateSource, Item, Phases, Worker};

    fn item(index: u32, millis: u64) -> Item {
        Item {
            index,
            name: format!("t{index}"),
            merge_key: Some("all".into()),
            unit: None,
            setup_key: None,
            alone: None,
            expected: Duration::from_millis(millis),
            deviation: Duration::ZERO,
            source: EstimateSource::History(3),
            max_group: None,
        }
    }

    fn worker(id: u32, machine: &str) -> Worker {
        Worker { id, main: id == 0, host_type: "linux".into(), machine: machine.into() }
    }

    fn run(items: Vec<Item>, workers: u32, overhead_ms: u64) -> Run {
        Run::new(RunInput {
            items,
            workers: (0..workers).map(|id| worker(id, &format!("m{id}"))).collect(),
            phases: Phases { exec_overhead: Duration::from_millis(overhead_ms), ..Phases::default() },
            expected_workers: 0,
        })
    }

    fn start(worker: u32, tests: &[u32]) -> Action {
        Action::Start { worker, tests: tests.to_vec() }
    }

    /// The groups that a lone main buildlet takes one after the other.
    fn groups(items: Vec<Item>, overhead_ms: u64) -> Vec<Vec<u32>> {
        let mut run = run(items, 1, overhead_ms);
        let mut groups = Vec::new();
        while let [Action::Start { tests, .. }] = run.decide(Duration::ZERO, &[0]).actions.as_slice() {
            let ended = tests.iter().map(|index| (*index, None)).collect();
            run.observe(&[Observed::Finished { worker: 0, tests: ended, took: Duration::ZERO }]);
            groups.push(tests.clone());
        }
        groups
    }

    /// go-coordinator, TestPartitionGoTests: a sum of exactly ten seconds stays in one group.
    #[test]
    fn partition_of_the_later_coordinator() {
        let millis = [1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 5500, 6500];
        let items = (0..).zip(millis).map(|(index, millis)| item(index, millis)).collect();
        assert_eq!(groups(items, 0), [vec![0, 1, 2, 3, 4], vec![5, 6], vec![7, 8], vec![9], vec![10]]);
    }

    #[test]
    fn keys_and_lone_tests_end_a_group() {
        let mut items: Vec<Item> = (0..5).map(|index| item(index, 1)).collect();
        items[1].max_group = Some(1);
        items[2].merge_key = Some("another".into());
        items[3].merge_key = None;
        items[4].merge_key = None;
        assert_eq!(groups(items, 10), [vec![0], vec![1], vec![2], vec![3], vec![4]]);
        let mut items: Vec<Item> = (0..7).map(|index| item(index, 1)).collect();
        items[1].max_group = Some(3);
        assert_eq!(groups(items, 10), [vec![0, 1, 2], vec![3, 4, 5, 6]]);
    }

    #[test]
    fn main_in_order_helpers_biggest_first() {
        let items = vec![item(0, 6000), item(1, 5000), item(2, 30_000), item(3, 1000), item(4, 40_000)];
        let mut run = run(items, 2, 0);
        assert_eq!(run.decide(Duration::ZERO, &[0, 1]).actions, [start(0, &[0]), start(1, &[4])]);
        run.observe(&[Observed::Finished { worker: 1, tests: vec![(4, None)], took: Duration::ZERO }]);
        assert_eq!(run.decide(Duration::ZERO, &[1]).actions, [start(1, &[2])]);
    }

    #[test]
    fn a_costly_exec_makes_groups_grow() {
        let items: Vec<Item> = (0..1000).map(|i| item(i, 10)).collect();
        let mut run = run(items, 2, 500);
        let decision = run.decide(Duration::ZERO, &[0, 1]);
        let sizes: Vec<usize> = decision
            .actions
            .iter()
            .map(|action| match action {
                Action::Start { tests, .. } => tests.len(),
                Action::Duplicate { .. } | Action::Release(_) => 0,
            })
            .collect();
        assert_eq!(sizes, [450, 450], "nine times the exec");
    }

    #[test]
    fn tests_without_history_are_resized_by_what_ran() {
        let items = (0..10_000).map(|i| Item { source: EstimateSource::Prior, ..item(i, 1000) }).collect();
        let mut run = run(items, 1, 500);
        let first = run.decide(Duration::ZERO, &[0]).actions;
        assert_eq!(first, [start(0, &(0..1_250).collect::<Vec<u32>>())], "an eighth, whatever they are taken for");
        let tests = (0..1_250).map(|i| (i, Some(Duration::from_millis(2)))).collect();
        run.observe(&[Observed::Finished { worker: 0, tests, took: Duration::from_secs(3) }]);
        let Action::Start { tests, .. } = &run.decide(Duration::ZERO, &[0]).actions[0] else { panic!() };
        assert_eq!(tests.len(), 4375, "half of the rest");
    }

    #[test]
    fn returned_tests_run_by_themselves() {
        let mut run = run(vec![item(0, 10), item(1, 10), item(2, 10)], 1, 500);
        assert_eq!(run.decide(Duration::ZERO, &[0]).actions, [start(0, &[0, 1, 2])]);
        run.observe(&[Observed::Returned { tests: vec![0, 1, 2], max_group: Some(1) }]);
        assert_eq!(run.decide(Duration::ZERO, &[0]).actions, [start(0, &[0])]);
    }

    #[test]
    fn returned_tests_run_in_smaller_groups() {
        for worker in [0, 1] {
            let mut run = run((0..9).map(|index| item(index, 10)).collect(), 2, 500);
            let Action::Start { tests, .. } = &run.decide(Duration::ZERO, &[worker]).actions[0] else { panic!() };
            assert!(tests.len() > 3, "{tests:?}");
            run.observe(&[Observed::Returned { tests: tests[..4].to_vec(), max_group: Some(2) }]);
            let Action::Start { tests, .. } = &run.decide(Duration::ZERO, &[worker]).actions[0] else { panic!() };
            assert_eq!(tests.len(), 2);
        }
    }

    #[test]
    fn units_stay_together_in_listed_order() {
        let mut items = vec![item(0, 10), item(1, 20_000), item(2, 10), item(3, 20_000)];
        for index in [1, 3] {
            items[index].unit = Some("u".into());
        }
        let mut run = run(items, 2, 0);
        assert_eq!(run.decide(Duration::ZERO, &[1]).actions, [start(1, &[1, 3])]);
    }

    #[test]
    fn a_whole_machine_is_waited_for() {
        let mut items = vec![item(0, 10), item(1, 10)];
        items[1].alone = Some("machine".into());
        items[0].merge_key = None;
        let input = RunInput {
            items,
            workers: vec![worker(0, "m"), worker(1, "m")],
            phases: Phases::default(),
            expected_workers: 0,
        };
        let mut run = Run::new(input);
        assert_eq!(run.decide(Duration::ZERO, &[0, 1]).actions, [start(0, &[0])]);
        run.observe(&[Observed::Finished { worker: 0, tests: vec![(0, None)], took: Duration::ZERO }]);
        assert_eq!(run.decide(Duration::ZERO, &[0, 1]).actions, [start(0, &[1]), Action::Release(1)]);
    }

    #[test]
    fn helpers_leave_when_nothing_waits() {
        let mut run = run(vec![item(0, 10)], 2, 0);
        assert_eq!(run.decide(Duration::ZERO, &[0, 1]).actions, [start(0, &[0]), Action::Release(1)]);
    }
}
