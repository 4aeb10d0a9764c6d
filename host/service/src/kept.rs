//! The text that is kept with a build: what was asked for, and what it was pinned to when it was planned.

use coordinator::ports::LogFormat;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Submission;

/// What is kept with a build's first record. What makes its job after a restart reads it back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What was asked for, and by whom.
    pub submission: Submission,
    /// How its log reads.
    #[serde(default)]
    log: Log,
    /// The planner's own.
    #[serde(default)]
    pub pinned: Value,
    /// The span that it was asked for in, as the header `traceparent` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// [`LogFormat`], as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Log {
    #[default]
    Plain,
    Go2015 {
        make_script: Option<String>,
    },
}

impl Kept {
    /// What is to be kept.
    pub fn new(submission: Submission, log: LogFormat, pinned: Value) -> Kept {
        let log = match log {
            LogFormat::Plain => Log::Plain,
            LogFormat::Go2015 { make_script } => Log::Go2015 { make_script },
        };
        Kept { submission, log, pinned, traceparent: None }
    }

    /// Reads it back. A build of `muster build` has none.
    ///
    /// # Errors
    /// A newer version wrote it.
    pub fn read(text: &str) -> Result<Kept, serde_json::Error> {
        if text.is_empty() { Ok(Kept::default()) } else { serde_json::from_str(text) }
    }

    /// How the log reads.
    pub fn log(&self) -> LogFormat {
        match &self.log {
            Log::Plain => LogFormat::Plain,
            Log::Go2015 { make_script } => LogFormat::Go2015 { make_script: make_script.clone() },
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let log = LogFormat::Go2015 { make_script: Some("make.bash".into()) };
        let submission = Submission { tree: "sha256:00".into(), by: "ci".into(), ..Submission::default() };
        let kept = Kept::new(submission, log.clone(), serde_json::json!({"settings": {"go": "{}"}}));
        let kept = Kept { traceparent: Some("00-01-02-03".into()), ..kept };
        let read = Kept::read(&serde_json::to_string(&kept).unwrap()).unwrap();
        assert_eq!((read.log(), &read), (log, &kept));
        assert_eq!(Kept::read("").unwrap(), Kept::default());
    }
}
