//! Engine time: the wall clock's at the start, the monotonic clock's from then on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::Time;
use tokio::time::Instant;

/// How long to wait when nothing is to be waited for.
const IDLE: Duration = Duration::from_secs(3600);

/// The moment, by the clock of this machine.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: Time,
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { wall: now(), start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Time {
        self.wall.plus(self.start.elapsed())
    }

    /// When the timer is to fire for this deadline.
    pub(crate) fn instant_of(&self, deadline: Option<Time>) -> Instant {
        let span = deadline.map_or(IDLE, |at| at.since(self.now()).min(IDLE));
        Instant::now() + span
    }
}
