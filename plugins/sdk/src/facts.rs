//! Facts that a plugin's own runner writes between a program's output, taken out of it wherever they stand and however
//! the bytes are cut.
//!
//! A fact is the record separator, `MUSTER `, a JSON object and the end of the line. It may follow a partial line.

use serde_json::Value;

/// What a fact begins with.
const START: &[u8] = b"\x1eMUSTER ";
/// The longest fact that is held; runners keep well below it.
const FACT_LIMIT: usize = 1024 * 1024;

/// What output is made of.
#[derive(Debug, PartialEq)]
pub enum Piece<'a> {
    /// For people.
    Text(&'a [u8]),
    /// For the parser.
    Fact(Value),
}

/// Holds the beginning of a fact until its end comes; text is never held.
#[derive(Debug, Default)]
pub struct Facts {
    held: Vec<u8>,
}

impl Facts {
    /// An empty stream.
    pub fn new() -> Facts {
        Facts::default()
    }

    /// Takes in bytes.
    pub fn push(&mut self, mut chunk: &[u8], see: &mut impl FnMut(Piece<'_>)) {
        while !chunk.is_empty() {
            if self.held.is_empty() {
                let start = chunk.iter().position(|&byte| byte == START[0]).unwrap_or(chunk.len());
                if start > 0 {
                    see(Piece::Text(&chunk[..start]));
                }
                chunk = &chunk[start..];
                if let Some((&first, rest)) = chunk.split_first() {
                    self.held.push(first);
                    chunk = rest;
                }
            } else if self.held.len() < START.len() {
                // A byte that does not fit is text, or the start of another fact: it is looked at again.
                if chunk[0] == START[self.held.len()] {
                    self.held.push(chunk[0]);
                    chunk = &chunk[1..];
                } else {
                    self.release(see);
                }
            } else {
                chunk = self.hold(chunk, see);
            }
        }
    }

    /// Takes bytes up to the end of the line into the fact, and says what is left.
    fn hold<'a>(&mut self, chunk: &'a [u8], see: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let room = FACT_LIMIT - self.held.len();
        let taken = end.map_or(chunk.len(), |end| end + 1).min(room);
        self.held.extend_from_slice(&chunk[..taken]);
        if self.held.ends_with(b"\n") {
            match serde_json::from_slice(&self.held[START.len()..]) {
                Ok(fact) => {
                    see(Piece::Fact(fact));
                    self.held.clear();
                }
                Err(_) => self.release(see),
            }
        } else if self.held.len() == FACT_LIMIT {
            self.release(see);
        }
        &chunk[taken..]
    }

    /// What was held is no fact.
    fn release(&mut self, see: &mut impl FnMut(Piece<'_>)) {
        if !self.held.is_empty() {
            see(Piece::Text(&self.held));
            self.held.clear();
        }
    }

    /// A fact without an end is text.
    pub fn finish(&mut self, see: &mut impl FnMut(Piece<'_>)) {
        self.release(see);
    }
}
