//! Lines for the coordinator's log, and the hook that sends a panic's message there.

use std::panic;
use std::sync::Once;

pub use crate::bindings::shared::muster::host::log::Level;

/// What one call may carry; the rest is cut, as the host would.
const MESSAGE_LIMIT: usize = 60 * 1024;

/// Writes one line.
pub fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    let end = message.floor_char_boundary(MESSAGE_LIMIT);
    let fields: Vec<(String, String)> = fields.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    send(level, &message[..end], &fields);
}

/// An error that somebody should look at.
pub fn error(message: &str) {
    write(Level::Error, message, &[]);
}

/// Something odd that was got over.
pub fn warn(message: &str) {
    write(Level::Warn, message, &[]);
}

/// What an operator wants to know.
pub fn info(message: &str) {
    write(Level::Info, message, &[]);
}

/// What the plugin's author wants to know.
pub fn debug(message: &str) {
    write(Level::Debug, message, &[]);
}

/// Sends the message of a panic to the log before the trap; `export!` calls it ahead of any of the plugin's code.
pub fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if cfg!(target_arch = "wasm32") {
            panic::set_hook(Box::new(|info| error(&info.to_string())));
        }
    });
}

#[cfg(target_arch = "wasm32")]
fn send(level: Level, message: &str, fields: &[(String, String)]) {
    crate::bindings::shared::muster::host::log::write(level, message, fields);
}

/// Natively, which is under test, there is no host.
#[cfg(not(target_arch = "wasm32"))]
fn send(level: Level, message: &str, fields: &[(String, String)]) {
    let level = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    eprintln!("{level}: {message} {fields:?}");
}
