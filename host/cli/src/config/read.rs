//! Reads TOML with places: every error is shown with its line and what was probably meant.

use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, ValueDeserializer};
use toml::{Spanned, de::DeValue};

use super::located::{Located, SourceText};
use super::nearest::nearest;
use super::{ConfigError, units::Size};

/// The most a file of configuration may hold: it is read whole, and no honest one comes near.
const MAX_FILE: Size = Size::mib(4);

/// Reads a file; `None` if there is none.
pub(super) fn read_optional(path: &Path) -> Result<Option<SourceText>, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    match std::fs::metadata(path) {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.len() > MAX_FILE.0 => {
            return Err(failed(std::io::Error::other(format!("it is larger than {MAX_FILE}"))));
        }
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok(Some(SourceText { path: path.to_owned(), text }))
}

/// Reads the whole text as one table.
pub(super) fn table(source: &SourceText) -> Result<DeTable<'_>, Located> {
    DeTable::parse(&source.text).map(Spanned::into_inner).map_err(|error| locate(source, &error))
}

/// Reads the whole text as a struct.
pub(super) fn whole<'a, T: Deserialize<'a>>(source: &'a SourceText) -> Result<T, Located> {
    toml::from_str(&source.text).map_err(|error| locate(source, &error))
}

/// Reads one value of a text as a struct.
pub(super) fn value<'a, T: Deserialize<'a>>(source: &SourceText, value: Spanned<DeValue<'a>>) -> Result<T, Located> {
    let span = value.span();
    T::deserialize(ValueDeserializer::from(value)).map_err(|error| {
        let mut located = locate(source, &error);
        if error.span().is_none() {
            located = Located { help: located.help, ..source.at(span, located.message) };
        }
        located
    })
}

/// Turns an error of the parser into one with a line and a guess.
fn locate(source: &SourceText, error: &toml::de::Error) -> Located {
    let message = error.message();
    let mut located = source.at(error.span().unwrap_or(0..0), describe(message));
    // serde's own wording lists what it would have taken: "unknown field `a`, expected one of `b`, `c`".
    if let Some(rest) = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant ")) {
        let mut quoted = rest.split('`').skip(1).step_by(2);
        let found = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        located.help = Some(suggest(found, &known));
    }
    located
}

/// What may be written in place of `found`.
pub(super) fn suggest(found: &str, known: &[&str]) -> String {
    match (nearest(found, known.iter().copied()), known) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => "nothing may be written here".into(),
        (None, [only]) => format!("only `{only}` may be written here"),
        (None, _) => {
            let list: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
            format!("may be one of {}", list.join(", "))
        }
    }
}

/// The first part of serde's message in our words; what it lists is told by the help line.
fn describe(message: &str) -> String {
    let first = message.split(", expected one of").next().unwrap_or(message);
    if let Some(rest) = first.strip_prefix("unknown field ") {
        let name = rest.split(", ").next().unwrap_or(rest);
        return format!("unknown key {name}");
    }
    if let Some(rest) = first.strip_prefix("unknown variant ") {
        let name = rest.split(", ").next().unwrap_or(rest);
        return format!("{name} is not known here");
    }
    if let Some(name) = first.strip_prefix("missing field ") {
        return format!("the key {name} is missing");
    }
    first.trim_end().to_owned()
}
