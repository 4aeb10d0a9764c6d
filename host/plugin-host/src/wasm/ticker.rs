//! Advances the epoch of an engine, so that no guest holds a thread for longer than a tick.

use std::io;
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// Time between two ticks: how long a guest may compute before it lets others run.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Starts the engine's one ticker. It is a thread, not a task: with every runtime thread busy in a guest, a task
/// would never run. It ends with the engine.
pub(crate) fn start(engine: &Engine) -> io::Result<()> {
    let weak = engine.weak();
    thread::Builder::new().name("plugin-ticker".into()).spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    })?;
    Ok(())
}
