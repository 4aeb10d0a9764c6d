//! What a user may set in the `[cargo]` section.

use muster_sdk::Error;
use muster_sdk::builder::Common;
use muster_sdk::settings::Settings;
use muster_sdk::types::{Duration, MILLISECOND};

/// What starting a test binary takes before its first test, until it is measured.
const EXEC_OVERHEAD: Duration = 60 * MILLISECOND;

/// What runs the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Nextest where it is installed on the main machine, else the test binaries.
    Auto,
    Nextest,
    /// The test binaries themselves, as `cargo test` runs them.
    Libtest,
}

/// The settings of the builder.
#[derive(Clone, Debug)]
pub(crate) struct CargoSettings {
    pub(crate) tool: Tool,
    pub(crate) doc_tests: bool,
    /// Arguments that select packages, features and targets, for cargo and nextest alike.
    pub(crate) args: Vec<String>,
    pub(crate) profile: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) nextest_profile: Option<String>,
    /// Tests that run at once in one exec.
    pub(crate) threads: Option<u64>,
    /// Whether what only compiling needs is removed before the snapshot.
    pub(crate) prune: bool,
    /// Of each test.
    pub(crate) timeout: Option<Duration>,
    pub(crate) common: Common,
}

impl CargoSettings {
    /// Reads the section.
    pub(crate) fn parse(json: &str) -> Result<CargoSettings, Error> {
        let mut settings = Settings::parse(json)?;
        let read = CargoSettings {
            tool: tool(&mut settings)?,
            doc_tests: settings.flag("doc-tests")?.unwrap_or(true),
            args: args(&mut settings)?,
            profile: settings.text("profile")?,
            target: settings.text("target")?,
            nextest_profile: settings.text("nextest-profile")?,
            threads: threads(&mut settings)?,
            prune: settings.flag("prune")?.unwrap_or(true),
            timeout: settings.duration("timeout")?,
            common: Common::take(&mut settings, EXEC_OVERHEAD)?,
        };
        settings.finish()?;
        Ok(read)
    }
}

fn tool(settings: &mut Settings) -> Result<Tool, Error> {
    match settings.text("runner")?.as_deref() {
        None | Some("auto") => Ok(Tool::Auto),
        Some("nextest") => Ok(Tool::Nextest),
        Some("libtest") => Ok(Tool::Libtest),
        Some(_) => Err(settings.invalid("runner", "\"auto\", \"nextest\" or \"libtest\"")),
    }
}

fn threads(settings: &mut Settings) -> Result<Option<u64>, Error> {
    match settings.count("threads")? {
        Some(0) => Err(settings.invalid("threads", "at least 1: tests that run at once in one exec")),
        other => Ok(other),
    }
}

fn args(settings: &mut Settings) -> Result<Vec<String>, Error> {
    let mut args = Vec::new();
    if settings.flag("workspace")?.unwrap_or(false) {
        args.push("--workspace".to_owned());
    }
    for (key, argument) in [("packages", "--package"), ("exclude", "--exclude"), ("features", "--features")] {
        for value in settings.texts(key)?.unwrap_or_default() {
            args.extend([argument.to_owned(), value]);
        }
    }
    if settings.flag("all-features")?.unwrap_or(false) {
        args.push("--all-features".to_owned());
    }
    if !settings.flag("default-features")?.unwrap_or(true) {
        args.push("--no-default-features".to_owned());
    }
    args.extend(settings.texts("args")?.unwrap_or_default());
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        match CargoSettings::parse(json) {
            Err(Error::Invalid(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_selected_becomes_arguments() {
        let settings = CargoSettings::parse(
            r#"{"packages": ["a", "b"], "features": ["x"], "default-features": false, "args": ["--lib"]}"#,
        );
        let expected = ["--package", "a", "--package", "b", "--features", "x", "--no-default-features", "--lib"];
        assert_eq!(settings.unwrap().args, expected);
        assert_eq!(CargoSettings::parse("").unwrap().args, [""; 0]);
    }

    #[test]
    fn every_key_is_strict() {
        assert_eq!(error(r#"{"feature": ["x"]}"#), "unknown key `feature`; did you mean `features`?");
        assert_eq!(error(r#"{"runner": "tap"}"#), "`runner` is to be \"auto\", \"nextest\" or \"libtest\"");
        assert!(error(r#"{"threads": 0}"#).starts_with("`threads` is to be at least 1"));
    }
}
