//! What several of the engine's own tests begin with.

use std::time::Duration;

use crate::{BuildFacts, BuildId, BuildSpec, Phases, Test, Time};

/// This many seconds after 1970.
pub(crate) const fn at(seconds: u64) -> Time {
    Time::from_nanos(seconds * 1_000_000_000)
}

/// A build without anything special.
pub(crate) fn spec() -> BuildSpec {
    BuildSpec {
        max_helpers: 2,
        phases: Phases { exec_overhead: Duration::from_secs(1), ..Phases::default() },
        ..BuildSpec::plain(BuildId(1), "project", "builder", "linux")
    }
}

/// Its state at the beginning.
pub(crate) fn facts() -> BuildFacts {
    BuildFacts::new(spec(), at(0))
}

/// A test of this name.
pub(crate) fn test(name: &str) -> Test {
    Test { name: name.into(), suite: "suite".into(), case: name.into(), ..Test::default() }
}
