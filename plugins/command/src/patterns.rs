//! Values that depend on a test's name.

use muster_sdk::Error;
use muster_sdk::settings::{Settings, kind};
use regex_lite::Regex;
use serde_json::Value;

/// Expressions with what holds for names that match; the first one counts.
#[derive(Clone, Debug)]
pub(crate) struct Patterns<T>(Vec<(Regex, T)>);

impl<T> Patterns<T> {
    /// Reads a single value, which holds for all names, or a table from expression to value.
    pub(crate) fn take(
        settings: &mut Settings,
        key: &'static str,
        meant: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Patterns<T>, Error> {
        let Some(value) = settings.value(key) else {
            return Ok(Patterns(Vec::new()));
        };
        let wrong = |value: &Value| {
            let meant = format!("{meant}, or a table of that by regular expression; not {}", kind(value));
            settings.invalid(key, &meant)
        };
        let Value::Object(table) = &value else {
            let all = read(&value).ok_or_else(|| wrong(&value))?;
            return Ok(Patterns(vec![(expression(settings, key, "")?, all)]));
        };
        let entries = table.iter().map(|(pattern, value)| {
            Ok((expression(settings, key, pattern)?, read(value).ok_or_else(|| wrong(value))?))
        });
        entries.collect::<Result<_, Error>>().map(Patterns)
    }

    /// The first entry that matches.
    pub(crate) fn find(&self, name: &str) -> Option<(&Regex, &T)> {
        self.0.iter().find(|(expression, _)| expression.is_match(name)).map(|(expression, value)| (expression, value))
    }
}

impl Patterns<String> {
    /// The value of the first entry that matches, with `$1` and `${name}` filled in from the match.
    pub(crate) fn expand(&self, name: &str) -> Option<String> {
        let (expression, template) = self.find(name)?;
        let mut expanded = String::new();
        expression.captures(name)?.expand(template, &mut expanded);
        Some(expanded)
    }
}

/// A regular expression from the settings.
pub(crate) fn expression(settings: &Settings, key: &str, pattern: &str) -> Result<Regex, Error> {
    Regex::new(pattern).map_err(|error| settings.invalid(key, &format!("a regular expression: `{pattern}`: {error}")))
}
