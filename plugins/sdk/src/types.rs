//! The types that every role shares.

pub use crate::bindings::shared::muster::types::types::{
    Command, Duration, Error, EstimateSource, ExitStatus, Extra, Observation, Phases, Test,
};

/// One millisecond, in the contract's unit.
pub const MILLISECOND: Duration = 1_000_000;
/// One second, in the contract's unit.
pub const SECOND: Duration = 1_000_000_000;

/// A length of time from seconds as programs print them; what is negative, not a number or too long is none.
pub fn from_seconds(seconds: f64) -> Option<Duration> {
    let nanos = seconds * SECOND as f64;
    (nanos.is_finite() && nanos >= 0.0 && nanos < u64::MAX as f64).then_some(nanos as Duration)
}

/// A test of this name and nothing else: it runs by itself, under the host's time limit.
pub fn test(name: impl Into<String>) -> Test {
    Test {
        name: name.into(),
        suite: String::new(),
        case: String::new(),
        merge_key: None,
        unit: None,
        setup_key: None,
        alone: None,
        timeout: None,
        skip: None,
        extra: Vec::new(),
    }
}

/// A command of these words, run in the tree's folder with nothing added.
pub fn command(argv: impl IntoIterator<Item = impl Into<String>>) -> Command {
    Command {
        argv: argv.into_iter().map(Into::into).collect(),
        dir: String::new(),
        env: Vec::new(),
        path: Vec::new(),
        files: Vec::new(),
        results: Vec::new(),
        timeout: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_nanoseconds() {
        assert_eq!(from_seconds(0.25), Some(250 * MILLISECOND));
        assert_eq!(from_seconds(-1.0), None);
        assert_eq!(from_seconds(f64::NAN), None);
        assert_eq!(from_seconds(1e30), None);
    }
}
