//! Counts the faults of one generation, and stops asking it when they come too fast.

use std::time::{Duration, Instant};

/// Faults within [`WINDOW`] that quarantine a generation.
pub const FAULTS: usize = 3;
/// The window they are counted in.
pub const WINDOW: Duration = Duration::from_secs(60);
/// How long a quarantine lasts before one more call is tried.
pub const TERM: Duration = Duration::from_secs(300);

/// The state of one generation.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    recent: Vec<Instant>,
    until: Option<Instant>,
    total: u64,
    last: Option<String>,
}

impl Quarantine {
    /// How long it still must not be asked; none when it may.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Takes in a fault. Whether it begins a quarantine.
    pub(crate) fn fault(&mut self, now: Instant, what: &str) -> bool {
        self.total += 1;
        self.last = Some(what.to_owned());
        // Past its term a generation is on probation: the next fault ends it at once.
        let on_probation = self.until.is_some_and(|until| until <= now && now < until + WINDOW);
        self.recent.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        self.recent.push(now);
        let begins = self.left(now).is_none() && (on_probation || self.recent.len() >= FAULTS);
        if begins {
            self.until = Some(now + TERM);
        }
        begins
    }

    /// Forgets everything: an operator says it is well.
    pub(crate) fn reset(&mut self) {
        self.recent.clear();
        self.until = None;
    }

    /// Faults since it was loaded, and the last of them.
    pub(crate) fn history(&self) -> (u64, Option<&str>) {
        (self.total, self.last.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_faults_in_a_minute_quarantine() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut quarantine = Quarantine::default();
        assert!(!quarantine.fault(at(0), "one"));
        assert!(!quarantine.fault(at(50), "two"));
        assert!(!quarantine.fault(at(70), "three, but the first is long ago"));
        assert_eq!(quarantine.left(at(70)), None);
        assert!(quarantine.fault(at(80), "four"));
        assert_eq!(quarantine.left(at(80)), Some(TERM));
        assert_eq!(quarantine.left(at(380)), None, "one more call is tried");
        assert!(quarantine.fault(at(390), "five"), "and it was one too many");
        quarantine.reset();
        assert_eq!(quarantine.left(at(391)), None);
        assert_eq!(quarantine.history(), (5, Some("five")));
    }
}
