//! Runs git on someone else's tree: no prompts, no locks, no file-system monitor, no environment of a hook.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};

use crate::error::SourceError;

/// How much of git's error output goes into a message, in bytes.
const MAX_STDERR_BYTES: usize = 2000;

/// A repository seen from one folder.
#[derive(Debug)]
pub(super) struct Git<'a> {
    pub(super) root: &'a Path,
}

/// Where a folder stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The top of a working tree.
    Top,
    /// A folder in a working tree.
    Inside,
    /// Not under git, with the reason.
    Outside(&'static str),
}

impl Git<'_> {
    /// Whether git knows this folder. A repository git refuses to read is an error, not "no repository".
    pub(super) fn standing(&self) -> Result<Standing, SourceError> {
        let args = ["rev-parse", "--is-inside-work-tree", "--show-prefix"];
        let output = match self.output(&args, None) {
            Ok(output) => output,
            Err(SourceError::GitNotRun { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Standing::Outside("git is not installed"));
            }
            Err(error) => return Err(error),
        };
        let stdout = String::from_utf8_lossy(&output.stdout);
        let mut lines = stdout.lines();
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            // Both texts are fixed by LC_ALL=C; any other failure must be seen.
            if stderr.contains("not a git repository") || stderr.contains("must be run in a work tree") {
                return Ok(Standing::Outside("it is no git repository"));
            }
            return Err(self.failed(&args, &output));
        }
        if lines.next() != Some("true") {
            return Ok(Standing::Outside("it is no git working tree"));
        }
        if lines.next().is_none_or(str::is_empty) {
            return Ok(Standing::Top);
        }
        let ignored = self.output(&["check-ignore", "-q", "."], None)?;
        Ok(if ignored.status.success() {
            Standing::Outside("the repository around it ignores it")
        } else {
            Standing::Inside
        })
    }

    /// The output of a command that has to succeed.
    pub(super) fn run(&self, args: &[&str]) -> Result<Vec<u8>, SourceError> {
        self.run_with(args, None)
    }

    /// The same with input.
    pub(super) fn run_with(&self, args: &[&str], input: Option<Vec<u8>>) -> Result<Vec<u8>, SourceError> {
        let output = self.output(args, input)?;
        if output.status.success() { Ok(output.stdout) } else { Err(self.failed(args, &output)) }
    }

    /// One line of output, or `None` where the command fails (there is no such value).
    pub(super) fn ask(&self, args: &[&str]) -> Result<Option<String>, SourceError> {
        let output = self.output(args, None)?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.success() && !text.is_empty()).then_some(text))
    }

    /// An answer that is not understood.
    pub(super) fn strange(&self, args: &[&str], answer: impl Into<String>) -> SourceError {
        SourceError::GitAnswer { command: args.join(" "), root: self.root.to_owned(), answer: answer.into() }
    }

    fn output(&self, args: &[&str], input: Option<Vec<u8>>) -> Result<Output, SourceError> {
        let not_run = |source| SourceError::GitNotRun { command: args.join(" "), root: self.root.to_owned(), source };
        let mut command = command(self.root);
        command
            .args(args)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(not_run)?;
        // Written beside, as git may answer before it has read all.
        let writer =
            input.zip(child.stdin.take()).map(|(input, mut stdin)| thread::spawn(move || stdin.write_all(&input)));
        let output = child.wait_with_output().map_err(not_run)?;
        if let Some(writer) = writer {
            let written = writer.join().unwrap_or_else(|_| Err(std::io::Error::other("its input thread panicked")));
            // Where git failed, its own words say more than the broken pipe.
            if output.status.success() {
                written.map_err(not_run)?;
            }
        }
        Ok(output)
    }

    fn failed(&self, args: &[&str], output: &Output) -> SourceError {
        let end = output.stderr.len().min(MAX_STDERR_BYTES);
        SourceError::GitFailed {
            command: args.join(" "),
            root: self.root.to_owned(),
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr[..end]).trim().to_owned(),
        }
    }
}

fn command(root: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(root)
        // A monitor is a program named by the tree's own configuration.
        .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0");
    // A hook's environment would point every command at the hook's repository.
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
    ] {
        command.env_remove(name);
    }
    command
}

/// Splits NUL-terminated output.
pub(super) fn fields(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.split(|&byte| byte == 0).filter(|field| !field.is_empty())
}

/// A path as git prints it with `-z`.
pub(super) fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}
