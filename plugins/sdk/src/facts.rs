//! Facts that a plugin's own runner writes between a program's output, taken out of it wherever they stand and however
//! the bytes are cut.
//!
//! A fact is the record separator, `MUSTER `, a JSON object and the end of the line. It may follow a partial line.

use serde_json::Value;

use crate::parser::{Event, Parser, ResultOf, Status};
use crate::types::{ExitStatus, Test, from_seconds};

/// What a fact begins with.
const START: &[u8] = b"\x1eMUSTER ";
/// The longest fact that is held; runners keep well below it.
const FACT_LIMIT: usize = 1024 * 1024;

/// What a plugin makes of a program's output and of what its own runner tells beside it; [`FactParser`] makes a parser of
/// it.
pub trait FactReader: Sized + 'static {
    /// Begins an exec of these tests.
    fn new(settings: &str, tests: Vec<Test>) -> Self;
    /// Takes in output, without the facts.
    fn text(&mut self, text: &[u8], events: &mut Vec<Event>);
    /// Takes in what the runner tells.
    fn fact(&mut self, fact: &Value, events: &mut Vec<Event>);
    /// Says what is left to say.
    fn finish(&mut self, exit: &ExitStatus, events: &mut Vec<Event>);
}

/// Takes the facts out of the output, and has both read.
#[derive(Debug)]
pub struct FactParser<R> {
    facts: Facts,
    reader: R,
}

impl<R: FactReader> Parser for FactParser<R> {
    fn new(settings: &str, tests: Vec<Test>) -> FactParser<R> {
        FactParser { facts: Facts::default(), reader: R::new(settings, tests) }
    }

    fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        self.facts.push(chunk, &mut |piece| read(&mut self.reader, &piece, &mut events));
        events
    }

    fn push_file(&mut self, _name: &str, _chunk: &[u8], _last: bool) -> Vec<Event> {
        Vec::new()
    }

    fn finish(&mut self, exit: &ExitStatus) -> Vec<Event> {
        let mut events = Vec::new();
        self.facts.finish(&mut |piece| read(&mut self.reader, &piece, &mut events));
        self.reader.finish(exit, &mut events);
        events
    }
}

fn read(reader: &mut impl FactReader, piece: &Piece<'_>, events: &mut Vec<Event>) {
    match piece {
        Piece::Text(text) => reader.text(text, events),
        Piece::Fact(fact) => reader.fact(fact, events),
    }
}

/// Shows the facts of a whole output, such as a listing's, in order; the text beside them.
pub fn take_out(output: &[u8], mut see: impl FnMut(&Value)) -> Vec<u8> {
    let mut text = Vec::new();
    let mut sort = |piece: Piece<'_>| match piece {
        Piece::Text(bytes) => text.extend_from_slice(bytes),
        Piece::Fact(fact) => see(&fact),
    };
    let mut facts = Facts::default();
    facts.push(output, &mut sort);
    facts.finish(&mut sort);
    text
}

/// A string of a fact.
pub fn text<'a>(fact: &'a Value, key: &str) -> Option<&'a str> {
    fact.get(key).and_then(Value::as_str)
}

/// The end of a test as runners tell it: its `name`, its `status` ("passed", "skipped", and else it failed), its
/// `duration` in seconds and a `message`. What JUnit XML calls it is left to whoever knows.
pub fn result(fact: &Value) -> ResultOf {
    ResultOf {
        name: text(fact, "name").unwrap_or_default().to_owned(),
        suite: String::new(),
        case: String::new(),
        status: match text(fact, "status") {
            Some("passed") => Status::Passed,
            Some("skipped") => Status::Skipped,
            Some(_) | None => Status::Failed,
        },
        duration: fact.get("duration").and_then(Value::as_f64).and_then(from_seconds),
        message: text(fact, "message").unwrap_or_default().to_owned(),
    }
}

/// What output is made of.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    /// For people.
    Text(&'a [u8]),
    /// For the parser.
    Fact(Value),
}

/// Holds the beginning of a fact until its end comes; text is never held.
#[derive(Debug, Default)]
struct Facts {
    held: Vec<u8>,
}

impl Facts {
    /// Takes in bytes.
    fn push(&mut self, mut chunk: &[u8], see: &mut impl FnMut(Piece<'_>)) {
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
    fn finish(&mut self, see: &mut impl FnMut(Piece<'_>)) {
        self.release(see);
    }
}
