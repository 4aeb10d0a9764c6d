//! Expected lengths of what is not a test: medians, with defaults for the first build.

use std::time::Duration as StdDuration;

use builtin::median;
use muster_sdk::estimator::PhaseHistory;
use muster_sdk::types::{Duration, Phases, SECOND};

/// A make that was never seen.
const MAKE: Duration = 60 * SECOND;
/// A local machine's start; slower ones are known after the first build.
const MACHINE_START: Duration = SECOND;
/// Bringing over a snapshot that was never seen.
const SETUP: Duration = 2 * SECOND;
/// Observations looked at: the newest, so that a change of the machine shows soon.
const NEWEST: usize = 20;

/// The median of each phase.
pub(crate) fn phases(history: &PhaseHistory) -> Phases {
    Phases {
        make: of(&history.make).unwrap_or(MAKE),
        machine_start: of(&history.machine_start).unwrap_or(MACHINE_START),
        setup: of(&history.setup).unwrap_or(SETUP),
        exec_overhead: of(&history.exec_overhead).unwrap_or(history.exec_overhead_guess),
    }
}

fn of(observed: &[Duration]) -> Option<Duration> {
    let newest: Vec<StdDuration> = observed.iter().take(NEWEST).map(|&n| StdDuration::from_nanos(n)).collect();
    median(&newest).map(|middle| Duration::try_from(middle.as_nanos()).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seen_phases_are_medians_and_unseen_ones_defaults() {
        let history = PhaseHistory {
            make: vec![3 * SECOND, 9 * SECOND, 5 * SECOND],
            machine_start: vec![],
            setup: vec![SECOND],
            exec_overhead: vec![],
            exec_overhead_guess: 7,
        };
        let expected = Phases { make: 5 * SECOND, machine_start: SECOND, setup: SECOND, exec_overhead: 7 };
        assert_eq!(phases(&history), expected);
    }
}
