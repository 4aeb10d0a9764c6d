//! Cuts what `dist` prints into headings, the note on its environment, and lines; and takes out its last words.
//!
//! A heading stands on a line of its own that the tool begins with a line end: where that follows a line of a test it
//! is no part of the test's output, and so the end of each line is held until the next one is known.

use muster_sdk::lines::{Lines, Piece as LinePiece};

/// The heading over the note on where tests run.
const ENVIRONMENT: &str = "Test execution environment.";
/// What the tool says when all went well; each is taken out once.
const LAST_WORDS: [&[u8]; 2] = [b"ALL TESTS PASSED (some were excluded)", b"ALL TESTS PASSED"];
/// The longest note on the environment that is waited for.
const NOTE_LIMIT: usize = 64 * 1024;

/// A piece of the output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A line, without its end. Who looks at it says whether it was text: if not, its end is none either.
    Line(&'a [u8]),
    /// Text that is no whole line.
    Text(&'a [u8]),
    Heading(String),
    /// The heading of the environment and what it says, before the next heading.
    Environment(String),
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Text,
    /// It was for the program.
    Other,
}

/// What a heading is whose line does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unended {
    Heading,
    /// As Go's coordinator of 2015 had it: the mark is gone and the rest is text.
    Text,
}

/// Holds what is not decided yet.
#[derive(Debug)]
pub(crate) struct Sections {
    /// What a heading begins with.
    mark: Vec<u8>,
    unended: Unended,
    lines: Lines,
    /// Something was before this: the tool's own line end may have been.
    begun: bool,
    /// The end of the line before, which may be a heading's.
    line_end: bool,
    /// The last words that are still to come.
    last_words: Vec<&'static [u8]>,
    /// The environment's heading and lines, as they came, until the next heading.
    note: Option<Vec<u8>>,
}

impl Sections {
    pub(crate) fn new(mark: &str, unended: Unended) -> Sections {
        Sections {
            mark: mark.into(),
            unended,
            lines: Lines::new(),
            begun: false,
            line_end: false,
            last_words: LAST_WORDS.to_vec(),
            note: None,
        }
    }

    /// Takes in bytes.
    pub(crate) fn push(&mut self, chunk: &[u8], see: &mut impl FnMut(Piece<'_>) -> Seen) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.push(chunk, |piece| self.piece(&piece, see));
        self.lines = lines;
    }

    /// What is held was all there is.
    pub(crate) fn finish(&mut self, see: &mut impl FnMut(Piece<'_>) -> Seen) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.finish(|piece| self.piece(&piece, see));
        if let Some(note) = self.note.take() {
            see(Piece::Text(&note));
        }
        self.end_line(see);
    }

    fn piece(&mut self, piece: &LinePiece<'_>, see: &mut impl FnMut(Piece<'_>) -> Seen) {
        match piece {
            LinePiece::Line(line) => match line.strip_suffix(b"\n") {
                Some(content) => self.line(content, true, see),
                None => self.line(line, false, see),
            },
            LinePiece::Part(part) => {
                self.give_up_note(see);
                self.end_line(see);
                see(Piece::Text(part));
            }
        }
        self.begun = true;
    }

    fn line(&mut self, line: &[u8], ended: bool, see: &mut impl FnMut(Piece<'_>) -> Seen) {
        let heading = line.strip_prefix(self.mark.as_slice()).filter(|_| self.begun);
        if let Some(heading) = heading {
            return self.heading(heading, line, ended, see);
        }
        if let Some(note) = &mut self.note {
            note.extend_from_slice(line);
            note.extend_from_slice(if ended { b"\n" } else { b"" });
            if note.len() > NOTE_LIMIT {
                self.give_up_note(see);
            }
            return;
        }
        if self.line_end && ended && self.is_last_words(line) {
            self.line_end = false;
            return;
        }
        self.end_line(see);
        self.line_end = see(Piece::Line(line)) == Seen::Text && ended;
    }

    fn heading(&mut self, heading: &[u8], line: &[u8], ended: bool, see: &mut impl FnMut(Piece<'_>) -> Seen) {
        let text = String::from_utf8_lossy(heading).trim_end_matches('\r').to_owned();
        if text == ENVIRONMENT && self.note.is_none() && ended {
            let line_end: &[u8] = if self.line_end { b"\n" } else { b"" };
            self.note = Some([line_end, line, b"\n"].concat());
            self.line_end = false;
            return;
        }
        if let Some(note) = self.note.take() {
            see(Piece::Environment(self.told(&note)));
        }
        self.line_end = false;
        match (ended, self.unended) {
            (true, _) | (false, Unended::Heading) => see(Piece::Heading(text)),
            (false, Unended::Text) => see(Piece::Text(heading)),
        };
    }

    /// The note as people see it: under a heading of the log's kind.
    fn told(&self, note: &[u8]) -> String {
        let note = String::from_utf8_lossy(note);
        let note = note.trim_matches(['\n', '\r']);
        let mark = String::from_utf8_lossy(&self.mark);
        format!("##### {}", note.strip_prefix(mark.as_ref()).unwrap_or(note))
    }

    fn is_last_words(&mut self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(at) = self.last_words.iter().position(|words| *words == line) else {
            return false;
        };
        self.last_words.remove(at);
        true
    }

    /// What looked like a note is text.
    fn give_up_note(&mut self, see: &mut impl FnMut(Piece<'_>) -> Seen) {
        if let Some(note) = self.note.take() {
            see(Piece::Text(&note));
        }
    }

    fn end_line(&mut self, see: &mut impl FnMut(Piece<'_>) -> Seen) {
        if std::mem::take(&mut self.line_end) {
            see(Piece::Text(b"\n"));
        }
    }
}

#[cfg(test)]
mod tests;
