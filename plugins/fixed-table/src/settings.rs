//! What a user may set: the table, what a test takes that it does not have, and the phases.

use std::collections::BTreeMap;

use muster_sdk::Error;
use muster_sdk::settings::{Settings, duration, kind};
use muster_sdk::types::{Duration, SECOND};
use serde_json::Value;

/// How many times the smallest entry a test is taken for that the table does not have.
const DEFAULT_TIMES: f64 = 2.0;
/// What the phases are taken for where nothing says it.
const MAKE: Duration = 60 * SECOND;
const MACHINE_START: Duration = SECOND;
const SETUP: Duration = 2 * SECOND;

/// The settings of the estimator.
#[derive(Debug, PartialEq)]
pub(crate) struct TableSettings {
    /// The length of each test, measured in an exec of its own.
    pub(crate) lengths: BTreeMap<String, Duration>,
    /// What a test takes that is not in the table.
    pub(crate) default: Duration,
    /// How much of each length is the exec's and not the test's.
    pub(crate) overhead: Duration,
    pub(crate) make: Duration,
    pub(crate) machine_start: Duration,
    pub(crate) setup: Duration,
    /// None is the overhead of the table, else the builder's guess.
    pub(crate) exec_overhead: Option<Duration>,
}

impl TableSettings {
    /// Reads `seconds` and the rest.
    pub(crate) fn parse(json: &str) -> Result<TableSettings, Error> {
        let mut settings = Settings::parse(json)?;
        let lengths = lengths(&mut settings)?;
        let default = default(&mut settings, &lengths)?;
        let overhead = settings.duration("overhead")?;
        let read = TableSettings {
            lengths,
            default,
            overhead: overhead.unwrap_or(0),
            make: settings.duration("make")?.unwrap_or(MAKE),
            machine_start: settings.duration("machine-start")?.unwrap_or(MACHINE_START),
            setup: settings.duration("setup")?.unwrap_or(SETUP),
            exec_overhead: settings.duration("exec-overhead")?.or(overhead),
        };
        settings.finish()?;
        Ok(read)
    }
}

fn lengths(settings: &mut Settings) -> Result<BTreeMap<String, Duration>, Error> {
    let meant = "a table of tests and their lengths: numbers of seconds, or texts such as \"300ms\"";
    let table = match settings.value("seconds") {
        None => return Err(settings.invalid("seconds", &format!("{meant}; it is missing"))),
        Some(Value::Object(table)) if !table.is_empty() => table,
        Some(Value::Object(_)) => return Err(settings.invalid("seconds", &format!("{meant}; it is empty"))),
        Some(other) => return Err(settings.invalid("seconds", &format!("{meant}, not {}", kind(&other)))),
    };
    let one = |(name, value): (String, Value)| match duration(&value) {
        Some(length) => Ok((name, length)),
        None => {
            let text = format!("`seconds.{name}` is to be a number of seconds, not {}", kind(&value));
            Err(Error::Invalid(text))
        }
    };
    table.into_iter().map(one).collect()
}

/// `default`; else so many times the smallest entry whose name begins as `default-prefix` says.
fn default(settings: &mut Settings, lengths: &BTreeMap<String, Duration>) -> Result<Duration, Error> {
    let default = settings.duration("default")?;
    let times = settings.number("default-times")?;
    let prefix = settings.text("default-prefix")?;
    if default.is_some() && (times.is_some() || prefix.is_some()) {
        return Err(settings.invalid("default", "absent where `default-times` or `default-prefix` says it"));
    }
    if let Some(default) = default {
        return Ok(default);
    }
    let times = times.unwrap_or(DEFAULT_TIMES);
    if !(times > 0.0 && times.is_finite()) {
        return Err(settings.invalid("default-times", "more than 0"));
    }
    let prefix = prefix.unwrap_or_default();
    let of_prefix = lengths.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(_, length)| *length);
    let smallest = of_prefix.min().ok_or_else(|| {
        settings.invalid("default-prefix", "what some name of the table begins with, or `default` to be set")
    })?;
    Ok((smallest as f64 * times) as Duration)
}

#[cfg(test)]
mod tests {
    use muster_sdk::types::MILLISECOND;

    use super::*;

    fn error(json: &str) -> String {
        match TableSettings::parse(json) {
            Err(Error::Invalid(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_default_is_set_or_follows_from_the_table() {
        let default = |json: &str| TableSettings::parse(json).unwrap().default / MILLISECOND;
        assert_eq!(default(r#"{"seconds": {"a": 1, "b": "400ms"}}"#), 800);
        assert_eq!(default(r#"{"seconds": {"a:x": 1, "b": 0.4}, "default-prefix": "a:", "default-times": 3}"#), 3000);
        assert_eq!(default(r#"{"seconds": {"a": 1}, "default": "3s"}"#), 3000);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(error("").starts_with("`seconds` is to be a table"));
        assert!(error(r#"{"seconds": {}}"#).ends_with("it is empty"));
        assert!(error(r#"{"seconds": [1]}"#).ends_with("not a list"));
        assert_eq!(error(r#"{"seconds": {"a": -1}}"#), "`seconds.a` is to be a number of seconds, not the number -1");
        let unknown = error(r#"{"seconds": {"a": 1}, "overhaed": 1}"#);
        assert_eq!(unknown, "unknown key `overhaed`; did you mean `overhead`?");
        assert!(error(r#"{"seconds": {"a": 1}, "default-prefix": "b"}"#).starts_with("`default-prefix`"));
        assert!(error(r#"{"seconds": {"a": 1}, "default-times": 0}"#).contains("more than 0"));
        assert!(error(r#"{"seconds": {"a": 1}, "default": 1, "default-times": 2}"#).contains("absent"));
    }
}
