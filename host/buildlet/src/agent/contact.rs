//! When a coordinator was last heard of.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// The moment of the last authenticated request.
#[derive(Debug)]
pub(crate) struct Contact(Mutex<Instant>);

impl Contact {
    /// Heard of now.
    pub(crate) fn new() -> Self {
        Contact(Mutex::new(Instant::now()))
    }

    /// An authenticated request came.
    pub(crate) fn heard(&self) {
        *self.lock() = Instant::now();
    }

    /// Waits until nobody was heard of for so long.
    pub(crate) async fn lost(&self, after: Duration) {
        loop {
            let until = *self.lock() + after;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.0.lock().expect("no holder of this lock can panic")
    }
}
