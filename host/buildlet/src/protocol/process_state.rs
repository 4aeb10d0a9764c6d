//! How a command ended: Go's `ProcessState` text, read and written.

use std::fmt;

/// The end of a command that was seen to end. This is a *result*, also when it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandResult {
    /// It ended by itself with this status.
    Exited(i32),
    /// A signal ended it.
    Signaled {
        /// Go's name of the signal, such as `killed` or `segmentation fault`.
        signal: String,
        /// Whether a core was written.
        core_dumped: bool,
    },
    /// It could not be started: no such program, no permission, not an executable.
    StartFailed(String),
    /// Another text, from a system with other words.
    Other(String),
}

impl CommandResult {
    /// Whether it ended with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        matches!(self, CommandResult::Exited(0))
    }

    /// Reads a non-empty `Process-State`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "ok" {
            return CommandResult::Exited(0);
        }
        if let Some(code) = text.strip_prefix("exit status ").and_then(|code| code.parse().ok()) {
            return CommandResult::Exited(code);
        }
        if let Some(rest) = text.strip_prefix("signal: ") {
            let (signal, core_dumped) = match rest.strip_suffix(" (core dumped)") {
                Some(signal) => (signal, true),
                None => (rest, false),
            };
            return CommandResult::Signaled { signal: signal.to_owned(), core_dumped };
        }
        if ["fork/exec ", "exec: ", "chdir "].iter().any(|start| text.starts_with(start)) {
            return CommandResult::StartFailed(text.to_owned());
        }
        CommandResult::Other(text.to_owned())
    }

    /// The end of a process of this machine.
    #[cfg(unix)]
    #[must_use]
    pub fn of(status: std::process::ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        match (status.code(), status.signal()) {
            (Some(code), _) => CommandResult::Exited(code),
            (None, Some(number)) => {
                CommandResult::Signaled { signal: signal_name(number), core_dumped: status.core_dumped() }
            }
            (None, None) => CommandResult::Other(status.to_string()),
        }
    }
}

/// Writes the `Process-State` text.
impl fmt::Display for CommandResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandResult::Exited(0) => f.write_str("ok"),
            CommandResult::Exited(code) => write!(f, "exit status {code}"),
            CommandResult::Signaled { signal, core_dumped } => {
                let core = if *core_dumped { " (core dumped)" } else { "" };
                write!(f, "signal: {signal}{core}")
            }
            CommandResult::StartFailed(text) | CommandResult::Other(text) => f.write_str(text),
        }
    }
}

/// Go's names of Linux's signals (package `syscall`, `zerrors_linux_amd64.go`).
#[cfg(unix)]
fn signal_name(number: i32) -> String {
    const NAMES: [&str; 31] = [
        "hangup",
        "interrupt",
        "quit",
        "illegal instruction",
        "trace/breakpoint trap",
        "aborted",
        "bus error",
        "floating point exception",
        "killed",
        "user defined signal 1",
        "segmentation fault",
        "user defined signal 2",
        "broken pipe",
        "alarm clock",
        "terminated",
        "stack fault",
        "child exited",
        "continued",
        "stopped (signal)",
        "stopped",
        "stopped (tty input)",
        "stopped (tty output)",
        "urgent I/O condition",
        "CPU time limit exceeded",
        "file size limit exceeded",
        "virtual timer expired",
        "profiling timer expired",
        "window changed",
        "I/O possible",
        "power failure",
        "bad system call",
    ];
    usize::try_from(number - 1)
        .ok()
        .and_then(|index| NAMES.get(index))
        .map_or_else(|| format!("signal {number}"), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_reading_and_writing() {
        for text in [
            "ok",
            "exit status 3",
            "exit status -1",
            "signal: killed",
            "signal: aborted (core dumped)",
            "fork/exec /wd/x: no such file or directory",
            "something else",
        ] {
            assert_eq!(CommandResult::parse(text).to_string(), text);
        }
    }

    #[test]
    fn each_kind_is_told_apart() {
        assert!(CommandResult::parse("ok").success());
        assert_eq!(CommandResult::parse("exit status 2"), CommandResult::Exited(2));
        assert_eq!(
            CommandResult::parse("signal: aborted (core dumped)"),
            CommandResult::Signaled { signal: "aborted".to_owned(), core_dumped: true }
        );
        assert!(matches!(CommandResult::parse("chdir /x: no such file or directory"), CommandResult::StartFailed(_)));
        assert!(matches!(CommandResult::parse("exit status x"), CommandResult::Other(_)));
    }
}
