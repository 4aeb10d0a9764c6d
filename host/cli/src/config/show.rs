//! Every value with the file and line it came from.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::located::{Located, SourceText, place};
use super::read;

/// Where the keys and values of a file are, by dotted path.
#[derive(Clone, Debug, Default)]
pub struct Places {
    spans: BTreeMap<String, (Range<usize>, Range<usize>)>,
}

impl Places {
    /// The places of a whole file.
    ///
    /// # Errors
    /// It is not TOML.
    pub fn of(source: &SourceText) -> Result<Places, Located> {
        let mut places = Places::default();
        places.add("", &read::table(source)?);
        Ok(places)
    }

    /// Adds the places of a table that stands under this path.
    pub(super) fn add(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let path = join(path, key.get_ref());
            self.spans.insert(path.clone(), (key.span(), value.span()));
            self.add_inner(&path, value.get_ref());
        }
    }

    fn add_inner(&mut self, path: &str, value: &DeValue<'_>) {
        if let Some(table) = value.as_table() {
            self.add(path, table);
        }
        for (index, element) in value.as_array().into_iter().flat_map(|array| array.iter()).enumerate() {
            let path = join(path, &index.to_string());
            self.spans.insert(path.clone(), (element.span(), element.span()));
            self.add_inner(&path, element.get_ref());
        }
    }

    /// A message about a key.
    pub fn key(&self, source: &SourceText, path: &str, message: impl Into<String>) -> Located {
        let span = self.spans.get(path).map_or(0..0, |(key, _)| key.clone());
        source.at(span, message)
    }

    /// A message about a value.
    pub fn value(&self, source: &SourceText, path: &str, message: impl Into<String>) -> Located {
        let span = self.spans.get(path).map_or(0..0, |(_, value)| value.clone());
        source.at(span, message)
    }

    /// The line of a key, or of the nearest table around it that was written.
    fn line(&self, source: &SourceText, path: &str) -> Option<usize> {
        self.spans.get(path).map(|(key, _)| source.line(key.start))
    }
}

/// A key that was written, or a default.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// Dotted path.
    pub key: String,
    /// As it would be written in the file; none is unset.
    pub value: Option<String>,
    /// `FILE:LINE`, or `default`.
    pub from: String,
}

/// Every value of a configuration: what it is, and where that was said.
pub fn shown(effective: &impl serde::Serialize, source: Option<(&SourceText, &Places)>) -> Vec<Shown> {
    let value = serde_json::to_value(effective).expect("configuration holds nothing that JSON cannot say");
    let mut all = Vec::new();
    walk("", &value, source, &mut all);
    all
}

fn walk(path: &str, value: &Value, source: Option<(&SourceText, &Places)>, all: &mut Vec<Shown>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                walk(&join(path, key), value, source, all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            let line = source.and_then(|(source, places)| places.line(source, path).map(|line| (source, line)));
            all.push(Shown {
                key: path.to_owned(),
                value: (!value.is_null()).then(|| value.to_string()),
                from: line.map_or_else(|| "default".to_owned(), |(source, line)| place(&source.path, line)),
            });
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
