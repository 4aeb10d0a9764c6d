//! What is asked for: a build, in the words of `muster build`.

use engine::BuildSpec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::{Kind, Problem};

/// How far what is built is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// An unmerged change: it never writes a snapshot that other builds read.
    #[default]
    Try,
    /// What was reviewed. Only who may manage builds can say so.
    Trusted,
}

impl Trust {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Trust::Try => "try",
            Trust::Trusted => "trusted",
        }
    }
}

/// Most letters of a name. Descriptions take literals only: each bound stands at its member, too.
const MAX_NAME: usize = 200;
/// Most letters of a regular expression.
const MAX_RUN: usize = 10_000;
/// The most helpers, as for `muster build`.
const MAX_HELPERS: u32 = 256;
/// The most tries after a failure, as for `muster build`.
const MAX_RETRIES: u32 = 20;
/// Priorities go from minus this to this.
const MAX_PRIORITY: i32 = 100;

/// A build that is asked for. Everything but `tree` may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The digest of the uploaded archive: `sha256:...`.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    pub tree: String,
    /// What it is called; history is kept under this name. Without it the tree's own files say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub project: Option<String>,
    /// The revision, for people: `git describe`, or a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub version: Option<String>,
    /// The builder. Without it the plugins are asked which of them fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub builder: Option<String>,
    /// Only tests whose name this regular expression matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 10_000)]
    pub run: Option<String>,
    /// The most helpers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 256)]
    pub helpers: Option<u32>,
    /// How often a failed test is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 20)]
    pub retries: Option<u32>,
    /// Run everything after a failure (true), or stop at the first (false).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_going: Option<bool>,
    /// Make the tree anew.
    #[serde(default)]
    pub fresh: bool,
    /// Time for the whole build, in seconds; never more than the server allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub timeout_s: Option<u64>,
    /// The policy plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub policy: Option<String>,
    /// The estimator plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub estimator: Option<String>,
    /// The pool that machines come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    pub pool: Option<String>,
    /// Higher goes first. More than 0 needs the scope `manage`.
    #[serde(default)]
    #[schema(minimum = -100, maximum = 100)]
    pub priority: i32,
    /// How far the tree is trusted.
    #[serde(default)]
    pub trust: Trust,
    /// Who asked: set by the server, whatever is sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(read_only)]
    pub by: String,
    /// The build that this one repeats: set by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    pub retry_of: Option<u64>,
}

impl Submission {
    /// Its values are within their bounds, which are those of its description.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let wrong = |what: &str, bound: String| {
            let hint = "the bounds stand in /api/v1/openapi.json";
            Err(Problem::new(Kind::BadRequest, format!("`{what}` {bound}"), hint))
        };
        let names = [
            ("project", &self.project),
            ("version", &self.version),
            ("builder", &self.builder),
            ("policy", &self.policy),
            ("estimator", &self.estimator),
            ("pool", &self.pool),
        ];
        for (what, name) in names {
            // A version is for people only: there may be none.
            let name = name.as_deref().filter(|name| what != "version" || !name.is_empty());
            if let Some(bound) = name.and_then(no_name) {
                return wrong(what, bound);
            }
        }
        if self.run.as_ref().is_some_and(|run| run.chars().count() > MAX_RUN) {
            return wrong("run", format!("is longer than {MAX_RUN} letters"));
        }
        if self.helpers.is_some_and(|helpers| helpers > MAX_HELPERS) {
            return wrong("helpers", format!("is more than {MAX_HELPERS}"));
        }
        if self.retries.is_some_and(|retries| retries > MAX_RETRIES) {
            return wrong("retries", format!("is more than {MAX_RETRIES}"));
        }
        if self.timeout_s == Some(0) {
            return wrong("timeout_s", "is 0".to_owned());
        }
        if !(-MAX_PRIORITY..=MAX_PRIORITY).contains(&self.priority) {
            return wrong("priority", format!("is not from -{MAX_PRIORITY} to {MAX_PRIORITY}"));
        }
        Ok(())
    }
}

/// A build is kept under names that are some, wherever they come from: what was asked for, the tree's own files, a plugin.
pub(crate) fn check_planned(spec: &BuildSpec) -> Result<(), Problem> {
    let names = [("project", &spec.project), ("builder", &spec.builder), ("rev", &spec.rev)];
    let wrong = names.into_iter().find_map(|(what, name)| Some((what, no_name(name)?)));
    wrong.map_or(Ok(()), |(what, bound)| {
        Err(Problem::new(
            Kind::Refused,
            format!("the build's `{what}` {bound}"),
            "a project's name stands in the tree's `muster.toml`, and in `project` of what is asked for, which goes before \
             it; a builder's comes from its plugin",
        ))
    })
}

/// Why this cannot be a name, if it cannot.
fn no_name(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Some("has a control character".to_owned());
    }
    (text.chars().count() > MAX_NAME).then(|| format!("is longer than {MAX_NAME} letters"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use engine::BuildId;

    use super::*;

    #[test]
    fn what_the_description_bounds_is_refused_beyond() {
        let most = Submission {
            project: Some("p".repeat(MAX_NAME)),
            helpers: Some(MAX_HELPERS),
            retries: Some(MAX_RETRIES),
            timeout_s: Some(1),
            priority: -MAX_PRIORITY,
            ..Submission::default()
        };
        most.check().unwrap();
        let beyond = [
            ("project", Submission { project: Some("p".repeat(MAX_NAME + 1)), ..most.clone() }),
            ("project", Submission { project: Some(String::new()), ..most.clone() }),
            ("builder", Submission { builder: Some("a\0b".to_owned()), ..most.clone() }),
            ("version", Submission { version: Some("a\nb".to_owned()), ..most.clone() }),
            ("run", Submission { run: Some("r".repeat(MAX_RUN + 1)), ..most.clone() }),
            ("helpers", Submission { helpers: Some(MAX_HELPERS + 1), ..most.clone() }),
            ("retries", Submission { retries: Some(MAX_RETRIES + 1), ..most.clone() }),
            ("timeout_s", Submission { timeout_s: Some(0), ..most.clone() }),
            ("priority", Submission { priority: i32::MIN, ..most.clone() }),
        ];
        for (what, submission) in beyond {
            let refused = submission.check().unwrap_err();
            assert!(refused.detail().starts_with(&format!("`{what}` ")), "{}", refused.detail());
        }
        Submission { version: Some(String::new()), ..most }.check().unwrap();
    }

    #[test]
    fn what_a_plan_calls_a_build_must_be_names() {
        let spec = BuildSpec::plain(BuildId(1), "demo", "pytest", "local");
        check_planned(&spec).unwrap();
        let wrong = [
            ("project", BuildSpec { project: "a\0b".to_owned(), ..spec.clone() }),
            ("builder", BuildSpec { builder: "b".repeat(MAX_NAME + 1), ..spec.clone() }),
            ("rev", BuildSpec { rev: String::new(), ..spec }),
        ];
        for (what, spec) in wrong {
            let refused = check_planned(&spec).unwrap_err();
            assert!(refused.detail().contains(&format!("`{what}` ")), "{}", refused.detail());
            assert_eq!(refused.kind(), Kind::Refused);
        }
    }
}
