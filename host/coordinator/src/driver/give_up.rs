//! The end of a driver whose store takes nothing any more: no test is left out of what is written about its builds.

use engine::{BuildFacts, Fact, Outcome, Record, Time, Verdict, VerdictKind};

use super::{Driver, Running};
use crate::CoordinatorError;
use crate::error::chain;
use crate::report::report;
use crate::view::BuildUpdate;

impl Driver {
    /// Which tests there are is known even where it could not be made durable. Nothing else is taken from records that
    /// were not committed: a verdict among them does not count.
    pub(super) fn listed_in_vain(&mut self, records: &[Record]) {
        for record in records.iter().filter(|record| matches!(record.fact, Fact::TestsListed(_))) {
            let facts = self.running.get_mut(&record.build).and_then(|running| running.facts.as_mut());
            if let Some(facts) = facts {
                facts.apply(record.at, &record.fact);
            }
        }
    }

    /// Records can no longer be made durable: nothing may happen that would follow from them. Each build gets a report
    /// of what was durable; tests without a verdict were not run.
    pub(super) async fn give_up(&mut self, error: CoordinatorError) {
        for token in self.under_way.values() {
            token.cancel();
        }
        let now = self.clock.now();
        let text = chain(&error);
        let mut error = Some(error);
        for running in self.running.values_mut() {
            let Some(done) = running.done.take() else { continue };
            tell(running, now, &text).await;
            let error = error.take().unwrap_or_else(|| CoordinatorError::GivenUp(text.clone()));
            let _ = done.send(Err(error));
        }
    }
}

/// Tells the report of a build that cannot go on, if anything of it is known.
async fn tell(running: &mut Running, now: Time, cause: &str) {
    let Some(facts) = &mut running.facts else { return };
    let cause = format!("failed to {cause}");
    not_run(facts, &cause);
    let report = report(&running.job, facts, now, &Outcome::Errored { cause }).await;
    running.job.output.remove().await;
    running.job.tell(BuildUpdate::Done(Box::new(report))).await;
}

fn not_run(facts: &mut BuildFacts, cause: &str) {
    for test in facts.tests.iter_mut().filter(|test| test.verdict.is_none()) {
        let verdict = Verdict { kind: VerdictKind::NotRun, cause: cause.to_owned(), duration: None, attempt: None };
        test.verdict = Some(verdict);
    }
}
