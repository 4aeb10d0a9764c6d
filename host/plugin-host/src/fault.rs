//! Says what a failed call was: a trap, a limit, or time.

use engine::PluginFaultKind;
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use crate::limiter::LimitReached;

/// Characters of a guest's last words that a fault repeats.
const LAST_WORDS: usize = 2000;

/// What wasmtime says when one of the store's limits was reached.
const LIMIT_WORDS: [&str; 4] =
    ["fuel allocated for hostcalls", "handle limit exceeded", "resource limit exceeded", "exceeds the limit"];

/// A call that ended without an answer. The store it happened in is not used again.
pub(crate) struct Crash {
    pub(crate) error: wasmtime::Error,
    /// What the guest logged or wrote last.
    pub(crate) last_words: Option<String>,
}

/// The kind of fault, and the text of it.
pub(crate) fn classify(crash: &Crash) -> (PluginFaultKind, String) {
    let root = crash.error.root_cause().to_string();
    let kind = kind(&crash.error, &root);
    let text = match &crash.last_words {
        Some(words) => format!("{root}; it said: {}", words.chars().take(LAST_WORDS).collect::<String>()),
        None => root,
    };
    (kind, text)
}

fn kind(error: &wasmtime::Error, root: &str) -> PluginFaultKind {
    if error.downcast_ref::<LimitReached>().is_some() {
        return PluginFaultKind::Limit;
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel | Trap::Interrupt) => return PluginFaultKind::TimedOut,
        Some(Trap::StackOverflow | Trap::AllocationTooLarge) => return PluginFaultKind::Limit,
        Some(_) => return PluginFaultKind::Trapped,
        None => {}
    }
    if error.is::<NotAllowed>() || error.is::<I32Exit>() {
        return PluginFaultKind::Trapped;
    }
    // wasmtime keeps the types of these to itself.
    if LIMIT_WORDS.iter().any(|words| root.contains(words)) {
        return PluginFaultKind::Limit;
    }
    // What is neither a trap nor a limit is an answer that could not be read: a list out of bounds, text that is no
    // UTF-8, a case that does not exist.
    PluginFaultKind::BadAnswer
}

/// A guest called what its role may not, or what it was not granted: a trap with words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotAllowed(pub(crate) String);
