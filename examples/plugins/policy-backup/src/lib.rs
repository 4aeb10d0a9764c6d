//! A Muster policy that starts a second copy of what takes long: while tests wait, every machine takes the next few in
//! listed order; when none wait, an idle machine runs a copy of a test that a busy one has not come to. The first
//! verdict counts, and so a slow machine keeps nobody waiting.
//!
//! The rule stands in `backup.rs`, free of the bindings, and is tested like any Rust.

mod backup;

use std::cell::RefCell;

wit_bindgen::generate!({
    path: ["wit/types", "wit/host", "wit/policy"],
    world: "muster:policy/policy-plugin",
    generate_all,
});

use backup::{Backup, Do, Test};
use exports::muster::policy::policy::{
    Action, AskAt, Decision, Guest, GuestRun, HelperInput, Item, Observed, RunInput,
};

/// The plugin.
pub struct PolicyBackup;

/// The rule at work in one build.
pub struct Run(RefCell<Backup>);

impl Guest for PolicyBackup {
    type Run = Run;

    /// All at once, so that they are there when the tree is made.
    fn plan_helpers(input: HelperInput) -> Vec<AskAt> {
        let made = if input.made { input.elapsed } else { input.phases.make };
        let at = made.saturating_sub(input.phases.machine_start);
        vec![AskAt { at, count: input.max_helpers.saturating_sub(input.present) }]
    }
}

impl GuestRun for Run {
    fn new(input: RunInput) -> Run {
        let mut backup = Backup::new(input.items.into_iter().map(test), input.expected_workers);
        input.workers.into_iter().for_each(|worker| backup.came(worker.id, worker.machine));
        Run(RefCell::new(backup))
    }

    fn observe(&self, what: Vec<Observed>) {
        let mut backup = self.0.borrow_mut();
        for observed in what {
            match observed {
                Observed::Finished(finished) => backup.finished(finished.tests.iter().map(|(index, _)| *index)),
                Observed::Returned(returned) => backup.returned(&returned.tests, returned.max_group),
                Observed::Joined(worker) => backup.joined(worker.id, worker.machine),
                Observed::Lost(worker) | Observed::Left(worker) => backup.left(worker),
                Observed::ExecOverhead(_) => {}
                Observed::Started(started) => backup.started(started.worker, &started.tests),
            }
        }
    }

    fn decide(&self, _now: u64, idle: Vec<u32>) -> Decision {
        let mut backup = self.0.borrow_mut();
        let mut actions = Vec::new();
        for worker in idle {
            actions.extend(backup.next(worker).map(|next| match next {
                Do::Start(tests) => Action::Start((worker, tests)),
                Do::Copy(test) => Action::Duplicate((worker, test)),
            }));
        }
        Decision { actions, wake_at: None, note: String::new() }
    }
}

fn test(item: Item) -> Test {
    Test {
        index: item.index,
        merge_key: item.merge_key,
        unit: item.unit,
        alone: item.alone.is_some(),
        max_group: item.max_group,
    }
}

// Natively, under `cargo test`, nothing is exported.
#[cfg(target_arch = "wasm32")]
export!(PolicyBackup);
