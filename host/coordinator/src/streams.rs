//! The names of a build's streams, for those that write them and those that read them.

use engine::AttemptId;

/// The ordered log.
pub const ORDERED: &str = "log";

/// Remarks on what happened, written by whoever keeps the updates of a build.
pub const NOTES: &str = "notes";

/// What the names of the streams of single execs begin with.
pub const EXEC: &str = "exec/";

/// The raw output of an exec.
pub(crate) fn exec(name: &str) -> String {
    format!("{EXEC}{name}")
}

/// An attempt's output as people see it, below a line that says what stands between its bytes.
pub(crate) fn shown(attempt: AttemptId) -> String {
    format!("view/{attempt}")
}
