//! Making records durable, with patience.

use std::time::Duration;

use engine::{Fact, Outcome, Record};
use store::{BuildHeader, Cause, Commit, FinishedBuild, RecordRow};
use tokio::time::Instant;

use super::Driver;
use crate::CoordinatorError;
use crate::error::chain;

/// Between two tries at a store that fails.
const PAUSE: Duration = Duration::from_millis(500);

impl Driver {
    /// Commits these records in one transaction. A store that fails is asked again for a while; being superseded ends
    /// it at once.
    pub(super) async fn commit(&mut self, records: &[Record]) -> Result<(), CoordinatorError> {
        if records.is_empty() {
            return Ok(());
        }
        let commit = self.encode(records);
        let give_up = Instant::now() + self.patience;
        loop {
            let Err(error) = self.store.commit(&self.epoch, &commit).await else { return Ok(()) };
            let hopeless = error.cause() == Cause::Superseded || Instant::now() >= give_up;
            if hopeless {
                return Err(CoordinatorError::Commit(error));
            }
            tracing::warn!(error = chain(&error), "the store does not take the records; trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn encode(&mut self, records: &[Record]) -> Commit {
        let mut commit = Commit::default();
        for record in records {
            let Some(running) = self.running.get_mut(&record.build) else { continue };
            running.seq += 1;
            let json = serde_json::to_string(record).expect("records have string keys and finite numbers");
            commit.records.push(RecordRow { build: record.build, seq: running.seq, json });
            if let Fact::Submitted(spec) = &record.fact {
                commit.begun.push(BuildHeader {
                    build: record.build,
                    project: spec.project.clone(),
                    builder: spec.builder.clone(),
                    rev: spec.rev.clone(),
                    started: record.at,
                });
            }
            if let Fact::Ended { outcome, certificate } = &record.fact {
                commit.finished.push(FinishedBuild {
                    build: record.build,
                    ended: record.at,
                    outcome: outcome_word(outcome).to_owned(),
                    summary_json: serde_json::to_string(&(outcome, certificate))
                        .expect("certificates have string keys and finite numbers"),
                });
            }
        }
        commit
    }
}

fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed { .. } => "failed",
        Outcome::Errored { .. } => "errored",
        Outcome::Canceled { .. } => "canceled",
    }
}
