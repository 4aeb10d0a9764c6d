//! How large a group may grow.

use std::time::Duration;

/// The most that the tests of one group take together, beyond what the exec costs (2015's ten seconds).
const GROUP_LIMIT: Duration = Duration::from_secs(10);

/// An exec is to be at most one part in this many of its group. A fifth was too much: what an exec costs before its first
/// test is not all, since what tests share is loaded again with each.
const EXEC_SHARE: u32 = 10;

/// While nothing was measured of tests without an estimate, a group may be so small a part of an even share of them.
const FIRST_SHARE: u32 = 8;

/// What was measured of some tests without an estimate is believed of so many times as many others.
const BELIEF: u32 = 3;

/// So many tests without an estimate may always share an exec: they are too few to be worth a try of their own.
const FEW: u32 = 10;

/// The bounds of a group at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Below this the exec costs more than its share: the group goes on growing.
    pub(crate) floor: Duration,
    /// A group does not grow beyond this.
    pub(crate) target: Duration,
    /// Nor beyond so many tests without an estimate of their own.
    pub(crate) unknown: u32,
    /// So many of them it may always hold: nothing was measured, and what they are taken for says nothing.
    first: u32,
    /// While it is shorter than its exec, so many.
    measured: u32,
    exec_overhead: Duration,
}

/// The work of a run at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Sum of the tests that wait.
    pub(crate) waiting: Duration,
    /// What the busy machines still have to do.
    pub(crate) running: Duration,
    /// Waiting tests without an estimate of their own, and how many of their like were measured.
    pub(crate) unknown: u32,
    pub(crate) measured: u32,
    /// Machines that are there or on their way.
    pub(crate) workers: u32,
}

impl Size {
    /// Bounds for a moment with this load.
    ///
    /// A group is half of an even share of what waits, so that later ones can make up for wrong estimates; it is
    /// larger where the exec would cost more than its share, but never so large that the other machines would be
    /// through before it: not beyond the level at which all of them end together. Of tests without an estimate a first
    /// group may be a small part of an even share, whatever they are taken for; what was measured of it is believed of a
    /// few times as many others, between a half and the whole of an even share: a first group may have been a lucky one.
    pub(crate) fn at(exec_overhead: Duration, load: Load) -> Size {
        let workers = load.workers.max(1);
        let share = load.waiting / (2 * workers);
        let floor = exec_overhead * (EXEC_SHARE - 1);
        let level = ((load.waiting + load.running) / workers).max(exec_overhead);
        let target = share.min(GROUP_LIMIT).max(floor).min(level);
        let even = load.unknown / workers;
        let unknown = load.measured.saturating_mul(BELIEF).clamp(even / 2, even).max(FEW);
        let first = if load.measured == 0 { even / FIRST_SHARE } else { 0 };
        Size { floor: floor.min(target), target, unknown, first, measured: load.measured, exec_overhead }
    }

    /// Whether a test fits into a group of this length with so many unknown tests.
    pub(crate) fn admits(&self, sum: Duration, unknown: u32, expected: Duration, is_known: bool) -> bool {
        let is_short = sum < self.exec_overhead && unknown < self.measured;
        let is_believed = is_known || unknown < self.unknown || is_short;
        let is_first = !is_known && unknown < self.first;
        is_believed && (is_first || sum + expected <= self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_exec_and_the_rest() {
        let s = Duration::from_secs;
        let at = |overhead, waiting, running| {
            let load = Load { waiting: s(waiting), running: s(running), unknown: 0, measured: 0, workers: 3 };
            let size = Size::at(s(overhead), load);
            (size.floor.as_secs(), size.target.as_secs())
        };
        assert_eq!(at(0, 600, 0), (0, 10), "2015's ten seconds");
        assert_eq!(at(0, 30, 0), (0, 5), "half of an even share");
        assert_eq!(at(1, 600, 0), (9, 10));
        assert_eq!(at(5, 600, 0), (45, 45), "an exec is at most a tenth");
        assert_eq!(at(1, 30, 0), (9, 9), "also where half of an even share is less");
        assert_eq!(at(1, 6, 0), (2, 2), "but no more than an even share");
        assert_eq!(at(1, 4, 2), (2, 2), "the others are busy as long");
        assert_eq!(at(6, 30, 0), (10, 10), "no machine takes what three can share");
        assert_eq!(at(6, 30, 60), (30, 30), "unless the others are busy anyway");
        assert_eq!(at(3, 1, 0), (3, 3), "never less than the exec itself");
    }

    #[test]
    fn what_few_tests_showed_is_not_believed_of_all() {
        let at = |unknown, measured| {
            let load = Load { waiting: Duration::ZERO, running: Duration::ZERO, unknown, measured, workers: 3 };
            Size::at(Duration::ZERO, load).unknown
        };
        assert_eq!(at(4_800, 100), 800, "half of an even share");
        assert_eq!(at(2_400, 200), 600, "three times as many as were measured");
        assert_eq!(at(2_400, 1_000), 800, "an even share at most");
        assert_eq!(at(7, 0), FEW, "a few are no risk");
    }
}
