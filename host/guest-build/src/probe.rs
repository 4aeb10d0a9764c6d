//! Asks a program a question and waits for the answer for a bounded time.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running program is looked at; far below anything a person notices.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Longest part of an answer that is kept, in bytes: compilers answer in a few lines.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// What a program answered.
pub(crate) struct Answer {
    /// Whether it ended with status 0.
    pub(crate) is_success: bool,
    /// Standard output, without the white space around it.
    pub(crate) stdout: String,
    /// The last line of standard error that is not empty.
    pub(crate) last_complaint: String,
}

/// Runs `command` to its end, or kills it after `limit` (an error of kind `TimedOut`).
pub(crate) fn ask(command: &mut Command, limit: Duration) -> io::Result<Answer> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let is_success = wait(&mut child, limit)?;
    let joined = |handle: thread::JoinHandle<String>| {
        handle.join().map_err(|_| io::Error::other("the reader of a pipe panicked"))
    };
    let complaints = joined(stderr)?;
    Ok(Answer {
        is_success,
        stdout: joined(stdout)?.trim().to_owned(),
        last_complaint: complaints
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
            .trim()
            .to_owned(),
    })
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still the best answer there is; the rest is drained so that the
            // program never blocks on a full pipe.
            let _ = pipe.by_ref().take(MAX_ANSWER_BYTES).read_to_end(&mut kept);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        String::from_utf8_lossy(&kept).into_owned()
    })
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<bool> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if started.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            let message = format!("no answer within {} s", limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::process::Command;
    use std::time::Duration;

    use super::ask;

    #[test]
    fn an_answer_has_its_status_output_and_last_complaint() -> io::Result<()> {
        let script = "echo yes; echo one >&2; echo two >&2; exit 3";
        let answer = ask(Command::new("sh").args(["-c", script]), Duration::from_secs(60))?;
        assert!(!answer.is_success);
        assert_eq!(answer.stdout, "yes");
        assert_eq!(answer.last_complaint, "two");
        Ok(())
    }

    #[test]
    fn a_program_that_never_answers_is_killed() {
        let result = ask(Command::new("sleep").arg("600"), Duration::from_millis(20));
        let kind = result.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(io::ErrorKind::TimedOut));
    }
}
