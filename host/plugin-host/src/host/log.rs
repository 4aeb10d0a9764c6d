//! The `log` import: lines for the coordinator's own log, cut and counted.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::bindings::muster::host::log::{Host, Level};
use crate::store::StoreData;

/// Bytes of one call; what is beyond is cut.
const CALL_BYTES: usize = 64 << 10;
/// Lines a second; what is beyond is counted and dropped.
const LINES_PER_SECOND: u32 = 200;

/// Counts the lines of one generation, whatever number of stores it has.
#[derive(Default)]
pub(crate) struct LogGate {
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    began: Option<Instant>,
    lines: u32,
    dropped: u64,
    /// Of earlier seconds too.
    dropped_ever: u64,
}

/// What is to be done with a line.
#[derive(Debug, PartialEq, Eq)]
enum Pass {
    /// Written; this many before it were dropped since the last that was.
    Yes {
        dropped: u64,
    },
    No,
}

impl LogGate {
    /// Lines dropped since the generation was loaded.
    #[expect(clippy::misnamed_getters, reason = "the name is that of the contract, not of the field")]
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped_ever
    }

    fn pass(&self, now: Instant) -> Pass {
        let mut window = self.lock();
        let fresh = window.began.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(1));
        if fresh {
            window.began = Some(now);
            window.lines = 0;
        }
        if window.lines >= LINES_PER_SECOND {
            window.dropped += 1;
            window.dropped_ever += 1;
            return Pass::No;
        }
        window.lines += 1;
        Pass::Yes { dropped: std::mem::take(&mut window.dropped) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window> {
        self.window.lock().expect("no code that holds the window panics")
    }
}

impl Host for StoreData {
    async fn write(&mut self, level: Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        let line = line(message, &fields);
        if level == Level::Error {
            self.last_error = Some(line.clone());
        }
        let services = &self.services;
        let Pass::Yes { dropped } = services.log.pass(Instant::now()) else { return Ok(()) };
        let (plugin, generation, role) = (&services.plugin, &services.generation, self.role);
        if dropped > 0 {
            tracing::warn!(target: "plugin", %plugin, %generation, %role, dropped, "plugin logs too fast: lines dropped");
        }
        match level {
            Level::Error => tracing::error!(target: "plugin", %plugin, %generation, %role, "{line}"),
            Level::Warn => tracing::warn!(target: "plugin", %plugin, %generation, %role, "{line}"),
            Level::Info => tracing::info!(target: "plugin", %plugin, %generation, %role, "{line}"),
            Level::Debug => tracing::debug!(target: "plugin", %plugin, %generation, %role, "{line}"),
            Level::Trace => tracing::trace!(target: "plugin", %plugin, %generation, %role, "{line}"),
        }
        Ok(())
    }
}

/// The message with its fields, cut at [`CALL_BYTES`].
fn line(mut message: String, fields: &[(String, String)]) -> String {
    for (key, value) in fields {
        message.push(' ');
        message.push_str(key);
        message.push('=');
        message.push_str(value);
        if message.len() > CALL_BYTES {
            break;
        }
    }
    if message.len() > CALL_BYTES {
        let total = message.len();
        message.truncate(message.floor_char_boundary(CALL_BYTES));
        message.push_str(&format!(" [cut: at least {total} bytes]"));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_rate_are_counted() {
        let gate = LogGate::default();
        let start = Instant::now();
        for _ in 0..LINES_PER_SECOND {
            assert_eq!(gate.pass(start), Pass::Yes { dropped: 0 });
        }
        for _ in 0..5 {
            assert_eq!(gate.pass(start), Pass::No);
        }
        assert_eq!(gate.pass(start + Duration::from_secs(1)), Pass::Yes { dropped: 5 });
        assert_eq!(gate.pass(start + Duration::from_secs(1)), Pass::Yes { dropped: 0 });
        assert_eq!(gate.dropped(), 5);
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let cut = line("ä".repeat(CALL_BYTES), &[]);
        assert!(cut.len() < CALL_BYTES + 100 && cut.ends_with("[cut: at least 131072 bytes]"), "{}", cut.len());
    }
}
