//! Runs tests of one binary as cargo would: same environment, same folder, one process.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::folders::{self, UNITS};
use crate::libtest::{Ended, Libtest, Outcome};
use crate::relocate::Moved;
use crate::request::Part;
use crate::unit::{Kind, Unit, doc_file};
use crate::{Result, facts, output};

/// The most bytes of names in one command (the system takes 2 MiB with the environment).
const NAMES_LIMIT: usize = 1024 * 1024;
/// The longest line that may be the harness's own.
const LINE_LIMIT: usize = 64 * 1024;
/// How long output may stay open after a process's end.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(5);

/// Said where it does.
const LEFT_OPEN: &[u8] = b"\nmuster: a process that a test began holds its output open; it is not waited for\n";

/// Runs tests of one binary, or the documentation tests of one crate; whether all passed.
pub(crate) fn run(part: &Part, threads: Option<usize>, own: &Path, moved: &Moved) -> Result<bool> {
    let unit = Unit::from_text(&folders::read(&own.join(UNITS).join(&part.unit))?)?;
    facts::binary(&part.binary);
    let program = moved.text(&unit.program);
    if unit.kind != Kind::Doc {
        moved.program(Path::new(&program))?;
    }
    let mut command = Command::new(&program);
    command.args(unit.args.iter().map(|arg| moved.text(arg))).current_dir(moved.text(&unit.dir));
    command.envs(unit.env.iter().map(|(name, value)| (name, moved.text(value)))).stdin(Stdio::null());
    let running = Running { part, threads };
    match unit.kind {
        Kind::Plain => running.plain(command),
        Kind::Libtest => running.libtest(&command),
        Kind::Doc => {
            for file in doc_files(&unit, &part.tests) {
                command.args(["--test-args", file]);
            }
            command
                .args(threads.iter().flat_map(|threads| ["--test-args".into(), format!("--test-threads={}", threads)]));
            Ok(running.pass(&mut command)?.status.success())
        }
    }
}

/// Tests of one binary.
struct Running<'a> {
    part: &'a Part,
    threads: Option<usize>,
}

/// What one process did.
struct Pass {
    ended: BTreeSet<String>,
    /// The test that was running when it ended, where they run one by one.
    open: Option<(String, Duration)>,
    status: ExitStatus,
}

impl Running<'_> {
    /// One test, by the exit status.
    fn plain(&self, mut command: Command) -> Result<bool> {
        let name = &self.part.binary;
        facts::started(name);
        let begun = Instant::now();
        let status = command.status().map_err(|error| not_run(&command, &error))?;
        let (word, message) = if status.success() { ("passed", String::new()) } else { ("failed", ended(status)) };
        facts::finished(name, word, Some(begun.elapsed()), &message);
        Ok(status.success())
    }

    /// In one process; after a test that takes the process with it, the rest in another.
    fn libtest(&self, command: &Command) -> Result<bool> {
        let mut rest: Vec<&str> = self.part.tests.iter().map(String::as_str).collect();
        let mut passed = true;
        while !rest.is_empty() {
            let count = fitting(&rest);
            let mut again = copy(command);
            again.arg("--exact").args(&rest[..count]);
            again.args(self.threads.iter().map(|threads| format!("--test-threads={}", threads)));
            let pass = self.pass(&mut again)?;
            passed &= pass.status.success();
            let before = rest.len();
            rest.retain(|name| !pass.ended.contains(*name));
            if let Some((open, took)) = pass.open {
                passed = false;
                facts::finished(
                    &self.full(&open),
                    "failed",
                    Some(took),
                    &format!("{} before the test did", ended(pass.status)),
                );
                rest.retain(|name| *name != open);
            }
            // What a process does not mention is not asked of it again: that is judged elsewhere.
            if rest.len() == before || (count == before && pass.status.success()) {
                break;
            }
        }
        Ok(passed)
    }

    /// One process, its output read as it comes.
    fn pass(&self, command: &mut Command) -> Result<Pass> {
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| not_run(command, &error))?;
        let mut reading = Reading {
            running: self,
            libtest: Libtest::default(),
            begun: Instant::now(),
            line: Vec::new(),
            names: BTreeSet::new(),
        };
        let followed = output::follow(&mut child, OUTPUT_PATIENCE, |piece| {
            facts::text(piece);
            reading.take(piece);
        });
        let (status, drained) =
            followed.map_err(|error| format!("read what {:?} prints: {}", command.get_program(), error))?;
        if !drained {
            facts::text(LEFT_OPEN);
        }
        let open = reading.libtest.open.clone().filter(|name| self.is_serial() && self.part.tests.contains(name));
        let open = open.map(|name| (name, reading.begun.elapsed().saturating_sub(reading.libtest.since)));
        reading.finish();
        Ok(Pass { ended: reading.names, open, status })
    }

    fn is_serial(&self) -> bool {
        self.threads == Some(1)
    }

    /// The name that it was listed with.
    fn full(&self, test: &str) -> String {
        format!("{} {}", self.part.binary, test)
    }
}

