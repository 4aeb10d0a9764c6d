//! One event a line, for programs.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use service::Letters;

use super::{Progress, event};
use crate::view::BuildUpdate;

/// Writes the event stream.
pub struct JsonProgress<W> {
    out: W,
    machine_output: bool,
    /// By buildlet; the ordered log under no name.
    letters: BTreeMap<String, Letters>,
    broken: bool,
}

impl<W: Write + Send> JsonProgress<W> {
    /// Writes to `out`; the output of single machines only if asked for, because all of it comes again in order.
    pub fn new(out: W, machine_output: bool) -> JsonProgress<W> {
        JsonProgress { out, machine_output, letters: BTreeMap::new(), broken: false }
    }

    /// Decodes a piece of a stream; the bytes of a letter that was cut wait for the next piece.
    fn decode(&mut self, stream: &str, piece: &[u8]) -> String {
        let (text, _) = self.letters.entry(stream.to_owned()).or_default().push(piece);
        text
    }

    /// Tells what waits for the rest of letters that does not come.
    fn end_streams(&mut self, since: Duration) {
        for (buildlet, mut letters) in std::mem::take(&mut self.letters) {
            let (text, bytes) = letters.end();
            if bytes == 0 {
                continue;
            }
            let update = if buildlet.is_empty() {
                BuildUpdate::OrderedOutput(Vec::new())
            } else {
                BuildUpdate::MachineOutput { buildlet, bytes: Vec::new() }
            };
            self.tell(since, &update, &text);
        }
    }

    fn tell(&mut self, since: Duration, update: &BuildUpdate, text: &str) {
        if self.broken {
            return;
        }
        let line = event(since, update, text);
        // Each line is flushed: who reads this wants to act on it now.
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        if let Err(error) = written {
            // The reader is gone. The build has a result all the same, and its other reports are still written.
            self.broken = true;
            tracing::warn!("the event stream ends here: {error}");
        }
    }
}

impl<W: Write + Send> Progress for JsonProgress<W> {
    fn update(&mut self, since: Duration, update: &BuildUpdate) {
        let text = match update {
            BuildUpdate::MachineOutput { .. } if !self.machine_output => return,
            BuildUpdate::OrderedOutput(bytes) => self.decode("", bytes),
            BuildUpdate::MachineOutput { buildlet, bytes } => self.decode(buildlet, bytes),
            BuildUpdate::Phase { .. }
            | BuildUpdate::Buildlet { .. }
            | BuildUpdate::Source { .. }
            | BuildUpdate::Snapshot { .. }
            | BuildUpdate::Tree { .. }
            | BuildUpdate::Listed { .. }
            | BuildUpdate::Estimates { .. }
            | BuildUpdate::TestReported { .. }
            | BuildUpdate::TestDone { .. }
            | BuildUpdate::AttemptStarted { .. }
            | BuildUpdate::AttemptEnded { .. }
            | BuildUpdate::PluginFault { .. }
            | BuildUpdate::Note(_) => String::new(),
            BuildUpdate::Done(_) => {
                self.end_streams(since);
                String::new()
            }
        };
        self.tell(since, update, &text);
    }

    fn tick(&mut self, _since: Duration) {}

    fn finish(&mut self) {}
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn letters_cut_in_two_come_whole() {
        let mut out = Vec::new();
        let mut json = JsonProgress::new(&mut out, false);
        for piece in [&b"a\xc3"[..], b"\xa4\xffb\xff\xc3", b"\xa4\n"] {
            json.update(Duration::ZERO, &BuildUpdate::OrderedOutput(piece.to_vec()));
        }
        let text: String = String::from_utf8(out)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(text, "a\u{e4}\u{fffd}b\u{fffd}\u{e4}\n");
    }
}
