//! What tests cost beside what their runner measured.

use std::time::Duration;

use crate::{AttemptId, BuildFacts, Verdict};

impl BuildFacts {
    /// What each test of an attempt took of its machine beside what its runner measured: an even share of what the exec
    /// took beyond that and beyond the time before its first test. Go links a test binary for each package between two
    /// tests, and other runners load modules. Nothing where tests ran side by side, or where not all of them ended.
    pub fn beside(&self, id: AttemptId) -> Duration {
        let ended = self.attempts.get(&id).and_then(|attempt| Some((attempt, attempt.ended.as_ref()?)));
        let Some((attempt, end)) = ended else { return Duration::ZERO };
        let verdicts = attempt.tests.iter().map(|index| self.test(*index).verdict.as_ref());
        let measured = verdicts.map(|verdict| of_attempt(verdict, id)).sum::<Option<Duration>>();
        let (Some(overhead), Some(measured)) = (end.overhead, measured) else { return Duration::ZERO };
        let tests = u32::try_from(attempt.tests.len()).unwrap_or(u32::MAX).max(1);
        end.took.saturating_sub(overhead).saturating_sub(measured) / tests
    }
}

/// What a test took, if its verdict is of this attempt.
fn of_attempt(verdict: Option<&Verdict>, id: AttemptId) -> Option<Duration> {
    Some(verdict.filter(|verdict| verdict.attempt == Some(id))?.duration.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{at, facts, test};
    use crate::{CommandEnd, Fact, LeaseId, TestIndex, VerdictKind};

    /// Of an exec that took ten seconds, two of them before the first of two tests, which took so long.
    fn beside(took: [Option<u64>; 2]) -> Duration {
        let mut facts = facts();
        let id = AttemptId(1);
        facts.apply(at(0), &Fact::TestsListed(vec![test("a"), test("b")]));
        let tests = vec![TestIndex(0), TestIndex(1)];
        facts.apply(at(0), &Fact::AttemptStarted { attempt: id, lease: LeaseId(1), tests });
        let (end, overhead) = (Ok(CommandEnd::Exited(0)), Some(Duration::from_secs(2)));
        let ended = Fact::AttemptEnded { attempt: id, end, took: Duration::from_secs(10), overhead, notes: Vec::new() };
        facts.apply(at(10), &ended);
        for (index, took) in (0..).zip(took) {
            let Some(took) = took else { continue };
            let duration = Some(Duration::from_secs(took));
            let verdict = Verdict { kind: VerdictKind::Passed, cause: String::new(), duration, attempt: Some(id) };
            facts.apply(at(10), &Fact::Verdict { test: TestIndex(index), verdict });
        }
        facts.beside(id)
    }

    #[test]
    fn what_an_exec_took_beyond_its_tests_is_theirs_in_even_shares() {
        assert_eq!(beside([Some(1), Some(3)]), Duration::from_secs(2));
        assert_eq!(beside([Some(5), Some(3)]), Duration::ZERO);
        assert_eq!(beside([Some(9), Some(9)]), Duration::ZERO, "side by side");
        assert_eq!(beside([Some(1), None]), Duration::ZERO, "the other one was cut short");
    }
}
