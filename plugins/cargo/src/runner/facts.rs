//! Facts for the parser, written between the output of the tests: what begins, what ended and how.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

/// Nextest runs the tests one by one.
pub(crate) fn serial_nextest() {
    tell("{\"event\":\"nextest\",\"serial\":true}");
}

/// A binary begins.
pub(crate) fn binary(name: &str) {
    tell(&format!("{{\"event\":\"binary\",\"name\":{}}}", quote(name)));
}

/// A test begins.
pub(crate) fn started(name: &str) {
    tell(&format!("{{\"event\":\"started\",\"name\":{}}}", quote(name)));
}

/// A test has ended.
pub(crate) fn finished(name: &str, status: &str, took: Option<Duration>, message: &str) {
    let mut fact = format!("{{\"event\":\"finished\",\"name\":{},\"status\":\"{}\"", quote(name), status);
    if let Some(took) = took {
        let _ = write!(fact, ",\"duration\":{:.9}", took.as_secs_f64());
    }
    let _ = write!(fact, ",\"message\":{}}}", quote(message));
    tell(&fact);
}

fn tell(fact: &str) {
    text(format!("\u{1e}MUSTER {}\n", fact).as_bytes());
}

/// Output for people.
pub(crate) fn text(bytes: &[u8]) {
    let mut out = io::stdout();
    // Nobody reading is no failure of a test; the command's end tells.
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// A JSON text.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
