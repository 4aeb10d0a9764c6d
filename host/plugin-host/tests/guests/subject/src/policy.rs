//! A policy that gives every idle worker the next thousand tests.

use std::cell::RefCell;

use crate::Subject;
use crate::exports::muster::policy::policy::{
    Action, AskAt, Decision, Guest, GuestRun, HelperInput, Observed, RunInput,
};

pub struct Run {
    left: RefCell<Vec<u32>>,
    greedy: bool,
}

impl Guest for Subject {
    type Run = Run;

    fn plan_helpers(input: HelperInput) -> Vec<AskAt> {
        vec![AskAt { at: input.elapsed + input.phases.make, count: input.max_helpers - input.present }]
    }
}

impl GuestRun for Run {
    fn new(input: RunInput) -> Run {
        // Clones, as the bindings of a plugin that keeps its input do.
        let items = input.items.clone();
        let left = items.iter().rev().map(|item| item.index).collect();
        Run { left: RefCell::new(left), greedy: input.settings == "\"greedy\"" }
    }

    fn observe(&self, what: Vec<Observed>) {
        for observed in what {
            if let Observed::Returned(returned) = observed {
                self.left.borrow_mut().extend(returned.tests);
            }
        }
    }

    fn decide(&self, _now: u64, idle: Vec<u32>) -> Decision {
        let mut left = self.left.borrow_mut();
        let mut actions = Vec::new();
        for worker in idle {
            let from = left.len().saturating_sub(1000);
            let tests: Vec<u32> = left.drain(from..).rev().collect();
            if self.greedy {
                actions.push(Action::Release(worker));
            }
            actions.push(Action::Start((worker, tests)));
        }
        Decision { actions, wake_at: None, note: format!("{} left", left.len()) }
    }
}
