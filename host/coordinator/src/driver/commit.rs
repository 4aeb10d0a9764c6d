//! Making records durable, with patience.

use std::time::Duration;

use engine::{BuildFacts, BuildSpec, Fact, Record, Time};
use store::{BuildHeader, Cause, Commit, FinishedBuild, RecordRow, StoreError};
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
        let mut commit = self.encode(records);
        match self.commit_all(&commit).await {
            // Two of one request at the same time: each is a build, and only the first is found by it.
            Err(CoordinatorError::Commit(StoreError::RequestKnown { .. })) => {
                commit.requests.clear();
                self.commit_all(&commit).await
            }
            done => done,
        }
    }

    /// Commits that a build is finished.
    pub(super) async fn commit_finished(&mut self, facts: &BuildFacts) -> Result<(), CoordinatorError> {
        let Some((ended, outcome, certificate)) = &facts.ended else { return Ok(()) };
        let finished = FinishedBuild {
            build: facts.spec.build,
            ended: *ended,
            outcome: outcome.word().to_owned(),
            summary_json: serde_json::to_string(&(outcome, certificate))
                .expect("certificates have string keys and finite numbers"),
        };
        self.commit_all(&Commit { finished: vec![finished], ..Commit::default() }).await
    }

    async fn commit_all(&self, commit: &Commit) -> Result<(), CoordinatorError> {
        let give_up = Instant::now() + self.patience;
        loop {
            let Err(error) = self.store.commit(&self.epoch, commit).await else { return Ok(()) };
            if hopeless(&error) || Instant::now() >= give_up {
                return Err(CoordinatorError::Commit(error));
            }
            tracing::warn!(error = chain(&error), "the store does not take the records; trying again");
            tokio::time::sleep(PAUSE).await;
            // What was committed although the answer was lost must not be committed twice.
            if self.is_there(commit).await {
                return Ok(());
            }
        }
    }

    /// Whether the store has this already. One that does not answer is asked again with the next try.
    async fn is_there(&self, commit: &Commit) -> bool {
        if let Some(first) = commit.records.first() {
            let found = self.store.records_after(first.build, first.seq - 1, 1).await;
            return found
                .is_ok_and(|found| found.first().is_some_and(|(seq, json)| (*seq, json) == (first.seq, &first.json)));
        }
        match commit.finished.first() {
            Some(finished) => {
                let found = self.store.build(finished.build).await;
                found.is_ok_and(|row| row.is_some_and(|row| row.ended.is_some()))
            }
            None => true,
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
                commit.begun.push(header(spec, &running.submission, record.at));
                commit.requests.extend(running.request.take());
            }
        }
        commit
    }
}

/// What is known of a build from its first moment.
pub(super) fn header(spec: &BuildSpec, submission: &str, started: Time) -> BuildHeader {
    BuildHeader {
        build: spec.build,
        project: spec.project.clone(),
        builder: spec.builder.clone(),
        rev: spec.rev.clone(),
        started,
        submission: submission.to_owned(),
    }
}

/// Asking again does not help.
fn hopeless(error: &StoreError) -> bool {
    error.cause() == Cause::Superseded
        || matches!(error, StoreError::RequestKnown { .. } | StoreError::Name { .. } | StoreError::LongName { .. })
}
