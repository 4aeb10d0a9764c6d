//! Cuts a stream of bytes into lines, the same lines however the stream was cut, in bounded memory.

use crate::parser::Event;

/// The longest line that is looked at: what is longer is output for people, not a line of a test protocol.
pub const LINE_LIMIT: usize = 1024 * 1024;

/// What a stream is made of.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A whole line, with its end (`\n`, or none for the last one of the stream).
    Line(&'a [u8]),
    /// A piece of a line that is longer than [`LINE_LIMIT`]; the last one has the line's end.
    Part(&'a [u8]),
}

/// Holds the beginning of a line until its end comes.
#[derive(Debug, Default)]
pub struct Lines {
    held: Vec<u8>,
    /// The current line is longer than the limit and is passed through.
    long: bool,
}

impl Lines {
    /// An empty stream.
    pub fn new() -> Lines {
        Lines::default()
    }

    /// Takes in bytes; `see` is shown every line that is now complete, and the parts of over-long ones.
    pub fn push(&mut self, mut chunk: &[u8], mut see: impl FnMut(Piece<'_>)) {
        while !chunk.is_empty() {
            let (piece, ended) = match chunk.iter().position(|&byte| byte == b'\n') {
                Some(end) => (&chunk[..=end], true),
                None => (chunk, false),
            };
            chunk = &chunk[piece.len()..];
            if self.long {
                see(Piece::Part(piece));
                self.long = !ended;
            } else if self.held.len() + piece.len() > LINE_LIMIT {
                see(Piece::Part(&self.held));
                see(Piece::Part(piece));
                self.held = Vec::new();
                self.long = !ended;
            } else if ended && self.held.is_empty() {
                see(Piece::Line(piece));
            } else {
                self.held.extend_from_slice(piece);
                if ended {
                    see(Piece::Line(&self.held));
                    self.held.clear();
                }
            }
        }
    }

    /// Takes in bytes that people see at once; what is read out of a line follows its text.
    pub fn show(&mut self, text: &[u8], events: &mut Vec<Event>, mut see: impl FnMut(Piece<'_>, &mut Vec<Event>)) {
        for piece in text.split_inclusive(|&byte| byte == b'\n') {
            events.push(Event::Text(piece.to_vec()));
            self.push(piece, |piece| see(piece, events));
        }
    }

    /// Shows the last line if it has no end, and begins anew.
    pub fn finish(&mut self, mut see: impl FnMut(Piece<'_>)) {
        if !self.held.is_empty() {
            see(Piece::Line(&self.held));
        }
        *self = Lines::new();
    }
}

/// The line without its end, as text; what is not UTF-8 is replaced.
pub fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

/// The text without ANSI escape sequences (colours and the like).
pub fn without_ansi(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        if chars.next_if_eq(&'[').is_some() {
            // A control sequence ends with a byte from `@` to `~`.
            while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
        }
        chars.next();
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(input: &[u8], sizes: &[usize]) -> Vec<(bool, Vec<u8>)> {
        let mut lines = Lines::new();
        let mut seen: Vec<(bool, Vec<u8>)> = Vec::new();
        let mut see = |piece: Piece<'_>| match piece {
            Piece::Line(line) => seen.push((true, line.to_vec())),
            Piece::Part(part) => match seen.last_mut() {
                Some((false, joined)) if !joined.ends_with(b"\n") => joined.extend_from_slice(part),
                _ => seen.push((false, part.to_vec())),
            },
        };
        let mut rest = input;
        let mut sizes = sizes.iter().cycle();
        while !rest.is_empty() {
            let size = (*sizes.next().unwrap_or(&1)).clamp(1, rest.len());
            lines.push(&rest[..size], &mut see);
            rest = &rest[size..];
        }
        lines.finish(&mut see);
        seen
    }

    proptest! {
        #[test]
        fn the_cut_does_not_matter(
            input in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..300),
            sizes in proptest::collection::vec(1usize..20, 1..10),
        ) {
            let whole = cut(&input, &[input.len().max(1)]);
            prop_assert_eq!(&whole, &cut(&input, &sizes));
            let joined: Vec<u8> = whole.into_iter().flat_map(|(_, bytes)| bytes).collect();
            prop_assert_eq!(joined, input);
        }
    }

    #[test]
    fn an_endless_line_is_not_held() {
        let mut lines = Lines::new();
        let chunk = vec![b'x'; 64 * 1024];
        let mut passed = 0;
        for _ in 0..3200 {
            lines.push(&chunk, |piece| match piece {
                Piece::Part(part) => passed += part.len(),
                Piece::Line(_) => panic!("no line ended"),
            });
            assert!(lines.held.len() <= LINE_LIMIT && lines.held.capacity() <= 2 * LINE_LIMIT);
        }
        assert_eq!(passed, 3200 * 64 * 1024);
        lines.push(b"end\nnext\n", |piece| match piece {
            Piece::Part(part) => assert_eq!(part, b"end\n"),
            Piece::Line(line) => assert_eq!(line, b"next\n"),
        });
    }

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(without_ansi("\u{1b}[32mok\u{1b}[0m \u{1b}[1;31m1\u{1b}[m"), "ok 1");
        assert_eq!(without_ansi("\u{1b}"), "");
    }
}
