//! How long the rest of a build will take, from the estimates and from how well they have held so far.

use std::time::Duration;

/// The share of estimated work that must be done before the measured pace counts for more than the estimates.
const TRUST_PACE_AT: f64 = 0.1;

/// Expected work, work done, and when it began.
#[derive(Clone, Debug, Default)]
pub(super) struct Eta {
    total: Option<Duration>,
    measured: Duration,
    began: Option<Duration>,
}

impl Eta {
    pub(super) fn phase(&mut self, name: &str, now: Duration) {
        if name == "test" {
            self.began.get_or_insert(now);
        }
    }

    pub(super) fn estimated(&mut self, total: Duration) {
        self.total = Some(total);
    }

    pub(super) fn done(&mut self, took: Duration) {
        self.measured += took;
    }

    /// Before a tenth is done: estimated work over the workers there are. Afterwards: at the pace so far.
    pub(super) fn remaining(&self, now: Duration, listed: u64, done: u64, workers: u64) -> Option<Duration> {
        let total = self.total?.as_secs_f64();
        if listed == 0 || done >= listed {
            return Some(Duration::ZERO);
        }
        // Tests are counted too: estimates of zero, or of a few long tests only, would say that nothing is left.
        let by_count = done as f64 / listed as f64;
        let by_time = if total > 0.0 { (self.measured.as_secs_f64() / total).min(1.0) } else { by_count };
        let share = by_count.min(by_time.max(by_count * 0.5));
        let elapsed = self.began.map_or(0.0, |began| now.saturating_sub(began).as_secs_f64());
        let seconds = if share >= TRUST_PACE_AT {
            elapsed * (1.0 - share) / share
        } else if workers > 0 {
            total * (1.0 - share) / workers as f64
        } else {
            return None;
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn estimates_first_then_the_pace() {
        let mut eta = Eta::default();
        assert_eq!(eta.remaining(seconds(0), 10, 0, 2), None, "nothing is known before the estimates");
        eta.estimated(seconds(100));
        eta.phase("test", seconds(10));
        assert_eq!(eta.remaining(seconds(10), 10, 0, 2), Some(seconds(50)));
        for _ in 0..5 {
            eta.done(seconds(10));
        }
        assert_eq!(eta.remaining(seconds(40), 10, 5, 2), Some(seconds(30)), "half is done after 30 s");
        assert_eq!(eta.remaining(seconds(70), 10, 10, 2), Some(seconds(0)));
    }

    #[test]
    fn without_workers_there_is_no_answer() {
        let mut eta = Eta::default();
        eta.estimated(seconds(100));
        assert_eq!(eta.remaining(seconds(1), 10, 0, 0), None);
    }
}
