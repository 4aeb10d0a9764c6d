//! The beginning: unfinished builds are folded from their records, and the engine says how they go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{BuildFacts, BuildId, Effect, Engine, Record};
use store::Unfinished;
use tokio::sync::{broadcast, mpsc};
use tokio_util::task::TaskTracker;

use super::jobs::JobState;
use super::{Driver, Running};
use crate::CoordinatorError;
use crate::clock::Clock;
use crate::coordinator::{CoordinatorConfig, Resources};
use crate::inbox::Inbox;
use crate::live::{Committed, LiveBuild, LiveBuilds};

impl Driver {
    /// A driver of the unfinished builds, and what is to be done first.
    pub(crate) async fn recover(
        config: CoordinatorConfig,
        resources: Resources,
        live: LiveBuilds,
        committed: broadcast::Sender<Arc<Committed>>,
    ) -> Result<(Driver, Vec<Effect>), CoordinatorError> {
        let Resources { store, epoch, logs, jobs } = resources;
        let unfinished = store.recovery(&epoch.scope).await.map_err(CoordinatorError::Recover)?;
        let mut records = Vec::new();
        let mut running = BTreeMap::new();
        for build in unfinished {
            let (known, of_build) = read(build, &live)?;
            records.extend(of_build);
            running.insert(known.spec.build, known);
        }
        let clock = Clock::new();
        let (engine, effects) = Engine::recover(config.engine, &records, clock.now());
        let (inbox, events) = Inbox::new(clock);
        let (internal, told) = mpsc::unbounded_channel();
        let driver = Driver {
            engine,
            clock,
            store,
            epoch,
            logs,
            jobs,
            patience: config.store_patience,
            inbox,
            events,
            internal,
            told,
            running,
            under_way: BTreeMap::new(),
            ended: Vec::new(),
            live,
            committed,
            tasks: TaskTracker::new(),
        };
        Ok((driver, effects))
    }

    /// Builds whose end is recorded, and that an earlier life did not complete.
    pub(super) fn complete_ended(&mut self) {
        let ended: Vec<BuildId> =
            self.running.iter().filter(|(_, running)| running.has_ended()).map(|(build, _)| *build).collect();
        for build in ended {
            let Some(running) = self.running.get_mut(&build) else { continue };
            let attempts = running.live.as_ref().map(|live| live.look(|facts, _| facts.log_order()));
            for attempt in attempts.unwrap_or_default() {
                running.publisher.publish(attempt);
            }
            running.job = JobState::Asked(Vec::new());
            self.ask_for_job(build);
        }
    }
}

fn read(build: Unfinished, live: &LiveBuilds) -> Result<(Running, Vec<Record>), CoordinatorError> {
    let id = build.header.build;
    let seq = build.records.last().map_or(0, |(seq, _)| *seq);
    let decode = |(seq, json): &(u64, String)| {
        serde_json::from_str(json).map_err(|source| CoordinatorError::Record { build: id, seq: *seq, source })
    };
    let records: Vec<Record> = build.records.iter().map(decode).collect::<Result<_, _>>()?;
    let facts = BuildFacts::fold(&records).ok_or(CoordinatorError::NotSubmitted(id))?;
    let mut running = Running::new(facts.spec.clone(), build.header.submission);
    (running.seq, running.told) = (seq, seq);
    // What was told in a former life is not told again; who is meant by what follows must be known all the same.
    for record in &records {
        let _told = running.teller.tell(None, &facts, record);
    }
    let seen = Arc::new(LiveBuild::new(facts, seq));
    live.insert(id, Arc::clone(&seen));
    running.live = Some(seen);
    Ok((running, records))
}
