//! What several of the engine's own tests begin with.

use std::time::Duration;

use crate::{BuildFacts, BuildId, BuildSpec, Limits, Phases, Test, Time};

/// This many seconds after 1970.
pub(crate) const fn at(seconds: u64) -> Time {
    Time::from_nanos(seconds * 1_000_000_000)
}

/// A build without anything special.
pub(crate) fn spec() -> BuildSpec {
    BuildSpec {
        build: BuildId(1),
        project: "project".into(),
        builder: "builder".into(),
        rev: "rev".into(),
        make_host_type: "linux".into(),
        test_host_type: "linux".into(),
        max_helpers: 2,
        elastic: true,
        priority: 0,
        fail_fast: false,
        reuse_snapshot: false,
        retries: 0,
        one_command: false,
        parsed: true,
        phases: Phases { exec_overhead: Duration::from_secs(1), ..Phases::default() },
        limits: Limits::default(),
        plugins: Vec::new(),
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
