//! What the go command says of packages that do not compile: text below a headline that names them, apart from the line
//! that closes the package.

use std::collections::BTreeMap;

use super::control::control;
use super::excerpt::Excerpt;

/// Of so many packages it is held; what comes beyond that is in the log only.
const PACKAGES_LIMIT: usize = 200;

/// The text so far, by import path.
#[derive(Debug, Default)]
pub(crate) struct Built {
    text: BTreeMap<String, Excerpt>,
    current: Option<String>,
}

impl Built {
    /// Reads a line, outside of tests.
    pub(crate) fn line(&mut self, line: &str) {
        // `# m/a`, or `# m/a [m/a.test]` where its tests do not compile.
        if let Some(package) = line.strip_prefix("# ").and_then(|rest| rest.split(' ').next()) {
            let package = package.strip_suffix("_test").unwrap_or(package);
            let has_room = self.text.len() < PACKAGES_LIMIT || self.text.contains_key(package);
            self.current = has_room.then(|| package.to_owned());
        }
        // A test binary speaks.
        if control(line).is_some() || line.starts_with("testing: ") || line.starts_with("panic: ") {
            self.end();
        }
        if let Some(package) = &self.current {
            self.text.entry(package.clone()).or_default().push(line);
        }
    }

    /// Another kind of line: what follows is no longer said of that package.
    pub(crate) fn end(&mut self) {
        self.current = None;
    }

    /// What was said of a package.
    pub(crate) fn take(&mut self, package: &str) -> String {
        self.text.remove(package).unwrap_or_default().text()
    }
}
