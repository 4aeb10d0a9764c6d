//! What an exec costs beside its tests, and how long a test takes whose runner does not say: by when tests are told.

use std::time::{Duration, Instant};

/// The moments of one exec. Of one whose output is read again, after a restart, they are not known.
#[derive(Debug, Default)]
pub(super) struct ExecClock {
    began: Option<Instant>,
    /// When the last test began or ended, as far as that is seen.
    boundary: Option<Instant>,
    /// Up to the first test.
    before: Option<Duration>,
    /// How long the command ran, once it has ended.
    ran: Option<Duration>,
    /// What its tests took that were told after that.
    told_late: Option<Duration>,
}

impl ExecClock {
    /// The command begins.
    pub(super) fn start(now: Instant) -> ExecClock {
        ExecClock { began: Some(now), boundary: Some(now), ..ExecClock::default() }
    }

    /// A test begins.
    pub(super) fn test_started(&mut self, now: Instant) {
        if let (Some(began), None) = (self.began, self.ran) {
            self.before.get_or_insert(now - began);
        }
        self.boundary = self.boundary.map(|_| now);
    }

    /// A test, one of this exec's or a part of one, has ended. What its runner did not measure is filled in.
    pub(super) fn test_ended(&mut self, now: Instant, is_whole: bool, duration: &mut Option<Duration>) {
        if let Some(boundary) = &mut self.boundary {
            duration.get_or_insert(now - *boundary);
            *boundary = now;
        }
        match (self.began, self.ran, *duration) {
            (_, Some(_), Some(took)) if is_whole => {
                self.told_late = Some(self.told_late.unwrap_or_default().saturating_add(took));
            }
            (Some(began), None, took) => {
                self.before.get_or_insert((now - began).saturating_sub(took.unwrap_or_default()));
            }
            _ => {}
        }
    }

    /// The command has ended. What result files tell was at no moment that is known.
    pub(super) fn command_ended(&mut self, now: Instant, files_follow: bool) {
        self.ran = self.began.map(|began| now - began);
        if files_follow {
            self.boundary = None;
        }
    }

    /// What the exec cost before its first test; where nothing was told before its end, what it cost beside all of them.
    pub(super) fn overhead(&self) -> Option<Duration> {
        self.before.or_else(|| Some(self.ran?.saturating_sub(self.told_late?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// An exec that goes by this text: when tests begin (`+3`), end (`-5`, or `-5:2` where they say how long they took),
    /// and the command ends (`.8`, or `.8f` where result files follow). What it cost, and what the tests took.
    fn check(told: &str) -> (Option<Duration>, Vec<Option<Duration>>) {
        let began = Instant::now();
        let mut clock = ExecClock::start(began);
        let mut durations = Vec::new();
        for word in told.split(' ') {
            let (kind, rest) = word.split_at(1);
            let (moment, more) = rest.split_once([':', 'f']).unwrap_or((rest, ""));
            let now = began + s(moment.parse().expect("seconds"));
            match kind {
                "+" => clock.test_started(now),
                "-" => {
                    let mut duration = more.parse().ok().map(s);
                    clock.test_ended(now, true, &mut duration);
                    durations.push(duration);
                }
                _ => clock.command_ended(now, rest.ends_with('f')),
            }
        }
        (clock.overhead(), durations)
    }

    #[test]
    fn an_exec_costs_what_passes_before_its_first_test() {
        assert_eq!(check("+3 -5 +6 -7 .8"), (Some(s(3)), vec![Some(s(2)), Some(s(1))]));
        assert_eq!(check("-5:2 -7:1 .8"), (Some(s(3)), vec![Some(s(2)), Some(s(1))]), "as its runner measured");
        assert_eq!(check("-5 -7 .8").1, [Some(s(5)), Some(s(2))], "without a word the first has it all");
    }

    #[test]
    fn where_all_is_told_at_the_end_it_costs_what_passed_beside_the_tests() {
        assert_eq!(check(".20f -20:8 -20:9"), (Some(s(3)), vec![Some(s(8)), Some(s(9))]));
        assert_eq!(check(".20 -20:8 -20:9").0, Some(s(3)), "by the parser's last words");
        assert_eq!(check(".20f -20:15 -20:16").0, Some(s(0)), "side by side");
        assert_eq!(check(".20f -20").1, [None], "nobody knows");
        assert_eq!(check(".20f").0, None);
    }

    #[test]
    fn what_is_read_again_tells_nothing() {
        let now = Instant::now();
        let mut clock = ExecClock::default();
        clock.test_started(now);
        let mut duration = None;
        clock.test_ended(now, true, &mut duration);
        clock.command_ended(now, false);
        assert_eq!((duration, clock.overhead()), (None, None));
    }

    #[test]
    fn parts_of_tests_are_not_counted_twice() {
        let began = Instant::now();
        let mut clock = ExecClock::start(began);
        clock.command_ended(began + s(9), true);
        clock.test_ended(began + s(9), false, &mut Some(s(4)));
        clock.test_ended(began + s(9), true, &mut Some(s(5)));
        assert_eq!(clock.overhead(), Some(s(4)));
    }
}
