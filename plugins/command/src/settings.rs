//! The `[command]` section.

use muster_sdk::Error;
use muster_sdk::builder::Common;
use muster_sdk::settings::{Settings, kind};
use muster_sdk::types::{Duration, MILLISECOND};
use regex_lite::Regex;
use serde_json::Value;

use crate::fill::Template;
use crate::patterns::{Patterns, expression};

/// What starting a command takes before its first test, until it is measured.
const EXEC_OVERHEAD: Duration = 50 * MILLISECOND;
/// Parsers that come with Muster.
const PARSERS: [&str; 3] = ["tap", "junit", "pytest"];

/// How the tests of a tree are run.
#[derive(Clone, Debug)]
pub(crate) enum Tests {
    /// A command lists them, another runs some of them.
    Listed(Listed),
    /// One command runs all.
    OneCommand(Template),
}

/// The commands of a tree whose tests can be listed.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) list: Template,
    /// Lines of the list that are tests; its first group is the name, where it has one.
    pub(crate) list_match: Option<Regex>,
    pub(crate) run: Template,
    /// Several tests may share an exec.
    pub(crate) merge: bool,
}

/// The settings of the builder.
#[derive(Clone, Debug)]
pub(crate) struct CommandSettings {
    pub(crate) make: Vec<Template>,
    pub(crate) tests: Tests,
    /// Name, and settings as JSON.
    pub(crate) parser: Option<(String, String)>,
    pub(crate) results: Vec<String>,
    pub(crate) path: Vec<String>,
    pub(crate) unit: Patterns<String>,
    pub(crate) setup: Patterns<String>,
    pub(crate) alone: Patterns<String>,
    pub(crate) timeout: Patterns<Duration>,
    pub(crate) common: Common,
}

impl CommandSettings {
    /// Reads the section; none where nothing is set.
    pub(crate) fn parse(json: &str) -> Result<Option<CommandSettings>, Error> {
        if json.trim().is_empty() || json.trim() == "{}" {
            return Ok(None);
        }
        let mut settings = Settings::parse(json)?;
        let texts = |value: &Value| value.as_str().map(str::to_owned);
        let read = CommandSettings {
            make: make(&mut settings)?,
            tests: tests(&mut settings)?,
            parser: parser(&mut settings)?,
            results: settings.texts("results")?.unwrap_or_default(),
            path: settings.texts("path")?.unwrap_or_default(),
            unit: Patterns::take(&mut settings, "unit", "a text such as \"$1\"", texts)?,
            setup: Patterns::take(&mut settings, "setup", "a text such as \"$1\"", texts)?,
            alone: Patterns::take(&mut settings, "alone", "\"machine\" or the name of a device", texts)?,
            timeout: Patterns::take(
                &mut settings,
                "timeout",
                "a length of time such as \"20m\"",
                muster_sdk::settings::duration,
            )?,
            common: Common::take(&mut settings, EXEC_OVERHEAD)?,
        };
        settings.finish()?;
        Ok(Some(read))
    }

    /// As [`CommandSettings::parse`], where there must be something.
    pub(crate) fn required(json: &str) -> Result<CommandSettings, Error> {
        CommandSettings::parse(json)?.ok_or_else(|| Error::Invalid("there is no `[command]` section".into()))
    }
}

fn template(settings: &mut Settings, key: &'static str) -> Result<Option<Template>, Error> {
    let Some(value) = settings.value(key) else {
        return Ok(None);
    };
    match Template::read(&value) {
        Some(template) => Ok(Some(template)),
        None => Err(settings.invalid(key, &format!("{}, not {}", Template::MEANT, kind(&value)))),
    }
}

