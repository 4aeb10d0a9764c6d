//! The types that several roles share, from and to WIT.

use std::time::Duration;

use coordinator::ports::Command;
use engine::{CommandEnd, EstimateSource, Phases, Test};

use crate::bindings::muster::types::types as wit;

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn test_to_wit(test: &Test) -> wit::Test {
    wit::Test {
        name: test.name.clone(),
        suite: test.suite.clone(),
        case: test.case.clone(),
        merge_key: test.merge_key.clone(),
        unit: test.unit.clone(),
        setup_key: test.setup_key.clone(),
        alone: test.alone.clone(),
        timeout: test.timeout.map(nanos),
        skip: test.skip.clone(),
        extra: test.extra.clone(),
    }
}

pub(crate) fn tests_to_wit(tests: &[Test]) -> Vec<wit::Test> {
    tests.iter().map(test_to_wit).collect()
}

pub(crate) fn test_from_wit(test: wit::Test) -> Test {
    Test {
        name: test.name,
        suite: test.suite,
        case: test.case,
        merge_key: test.merge_key,
        unit: test.unit,
        setup_key: test.setup_key,
        alone: test.alone,
        timeout: test.timeout.map(Duration::from_nanos),
        skip: test.skip,
        extra: test.extra,
    }
}

pub(crate) fn command_from_wit(command: wit::Command) -> Command {
    Command {
        argv: command.argv,
        dir: command.dir,
        env: command.env,
        path: command.path,
        files: command.files,
        results: command.results,
        timeout: command.timeout.map(Duration::from_nanos),
    }
}

pub(crate) fn end_to_wit(end: &CommandEnd) -> wit::ExitStatus {
    match end {
        CommandEnd::Exited(code) => wit::ExitStatus::Exited(*code),
        CommandEnd::Signaled(signal) => wit::ExitStatus::Signaled(signal.clone()),
        CommandEnd::TimedOut => wit::ExitStatus::TimedOut,
        CommandEnd::NotStarted(why) => wit::ExitStatus::Unknown(why.clone()),
    }
}

pub(crate) fn phases_to_wit(phases: &Phases) -> wit::Phases {
    wit::Phases {
        make: nanos(phases.make),
        machine_start: nanos(phases.machine_start),
        setup: nanos(phases.setup),
        exec_overhead: nanos(phases.exec_overhead),
    }
}

pub(crate) fn phases_from_wit(phases: &wit::Phases) -> Phases {
    Phases {
        make: Duration::from_nanos(phases.make),
        machine_start: Duration::from_nanos(phases.machine_start),
        setup: Duration::from_nanos(phases.setup),
        exec_overhead: Duration::from_nanos(phases.exec_overhead),
    }
}

pub(crate) fn source_to_wit(source: &EstimateSource) -> wit::EstimateSource {
    match source {
        EstimateSource::History(count) => wit::EstimateSource::History(*count),
        EstimateSource::Related(key) => wit::EstimateSource::Related(key.clone()),
        EstimateSource::Table => wit::EstimateSource::Table,
        EstimateSource::Prior => wit::EstimateSource::Prior,
        EstimateSource::Other(word) => wit::EstimateSource::Other(word.clone()),
    }
}

pub(crate) fn source_from_wit(source: wit::EstimateSource) -> EstimateSource {
    match source {
        wit::EstimateSource::History(count) => EstimateSource::History(count),
        wit::EstimateSource::Related(key) => EstimateSource::Related(key),
        wit::EstimateSource::Table => EstimateSource::Table,
        wit::EstimateSource::Prior => EstimateSource::Prior,
        wit::EstimateSource::Other(word) => EstimateSource::Other(word),
    }
}

/// A plugin's error as a person reads it.
pub(crate) fn error_text(error: &wit::Error) -> String {
    match error {
        wit::Error::Invalid(text) | wit::Error::Other(text) => text.clone(),
        wit::Error::Unsupported(text) => format!("not supported: {text}"),
        wit::Error::Unavailable(text) => format!("unavailable: {text}"),
    }
}
