//! One run of a plan, from its beginning to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::plan::Plan;
use crate::rng::Rng;
use crate::summary::Summary;
use crate::trace::Trace;
use crate::world::World;

/// Plays a plan: what it did, or the step in which something held that must not and what that was; and its log.
pub(crate) fn play(plan: Plan, rng: Rng, trace: Trace) -> (Result<Summary, (u64, String)>, String) {
    let mut world = World::new(plan, rng, trace);
    // The engine asserts its own invariants; a failed one is a result of the run.
    let result = catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(text.unwrap_or_else(|| "a panic without words".into()))
    });
    let result = result.map(|()| Summary::of(&world)).map_err(|text| (world.steps, text));
    (result, world.trace.into_text())
}
