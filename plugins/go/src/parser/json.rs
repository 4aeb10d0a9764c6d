//! One line of `go test -json`.

use muster_sdk::types::{Duration, from_seconds};
use serde_json::Value;

/// What such a line says.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) action: String,
    /// Empty where none is named.
    pub(crate) package: String,
    /// None for the package as a whole.
    pub(crate) test: Option<String>,
    pub(crate) elapsed: Option<Duration>,
    pub(crate) output: Option<String>,
}

/// Reads a line; what is no event of `go test` is none.
pub(crate) fn line(bytes: &[u8]) -> Option<Line> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let action = text("Action")?;
    // What is said while a package is built names a variant of it: `m/a [m/a.test]`.
    let built = || text("ImportPath").map(|path| path.split(' ').next().unwrap_or_default().to_owned());
    Some(Line {
        action,
        package: text("Package").or_else(built).unwrap_or_default(),
        test: text("Test").filter(|test| !test.is_empty()),
        elapsed: value.get("Elapsed").and_then(Value::as_f64).and_then(from_seconds),
        output: text("Output"),
    })
}
