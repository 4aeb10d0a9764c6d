//! A parser of lines `name ok` and `name FAILED`.

use std::cell::RefCell;

use crate::Subject;
use crate::exports::muster::parser::parser::{Event, Guest, GuestSession, ResultOf, Status};
use crate::muster::types::types::{ExitStatus, Test};

pub struct Session {
    settings: String,
    rest: RefCell<Vec<u8>>,
}

impl Guest for Subject {
    type Session = Session;
}

impl Session {
    fn lines(&self, chunk: &[u8]) -> Vec<Event> {
        let mut rest = self.rest.borrow_mut();
        rest.extend_from_slice(chunk);
        let mut events = Vec::new();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            events.push(event(&line));
        }
        events
    }
}

fn event(line: &[u8]) -> Event {
    let text = String::from_utf8_lossy(line);
    let (name, status) = match text.trim_end().rsplit_once(' ') {
        Some((name, "ok")) => (name, Status::Passed),
        Some((name, "FAILED")) => (name, Status::Failed),
        _ => return Event::Text(line.to_vec()),
    };
    Event::Finished(ResultOf {
        name: name.into(),
        suite: String::new(),
        case: name.into(),
        status,
        duration: Some(1_000_000),
        message: String::new(),
    })
}

impl GuestSession for Session {
    fn new(settings: String, _tests: Vec<Test>) -> Session {
        Session { settings, rest: RefCell::default() }
    }

    fn push(&self, chunk: Vec<u8>) -> Vec<Event> {
        if self.settings == "\"panic\"" {
            crate::muster::host::log::write(crate::muster::host::log::Level::Error, "about to panic", &[]);
            panic!("as asked");
        }
        if self.settings == "\"nameless\"" {
            return vec![Event::Started(String::new())];
        }
        self.lines(&chunk)
    }

    fn push_file(&self, _name: String, chunk: Vec<u8>, _last: bool) -> Vec<Event> {
        self.lines(&chunk)
    }

    fn finish(&self, exit: ExitStatus) -> Vec<Event> {
        vec![Event::Banner(format!("{exit:?}"))]
    }
}
