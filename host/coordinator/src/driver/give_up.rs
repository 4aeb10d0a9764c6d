//! The end of a driver whose store takes nothing any more: no test is left out of what is written about its builds.

use engine::{BuildFacts, Fact, Outcome, Record, Time, Verdict, VerdictKind};

use super::{Driver, Running};
use crate::CoordinatorError;
use crate::error::chain;
use crate::report::report_of;
use crate::view::BuildUpdate;

impl Driver {
    /// Which tests there are is known even where it could not be made durable. Nothing else is taken from records that
    /// were not committed: a verdict among them does not count.
    pub(super) fn listed_in_vain(&mut self, records: &[Record]) {
        for record in records.iter().filter(|record| matches!(record.fact, Fact::TestsListed(_))) {
            if let Some(running) = self.running.get(&record.build)
                && let Some(live) = &running.live
            {
                live.change(running.told, |facts| facts.apply(record.at, &record.fact));
            }
        }
    }

    /// Records can no longer be made durable: nothing may happen that would follow from them. Each build gets a report
    /// of what was durable; tests without a verdict were not run.
    pub(super) async fn give_up(&mut self, error: CoordinatorError) {
        tracing::error!(error = chain(&error), "the coordinator stops");
        let now = self.clock.now();
        let text = chain(&error);
        let mut error = Some(error);
        let mut pass_on = || error.take().unwrap_or_else(|| CoordinatorError::GivenUp(text.clone()));
        for running in self.running.values_mut() {
            if let Some(durable) = running.durable.take() {
                // Whoever submitted it may be gone; here and below.
                let _ = durable.send(Err(pass_on()));
            }
            if let Some(done) = running.done.take() {
                tell(running, now, &text).await;
                let _ = done.send(Err(pass_on()));
            }
        }
        if self.logs.is_none() {
            // Nobody takes these builds up again.
            for token in self.under_way.values() {
                token.cancel();
            }
        }
    }
}

/// Tells the report of a build that cannot go on, if anything of it is known.
async fn tell(running: &Running, now: Time, cause: &str) {
    let (Some(live), Some(job)) = (&running.live, running.job.ready()) else { return };
    let mut facts = live.look(|facts, _| facts.clone());
    let cause = format!("failed to {cause}");
    not_run(&mut facts, &cause);
    let report = report_of(&facts, now, &Outcome::Errored { cause }, &job.config.log, job.as_ref()).await;
    job.output.remove().await;
    job.tell(BuildUpdate::Done(Box::new(report))).await;
}

fn not_run(facts: &mut BuildFacts, cause: &str) {
    for test in facts.tests.iter_mut().filter(|test| test.verdict.is_none()) {
        let verdict = Verdict { kind: VerdictKind::NotRun, cause: cause.to_owned(), duration: None, attempt: None };
        test.verdict = Some(verdict);
    }
}
