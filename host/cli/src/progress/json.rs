//! One event a line, for programs.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use super::{Progress, event};
use crate::view::BuildUpdate;

/// Writes the event stream.
pub struct JsonProgress<W> {
    out: W,
    machine_output: bool,
    carried: BTreeMap<String, Vec<u8>>,
    broken: bool,
}

impl<W: Write + Send> JsonProgress<W> {
    /// Writes to `out`; the output of single machines only if asked for, because all of it comes again in order.
    pub fn new(out: W, machine_output: bool) -> JsonProgress<W> {
        JsonProgress { out, machine_output, carried: BTreeMap::new(), broken: false }
    }

    /// Decodes a piece of a stream; the bytes of a letter that was cut wait for the next piece.
    fn decode(&mut self, stream: &str, piece: &[u8]) -> String {
        let mut bytes = self.carried.remove(stream).unwrap_or_default();
        bytes.extend_from_slice(piece);
        let cut = match std::str::from_utf8(&bytes) {
            Ok(_) => bytes.len(),
            // No length: the end was cut off, rather than wrong. A wrong byte before it is replaced below.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => bytes.len(),
        };
        let rest = bytes.split_off(cut);
        if !rest.is_empty() {
            self.carried.insert(stream.to_owned(), rest);
        }
        String::from_utf8_lossy(&bytes).into_owned()
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
            | BuildUpdate::Note(_)
            | BuildUpdate::Done(_) => String::new(),
        };
        if self.broken {
            return;
        }
        let line = event(since, update, &text);
        // Each line is flushed: who reads this wants to act on it now.
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        if let Err(error) = written {
            // The reader is gone. The build has a result all the same, and its other reports are still written.
            self.broken = true;
            tracing::warn!("the event stream ends here: {error}");
        }
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
        for piece in [&b"a\xc3"[..], b"\xa4\xffb", b"\n"] {
            json.update(Duration::ZERO, &BuildUpdate::OrderedOutput(piece.to_vec()));
        }
        let text: String = String::from_utf8(out)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(text, "a\u{e4}\u{fffd}b\n");
    }
}