/// A list of texts is several steps for the shell (one of them need not be a list); lists inside are commands.
fn make(settings: &mut Settings) -> Result<Vec<Template>, Error> {
    let Some(value) = settings.value("make") else {
        return Ok(Vec::new());
    };
    let steps = match &value {
        Value::String(_) => Template::read(&value).map(|step| vec![step]),
        Value::Array(steps) => steps.iter().map(Template::read).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    let meant = format!("a list of steps, each {}", Template::MEANT);
    steps.ok_or_else(|| settings.invalid("make", &meant))
}

fn tests(settings: &mut Settings) -> Result<Tests, Error> {
    let (list, run) = (template(settings, "list")?, template(settings, "run")?);
    let one_command = template(settings, "one-command")?;
    let pattern = settings.text("list-match")?;
    let list_match = pattern.map(|pattern| expression(settings, "list-match", &pattern)).transpose()?;
    let merge = settings.flag("merge")?;
    match (list, run, one_command) {
        (None, None, Some(command)) => Ok(Tests::OneCommand(command)),
        (Some(list), Some(run), None) => {
            let one = run.uses("test");
            if !one && !run.uses("tests") && !run.uses("tests_file") {
                return Err(settings.invalid("run", "a command with `{tests}`, `{test}` or `{tests_file}`"));
            }
            if one && merge == Some(true) {
                return Err(settings.invalid("merge", "false where `run` has `{test}`: that is one test"));
            }
            Ok(Tests::Listed(Listed { list, list_match, run, merge: merge.unwrap_or(!one) }))
        }
        (Some(_), None, None) => Err(settings.invalid("run", "the command that runs the listed tests; it is missing")),
        (None, Some(_), None) => Err(settings.invalid("list", "the command that lists the tests; it is missing")),
        (None, None, None) => {
            Err(settings.invalid("list", "a command that prints one test a line, beside `run`; or set `one-command`"))
        }
        (_, _, Some(_)) => Err(settings.invalid("one-command", "absent where there is `list` or `run`")),
    }
}

/// A name, or a table of the name and the parser's own settings.
fn parser(settings: &mut Settings) -> Result<Option<(String, String)>, Error> {
    let meant = "\"tap\", \"junit\", \"pytest\" or \"none\", or a table with such a `name`";
    let (name, own) = match settings.value("parser") {
        None => return Ok(None),
        Some(Value::String(name)) => (name, String::new()),
        Some(Value::Object(mut table)) => match table.shift_remove("name") {
            Some(Value::String(name)) => (name, Value::Object(table).to_string()),
            Some(_) | None => return Err(settings.invalid("parser", meant)),
        },
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
            return Err(settings.invalid("parser", meant));
        }
    };
    match name.as_str() {
        "none" => Ok(None),
        name if PARSERS.contains(&name) => Ok(Some((name.into(), own))),
        // A parser plugin of the host's own.
        name if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => {
            Ok(Some((name.into(), own)))
        }
        _ => Err(settings.invalid("parser", meant)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        match CommandSettings::parse(json) {
            Err(Error::Invalid(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn wrong_settings_are_named() {
        assert_eq!(error(r#"{"one-command": "x", "mkae": []}"#), "unknown key `mkae`; did you mean `make`?");
        assert!(error(r#"{"list": "x"}"#).starts_with("`run` is to be the command"));
        assert!(error(r#"{"list": "x", "run": "y"}"#).contains("`{tests}`"));
        assert!(error(r#"{"list": 3, "run": "y {test}"}"#).ends_with("not the number 3"));
        assert!(error(r#"{"list": "x", "run": "y {test}", "merge": true}"#).contains("`merge`"));
        assert!(error(r#"{"one-command": "x", "unit": {"(": "a"}}"#).contains("regular expression"));
        assert!(error(r#"{"one-command": "x", "parser": {"names": "file"}}"#).contains("`name`"));
        assert!(error(r#"{"one-command": "x", "timeout": "soon"}"#).contains("length of time"));
    }

    #[test]
    fn merging_follows_the_placeholder() {
        let merge = |run: &str| {
            let json = format!(r#"{{"list": "l", "run": "{run}"}}"#);
            match CommandSettings::required(&json).unwrap().tests {
                Tests::Listed(listed) => listed.merge,
                Tests::OneCommand(_) => panic!("listed"),
            }
        };
        assert!(merge("r {tests}") && merge("r {tests_file}") && !merge("r {test}"));
    }

    #[test]
    fn a_parser_may_have_settings() {
        let json = r#"{"one-command": "x", "parser": {"name": "tap", "names": "point"}}"#;
        let parser = CommandSettings::required(json).unwrap().parser;
        assert_eq!(parser, Some(("tap".into(), r#"{"names":"point"}"#.into())));
    }
}
