//! Reads a plugin's settings (JSON) strictly: a key or a value that is not understood is an error that names it and
//! says what was meant.

use serde_json::{Map, Value};

use crate::types::{Duration, Error, SECOND};

/// A table of settings, from which each known key is taken once.
#[derive(Debug)]
pub struct Settings {
    /// Where it stands in the whole, for messages: empty, or `list.`.
    prefix: String,
    rest: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Settings {
    /// Reads the whole; no text at all is an empty table.
    pub fn parse(json: &str) -> Result<Settings, Error> {
        if json.trim().is_empty() {
            return Ok(Settings::from_map(String::new(), Map::new()));
        }
        match serde_json::from_str(json) {
            Ok(Value::Object(map)) => Ok(Settings::from_map(String::new(), map)),
            Ok(other) => Err(Error::Invalid(format!("settings are a table, not {}", kind(&other)))),
            Err(error) => Err(Error::Invalid(format!("settings are not JSON: {error}"))),
        }
    }

    fn from_map(prefix: String, rest: Map<String, Value>) -> Settings {
        Settings { prefix, rest, known: Vec::new() }
    }

    /// Takes a value as it is; `null` counts as absent.
    pub fn value(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.rest.shift_remove(key).filter(|value| !value.is_null())
    }

    /// Takes a text.
    pub fn text(&mut self, key: &'static str) -> Result<Option<String>, Error> {
        self.take(key, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// Takes true or false.
    pub fn flag(&mut self, key: &'static str) -> Result<Option<bool>, Error> {
        self.take(key, "true or false", Value::as_bool)
    }

    /// Takes a whole number that is not negative.
    pub fn count(&mut self, key: &'static str) -> Result<Option<u64>, Error> {
        self.take(key, "a whole number", Value::as_u64)
    }

    /// Takes a number.
    pub fn number(&mut self, key: &'static str) -> Result<Option<f64>, Error> {
        self.take(key, "a number", Value::as_f64)
    }

    /// Takes a list of texts.
    pub fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>, Error> {
        self.take(key, "a list of texts", texts)
    }

    /// Takes a length of time: a number of seconds, or a text such as `300ms`, `1.5s`, `20m`, `2h`.
    pub fn duration(&mut self, key: &'static str) -> Result<Option<Duration>, Error> {
        self.take(key, "a length of time such as \"300ms\" or \"20m\", or a number of seconds", duration)
    }

    /// Takes a table of texts, in order.
    pub fn table(&mut self, key: &'static str) -> Result<Option<Vec<(String, String)>>, Error> {
        self.take(key, "a table of texts", |value| {
            let table = value.as_object()?;
            table.iter().map(|(name, value)| Some((name.clone(), scalar(value)?))).collect()
        })
    }

    /// Takes a table that has keys of its own.
    pub fn section(&mut self, key: &'static str) -> Result<Option<Settings>, Error> {
        let prefix = format!("{}{key}.", self.prefix);
        self.take(key, "a table", |value| value.as_object().cloned())
            .map(|table| table.map(|table| Settings::from_map(prefix, table)))
    }

    /// An error about a key.
    pub fn invalid(&self, key: &str, meant: &str) -> Error {
        Error::Invalid(format!("`{}{key}` is to be {meant}", self.prefix))
    }

    /// Whatever is left is a key that nobody knows.
    pub fn finish(self) -> Result<(), Error> {
        let Some(key) = self.rest.keys().next() else {
            return Ok(());
        };
        let nearest = self.known.iter().min_by_key(|known| distance(known, key));
        let meant = match nearest {
            Some(known) if distance(known, key) <= 2.max(key.len() / 3) => format!("; did you mean `{known}`?"),
            _ => format!("; known are {}", self.known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
        };
        Err(Error::Invalid(format!("unknown key `{}{key}`{meant}", self.prefix)))
    }

    fn take<T>(
        &mut self,
        key: &'static str,
        meant: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(Error::Invalid(format!("`{}{key}` is to be {meant}, not {}", self.prefix, kind(&value)))),
        }
    }
}

/// What a value is, for a message.
pub fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => format!("{flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {text:?}"),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a table".into(),
    }
}

/// A list of texts.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A length of time: seconds, or a number with a unit.
pub fn duration(value: &Value) -> Option<Duration> {
    if let Some(seconds) = value.as_f64() {
        return crate::types::from_seconds(seconds);
    }
    let text = value.as_str()?.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..split].trim().parse().ok()?;
    let unit = match &text[split..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    crate::types::from_seconds(number * unit).filter(|&nanos| nanos < Duration::MAX / SECOND * SECOND)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Edits between two short words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(error: Error) -> String {
        match error {
            Error::Invalid(text) => text,
            Error::Unsupported(_) | Error::Unavailable(_) | Error::Other(_) => panic!("{error:?}"),
        }
    }

    #[test]
    fn keys_are_taken_by_type() -> Result<(), Error> {
        let mut settings = Settings::parse(r#"{"a": "x", "b": ["y"], "c": "1.5s", "d": {"E": 1}, "f": null}"#)?;
        assert_eq!(settings.text("a")?.as_deref(), Some("x"));
        assert_eq!(settings.texts("b")?, Some(vec!["y".to_owned()]));
        assert_eq!(settings.duration("c")?, Some(3 * SECOND / 2));
        assert_eq!(settings.table("d")?, Some(vec![("E".to_owned(), "1".to_owned())]));
        assert_eq!(settings.flag("f")?, None);
        settings.finish()
    }

    #[test]
    fn what_is_not_understood_is_named() -> Result<(), Error> {
        let mut settings = Settings::parse(r#"{"make": 3, "lits": "x", "t": {"deep": true}}"#)?;
        assert_eq!(message(settings.texts("make").unwrap_err()), "`make` is to be a list of texts, not the number 3");
        let mut inner = settings.section("t")?.unwrap();
        assert_eq!(message(inner.text("deep").unwrap_err()), "`t.deep` is to be a text, not true");
        assert_eq!(settings.text("list")?, None);
        assert_eq!(message(settings.finish().unwrap_err()), "unknown key `lits`; did you mean `list`?");
        assert!(message(Settings::parse("[]").unwrap_err()).contains("a table, not a list"));
        Ok(())
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration(&Value::from("300ms")), Some(300_000_000));
        assert_eq!(duration(&Value::from("2h")), Some(7200 * SECOND));
        assert_eq!(duration(&Value::from(3)), Some(3 * SECOND));
        assert_eq!(duration(&Value::from("3 weeks")), None);
        assert_eq!(duration(&Value::from("")), None);
    }
}
