//! What was looked at, and what is to be done.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grade {
    /// As it should be.
    Ok,
    /// It works, with less than it could.
    Warning,
    /// It does not work.
    Failure,
}

impl Grade {
    /// For people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Grade::Ok => "ok",
            Grade::Warning => "warning",
            Grade::Failure => "failure",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) about: String,
    /// How bad it is.
    pub(super) grade: Grade,
    /// What was found.
    pub(super) found: String,
    /// What to do; empty where there is nothing to do.
    pub(super) hint: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn ok(&mut self, about: &str, found: impl Into<String>) {
        self.add(about, Grade::Ok, found.into(), String::new());
    }

    pub(super) fn warning(&mut self, about: &str, found: impl Into<String>, hint: impl Into<String>) {
        self.add(about, Grade::Warning, found.into(), hint.into());
    }

    pub(super) fn failure(&mut self, about: &str, found: impl Into<String>, hint: impl Into<String>) {
        self.add(about, Grade::Failure, found.into(), hint.into());
    }

    fn add(&mut self, about: &str, grade: Grade, found: String, hint: String) {
        self.0.push(Finding { about: about.to_owned(), grade, found, hint });
    }

    pub(super) fn failed(&self) -> bool {
        self.0.iter().any(|finding| finding.grade == Grade::Failure)
    }
}
