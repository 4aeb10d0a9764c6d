//! What a user may set in the `[pytest]` section.

use muster_sdk::Error;
use muster_sdk::builder::Common;
use muster_sdk::settings::{Settings, kind};
use muster_sdk::types::{Duration, MILLISECOND};
use serde_json::Value;

/// What importing pytest and the project's conftest files takes on an ordinary machine, until it is measured.
const EXEC_OVERHEAD: Duration = 700 * MILLISECOND;

/// Where the tests' Python comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Environment {
    /// The caller's on the caller's machine, one made inside the tree elsewhere.
    Auto,
    /// The caller's on every machine: they share it.
    AsIs,
    /// One made inside the tree on every machine.
    Made,
}

/// What must share an exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Test,
    Class,
    Module,
}

/// The settings of the builder.
#[derive(Clone, Debug)]
pub(crate) struct PytestSettings {
    /// Python to use instead of what is found.
    pub(crate) python: Option<String>,
    pub(crate) environment: Environment,
    /// Requirement files, relative to the tree, for an environment that is made.
    pub(crate) requirements: Option<Vec<String>>,
    /// Whether the project itself is installed into an environment that is made, and whether editable.
    pub(crate) install: bool,
    pub(crate) editable: bool,
    /// Arguments for pytest.
    pub(crate) args: Vec<String>,
    /// Commands instead of the usual make steps.
    pub(crate) make: Option<Vec<Vec<String>>>,
    pub(crate) unit: Unit,
    /// Of each test, where the test itself does not say.
    pub(crate) timeout: Option<Duration>,
    pub(crate) common: Common,
}

impl PytestSettings {
    /// Reads the section.
    pub(crate) fn parse(json: &str) -> Result<PytestSettings, Error> {
        let mut settings = Settings::parse(json)?;
        let read = PytestSettings {
            python: settings.text("python")?,
            environment: environment(&mut settings)?,
            requirements: settings.texts("requirements")?,
            install: settings.flag("install")?.unwrap_or(true),
            editable: settings.flag("editable")?.unwrap_or(true),
            args: settings.texts("args")?.unwrap_or_default(),
            make: make(&mut settings)?,
            unit: unit(&mut settings)?,
            timeout: settings.duration("timeout")?,
            common: Common::take(&mut settings, EXEC_OVERHEAD)?,
        };
        settings.finish()?;
        Ok(read)
    }
}

fn environment(settings: &mut Settings) -> Result<Environment, Error> {
    match settings.text("environment")?.as_deref() {
        None | Some("auto") => Ok(Environment::Auto),
        Some("as-is") => Ok(Environment::AsIs),
        Some("made") => Ok(Environment::Made),
        Some(_) => Err(settings.invalid("environment", "\"auto\", \"as-is\" or \"made\"")),
    }
}

fn unit(settings: &mut Settings) -> Result<Unit, Error> {
    match settings.text("unit")?.as_deref() {
        None | Some("test") => Ok(Unit::Test),
        Some("class") => Ok(Unit::Class),
        Some("module") => Ok(Unit::Module),
        Some(_) => Err(settings.invalid("unit", "\"test\", \"class\" or \"module\"")),
    }
}

/// A list of steps: a text is for the shell, a list of texts a command.
fn make(settings: &mut Settings) -> Result<Option<Vec<Vec<String>>>, Error> {
    let Some(value) = settings.value("make") else {
        return Ok(None);
    };
    let meant = "a list of commands, each a text for the shell or a list of words";
    let Value::Array(steps) = &value else {
        return Err(settings.invalid("make", &format!("{meant}, not {}", kind(&value))));
    };
    let steps = steps.iter().map(|step| match step {
        Value::String(text) => Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), text.clone()]),
        Value::Array(_) => muster_sdk::settings::texts(step).filter(|words| !words.is_empty()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    });
    steps.collect::<Option<Vec<_>>>().map(Some).ok_or_else(|| settings.invalid("make", meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_optional_and_strict() {
        let settings = PytestSettings::parse("").unwrap();
        assert_eq!((settings.common.root.as_str(), settings.common.test_host_type.as_str()), ("tree", "default"));
        let set = PytestSettings::parse(r#"{"make": ["a b", ["c", "d"]], "unit": "module"}"#).unwrap();
        assert_eq!(set.make.unwrap()[1], ["c", "d"]);
        assert_eq!(set.unit, Unit::Module);
        let wrong = PytestSettings::parse(r#"{"pyhton": "x"}"#).unwrap_err();
        assert_eq!(wrong, Error::Invalid("unknown key `pyhton`; did you mean `python`?".into()));
        assert!(PytestSettings::parse(r#"{"make": "x"}"#).is_err());
    }
}