/// Reads a harness.
struct Reading<'a> {
    running: &'a Running<'a>,
    libtest: Libtest,
    begun: Instant,
    line: Vec<u8>,
    /// Tests that ended.
    names: BTreeSet<String>,
}

impl Reading<'_> {
    fn take(&mut self, bytes: &[u8]) {
        let now = self.begun.elapsed();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.line.len() < LINE_LIMIT {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
                let ended = self.libtest.line(&line, now);
                self.tell(ended);
            }
        }
        if self.running.is_serial() {
            let begun = self.libtest.begun(&String::from_utf8_lossy(&self.line), now);
            if let Some(name) = begun {
                facts::started(&self.running.full(&name));
            }
        }
    }

    fn finish(&mut self) {
        let ended = self.libtest.end();
        self.tell(ended);
    }

    fn tell(&mut self, ended: Vec<Ended>) {
        for test in ended.into_iter().filter(|test| self.running.part.tests.contains(&test.name)) {
            let status = match test.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "failed",
                Outcome::Ignored => "skipped",
            };
            let took = Some(test.took).filter(|_| self.running.is_serial());
            facts::finished(&self.running.full(&test.name), status, took, &test.message);
            self.names.insert(test.name);
        }
    }
}

/// The files of documentation tests, by which the harness is asked for some of them: it splits a filter at blanks, and
/// the names are full of them. Where all of a crate are wanted, or a file's name has blanks itself, it is asked for all.
fn doc_files<'a>(unit: &Unit, tests: &'a [String]) -> BTreeSet<&'a str> {
    let files: BTreeSet<&str> = tests.iter().map(|name| doc_file(name)).collect();
    let is_all = unit.tests.len() == tests.len();
    if is_all || files.iter().any(|file| file.contains(' ')) { BTreeSet::new() } else { files }
}

/// How many of these names fit in a command.
fn fitting(names: &[&str]) -> usize {
    let mut bytes = 0;
    let count = names.iter().take_while(|name| {
        bytes += name.len() + 1;
        bytes <= NAMES_LIMIT
    });
    count.count().max(1)
}

fn copy(command: &Command) -> Command {
    let mut copy = Command::new(command.get_program());
    copy.args(command.get_args()).stdin(Stdio::null());
    if let Some(dir) = command.get_current_dir() {
        copy.current_dir(dir);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => copy.env(name, value),
            None => copy.env_remove(name),
        };
    }
    copy
}

/// How a process ended, in words.
fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("the process exited with status {}", code),
        (None, Some(signal)) => format!("the process was ended by signal {}", signal),
        (None, None) => "the process ended".to_owned(),
    }
}

fn not_run(command: &Command, error: &dyn Display) -> String {
    format!("run {:?}: {}", command.get_program(), error)
}
