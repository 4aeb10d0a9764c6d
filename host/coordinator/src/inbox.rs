//! The way of events to the driver: each bears the moment at which it came about, however long it waits to be seen.

use engine::{Event, Time};
use tokio::sync::mpsc;

use crate::clock::Clock;

/// Events that may wait for the driver; beyond that, whoever sends one waits.
const WAITING: usize = 4_096;

/// An event and when it came about.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) at: Time,
    pub(crate) event: Event,
}

/// Sends events.
#[derive(Clone)]
pub(crate) struct Inbox {
    sender: mpsc::Sender<Arrived>,
    clock: Clock,
}

impl Inbox {
    pub(crate) fn new(clock: Clock) -> (Inbox, mpsc::Receiver<Arrived>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Inbox { sender, clock }, receiver)
    }

    /// Sends one. A driver that is gone needs none.
    pub(crate) async fn send(&self, event: Event) {
        let _ = self.sender.send(Arrived { at: self.clock.now(), event }).await;
    }
}
