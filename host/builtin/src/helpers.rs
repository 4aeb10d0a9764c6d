//! When helpers are asked for: so early that they are ready when the tree is made, and only where they pay.

use crate::{AskAt, HelperInput};

/// A helper is worth asking for if it runs so many times as long as an exec costs.
const WORTH: u32 = 5;

/// When to ask, and for how many.
///
/// Machines made on demand are asked for when they will be ready as the tree is; a fixed set that others wait for
/// is not reserved before it can be used. A helper that could not even bring over the snapshot and start one group
/// before the main buildlet is through is not asked for.
pub fn plan_helpers(input: &HelperInput) -> Vec<AskAt> {
    let wanted = useful_helpers(input).saturating_sub(input.present);
    if wanted == 0 {
        return Vec::new();
    }
    let ready_in = input.phases.machine_start;
    let at = if input.made {
        input.elapsed
    } else if input.elastic || input.waiting == 0 {
        input.phases.make.saturating_sub(ready_in).max(input.elapsed)
    } else {
        input.phases.make.max(input.elapsed)
    };
    vec![AskAt { at, count: wanted }]
}

fn useful_helpers(input: &HelperInput) -> u32 {
    let by_count = match input.test_count {
        Some(count) => input.max_helpers.min(count.saturating_sub(1)),
        None => input.max_helpers,
    };
    let Some(total) = input.tests_total else {
        return by_count;
    };
    let cost = input.phases.setup + input.phases.exec_overhead * WORTH;
    if cost.is_zero() {
        return by_count;
    }
    // With `n` machines a share of total/n must still be worth the helper's own cost.
    let machines = total.as_nanos() / cost.as_nanos().max(1);
    by_count.min(u32::try_from(machines).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Phases;

    fn input() -> HelperInput {
        let s = Duration::from_secs;
        HelperInput {
            phases: Phases { make: s(60), machine_start: s(20), setup: s(2), exec_overhead: Duration::ZERO },
            tests_total: None,
            longest_test: None,
            test_count: None,
            elapsed: s(0),
            made: false,
            max_helpers: 3,
            present: 0,
            waiting: 0,
            elastic: true,
        }
    }

    #[test]
    fn ready_when_the_tree_is_made() {
        assert_eq!(plan_helpers(&input()), [AskAt { at: Duration::from_secs(40), count: 3 }]);
        let late = HelperInput { elapsed: Duration::from_secs(50), present: 1, ..input() };
        assert_eq!(plan_helpers(&late), [AskAt { at: Duration::from_secs(50), count: 2 }]);
    }

    #[test]
    fn a_fixed_set_that_others_wait_for_is_not_reserved_early() {
        let fixed = HelperInput { elastic: false, waiting: 2, ..input() };
        assert_eq!(plan_helpers(&fixed), [AskAt { at: Duration::from_secs(60), count: 3 }]);
    }

    #[test]
    fn none_for_what_main_does_alone_in_that_time() {
        let short = HelperInput { tests_total: Some(Duration::from_secs(1)), ..input() };
        assert_eq!(plan_helpers(&short), []);
        let few = HelperInput { test_count: Some(2), ..input() };
        assert_eq!(plan_helpers(&few)[0].count, 1);
    }
}
