//! Plain lines, for logs of other systems: phases, machines that were lost, failures, and now and then how far it is.

use std::io::Write;
use std::time::Duration;

use engine::VerdictKind;

use super::{BuildState, Progress};
use crate::text;
use crate::view::{BuildUpdate, BuildletState, PhaseEdge};

/// At most one line on how far it is in this time: enough to see life, too little to fill a log.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// Characters of a cause on a line of its own; the end of the log has all of it.
const MAX_CAUSE: usize = 200;

/// Writes plain lines.
pub struct PlainProgress<W> {
    out: W,
    verbose: u8,
    quiet: bool,
    state: BuildState,
    said: Duration,
    said_done: u64,
}

impl<W: Write + Send> PlainProgress<W> {
    /// Writes to `out`.
    pub fn new(out: W, verbose: u8, quiet: bool) -> PlainProgress<W> {
        PlainProgress { out, verbose, quiet, state: BuildState::default(), said: Duration::ZERO, said_done: 0 }
    }

    fn say(&mut self, line: &str) {
        // Nobody is left to tell that nobody listens; the reports and the exit code do not depend on it.
        let _gone = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}

impl<W: Write + Send> Progress for PlainProgress<W> {
    fn update(&mut self, since: Duration, update: &BuildUpdate) {
        self.state.fold(since, update);
        if let Some(line) = line(update, self.verbose, self.quiet) {
            self.say(&line);
        }
    }

    fn tick(&mut self, since: Duration) {
        let done = self.state.done_so_far();
        let due = since >= self.said + PROGRESS_EVERY && done != self.said_done;
        if self.quiet || !due {
            return;
        }
        self.said = since;
        self.said_done = self.state.done;
        let line = progress_line(&self.state, since);
        self.say(&line);
    }

    fn finish(&mut self) {}
}

fn progress_line(state: &BuildState, now: Duration) -> String {
    let of = state.listed.map_or_else(String::new, |listed| format!(" of {}", text::number(listed)));
    let mut line = format!("{}: {}{of} tests done", text::duration(now), text::number(state.done_so_far()));
    if state.failed > 0 {
        line += &format!(", {} failed", text::number(state.failed));
    }
    if let Some(remaining) = state.remaining(now) {
        line += &format!(", about {} left", text::duration(remaining));
    }
    line
}

/// The line for an update that is worth one. The terminal prints the same ones above its bars.
pub(super) fn line(update: &BuildUpdate, verbose: u8, quiet: bool) -> Option<String> {
    let normal = !quiet;
    match update {
        BuildUpdate::Phase { name, edge: PhaseEdge::Started } => normal.then(|| format!("{name} ...")),
        BuildUpdate::Phase { name, edge: PhaseEdge::Ended { took } } => {
            normal.then(|| format!("{name} took {}", text::duration(*took)))
        }
        BuildUpdate::Buildlet { name, state: BuildletState::Lost { cause }, .. } => {
            Some(format!("lost {name}: {}", text::one_line(cause, MAX_CAUSE)))
        }
        BuildUpdate::Buildlet { name, pool, pid, state, .. } => (verbose > 0).then(|| {
            let pid = pid.map_or_else(String::new, |pid| format!(", process {pid}"));
            format!("{name} ({pool}{pid}) is {}", state.word())
        }),
        BuildUpdate::Source { files, bytes, rev } => normal.then(|| {
            let digest = rev.strip_prefix("sha256:").unwrap_or(rev);
            format!("pushing {}, {} (tree {:.12})", text::plural(*files, "file"), text::bytes(*bytes), digest)
        }),
        BuildUpdate::Snapshot { reused: true, age, bytes } => normal.then(|| {
            format!("using the snapshot made {} ago, {} (--fresh makes it anew)", text::age(*age), text::bytes(*bytes))
        }),
        BuildUpdate::Snapshot { reused: false, bytes, .. } => {
            normal.then(|| format!("snapshot: {}", text::bytes(*bytes)))
        }
        BuildUpdate::Tree { buildlet, way, took } => {
            (verbose > 0).then(|| format!("{buildlet} has the tree ({}) after {}", way.word(), text::duration(*took)))
        }
        BuildUpdate::Listed { tests } => normal.then(|| format!("{} listed", text::plural(*tests, "test"))),
        BuildUpdate::Estimates { total, unknown } => normal.then(|| {
            let known = if *unknown == 0 { String::new() } else { format!(", {} unknown", text::number(*unknown)) };
            format!("about {} of tests{known}", text::duration(*total))
        }),
        BuildUpdate::TestDone { name, kind, duration, buildlet, cause, added } => {
            let wanted = match kind {
                VerdictKind::Failed | VerdictKind::Lost => true,
                VerdictKind::Flaky => normal,
                VerdictKind::Passed | VerdictKind::Skipped | VerdictKind::NotRun => verbose > 1,
            };
            wanted.then(|| {
                let at = if buildlet.is_empty() { String::new() } else { format!(" on {buildlet}") };
                let took = duration.map_or_else(String::new, |took| format!(" after {}", text::duration(took)));
                let why = text::one_line(cause, MAX_CAUSE);
                let name = text::one_line(name, MAX_CAUSE);
                let colon = if why.is_empty() { "" } else { ": " };
                let unlisted = if *added { " (not listed)" } else { "" };
                format!("{kind} {name}{unlisted}{at}{took}{colon}{why}")
            })
        }
        BuildUpdate::AttemptStarted { attempt, buildlet, tests } => {
            (verbose > 0).then(|| format!("{attempt} on {buildlet}: {}", text::plural(tests.len() as u64, "test")))
        }
        BuildUpdate::AttemptEnded { attempt, buildlet, end, took } => (verbose > 0).then(|| {
            format!("{attempt} on {buildlet}: {} after {}", text::one_line(end, MAX_CAUSE), text::duration(*took))
        }),
        BuildUpdate::PluginFault { plugin, digest, text } => Some(format!("plugin {plugin} ({digest}): {text}")),
        BuildUpdate::Note(note) => normal.then(|| note.clone()),
        BuildUpdate::TestReported { .. }
        | BuildUpdate::OrderedOutput(_)
        | BuildUpdate::MachineOutput { .. }
        | BuildUpdate::Done(_) => None,
    }
}
