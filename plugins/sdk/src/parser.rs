//! The parser role: reads what a test command says.

use std::cell::RefCell;

use crate::bindings::parser::exports::muster::parser::parser as wit;
use crate::log::install_panic_hook;
use crate::types::{ExitStatus, Test};

pub use wit::{Event, ResultOf, Status};

/// A parser plugin; a value of it reads one exec. The same bytes must give the same events however they are cut,
/// but for where text is cut into events.
pub trait Parser: Sized + 'static {
    /// Begins an exec of these tests.
    fn new(settings: &str, tests: Vec<Test>) -> Self;
    /// Takes in output.
    fn push(&mut self, chunk: &[u8]) -> Vec<Event>;
    /// Takes in a piece of a result file, after the end of the command.
    fn push_file(&mut self, name: &str, chunk: &[u8], last: bool) -> Vec<Event>;
    /// Says what is left to say.
    fn finish(&mut self, exit: &ExitStatus) -> Vec<Event>;
}

/// Joins neighbouring text events; what remains is the same however the input was cut.
pub fn normalize(events: Vec<Event>) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        if let (Event::Text(more), Some(Event::Text(text))) = (&event, joined.last_mut()) {
            text.extend_from_slice(more);
            continue;
        }
        joined.push(event);
    }
    joined
}

/// For tests of a parser: what it makes of an output that comes in pieces of these sizes, from the first again after
/// the last, and of its end. However it was cut, the answer is to be the same.
pub fn replay(mut parser: impl Parser, output: &[u8], sizes: &[usize], exit: &ExitStatus) -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = output;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = (*sizes.next().unwrap_or(&1)).clamp(1, rest.len());
        events.extend(parser.push(&rest[..size]));
        rest = &rest[size..];
    }
    events.extend(parser.finish(exit));
    normalize(events)
}

/// For tests of a parser: all that it passes on.
pub fn text(events: &[Event]) -> String {
    let text =
        events.iter().filter_map(|event| if let Event::Text(text) = event { Some(text.as_slice()) } else { None });
    String::from_utf8_lossy(&text.collect::<Vec<_>>().concat()).into_owned()
}

/// For tests of a parser: all verdicts, in order.
pub fn results(events: &[Event]) -> Vec<&ResultOf> {
    events.iter().filter_map(|event| if let Event::Finished(result) = event { Some(result) } else { None }).collect()
}

/// For tests of a parser: how many bytes of text it passes on of so many such chunks. What it holds back is to be little.
pub fn passed_on(parser: &mut impl Parser, chunk: &[u8], times: usize) -> usize {
    let mut passed = 0;
    for _ in 0..times {
        let events = parser.push(chunk);
        passed += events.iter().map(|event| if let Event::Text(text) = event { text.len() } else { 0 }).sum::<usize>();
    }
    passed
}

/// What wit-bindgen calls.
#[doc(hidden)]
pub struct Exported<T>(std::marker::PhantomData<T>);

/// The resource that wit-bindgen calls.
#[doc(hidden)]
pub struct ExportedSession<T>(RefCell<T>);

impl<T: Parser> wit::Guest for Exported<T> {
    type Session = ExportedSession<T>;
}

impl<T: Parser> wit::GuestSession for ExportedSession<T> {
    fn new(settings: String, tests: Vec<Test>) -> ExportedSession<T> {
        install_panic_hook();
        ExportedSession(RefCell::new(T::new(&settings, tests)))
    }

    fn push(&self, chunk: Vec<u8>) -> Vec<Event> {
        normalize(self.0.borrow_mut().push(&chunk))
    }

    fn push_file(&self, name: String, chunk: Vec<u8>, last: bool) -> Vec<Event> {
        normalize(self.0.borrow_mut().push_file(&name, &chunk, last))
    }

    fn finish(&self, exit: ExitStatus) -> Vec<Event> {
        normalize(self.0.borrow_mut().finish(&exit))
    }
}
