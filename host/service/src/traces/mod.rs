//! Traces: one of each build that ended is sent to a collector.
//!
//! ```text
//! the end of a build is committed --wakes--> one task: which builds ended after the mark?  (coordinator, then store)
//!                                               |  facts --> report::trace --> report::otlp
//!                                               v
//!                                            collector: tried until it is taken, then the mark moves on
//! ```
//! What waits to be sent waits in the store. So nothing here grows when a collector is away, however long that is: no
//! build ever waits for one, and a service that was killed goes on where its mark stands. Given up is what a collector
//! refuses for good, what it does not take although it takes others, and what is a day old. A build that is sent twice is
//! the same trace.

mod collector;
mod mark;
mod post;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coordinator::{Committed, Coordinator, now};
use engine::{BuildId, Fact, Time};
use http::HeaderMap;
use report::trace::{Origin, Parent, trace_of};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::collector::{Collector, Refusal};
use self::mark::{Mark, Place, is_old};
use self::post::TOO_OLD;
use crate::facts::Known;
use crate::problem::Kind;
use crate::service::Service;

/// Builds looked up at once.
const PAGE: u32 = 64;
/// Before builds are looked up again in a store that failed.
const STORE_PAUSE: Duration = Duration::from_secs(10);

/// Where traces go, and as whose.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The address that they are posted to: `http://collector:4318/v1/traces`.
    pub endpoint: String,
    /// Headers of each request; those that are secret are marked so.
    pub headers: HeaderMap,
    /// What the service is called.
    pub service: String,
    /// The file that says how far they were sent.
    pub mark: PathBuf,
}

/// What became of the trace of one build.
enum Told {
    /// It is sent, or there was none to be sent.
    Done,
    /// It cannot be sent.
    GivenUp(String),
    /// The service stops: the next start sends it.
    Later,
}

/// The sending of traces. It stops when this is dropped.
pub struct Traces {
    stopping: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Traces {
    /// Begins to send what ended since the mark, and what ends from now on.
    ///
    /// # Errors
    /// The client of the collector cannot be made.
    pub fn begin(
        service: Arc<Service>,
        coordinator: Arc<Coordinator>,
        settings: TraceSettings,
    ) -> Result<Traces, reqwest::Error> {
        let collector = Collector::new(&settings)?;
        let stopping = CancellationToken::new();
        // From here on no end is missed: those before are looked up.
        let ends = coordinator.subscribe();
        let sender = Sender { service, coordinator, collector, settings, stopping: stopping.clone() };
        let task = AbortOnDropHandle::new(tokio::spawn(sender.run(ends)));
        Ok(Traces { stopping, task })
    }

    /// Whether the collector takes a request, one without spans.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn probe(settings: &TraceSettings) -> Result<(), String> {
        let collector = Collector::new(settings).map_err(|error| error.to_string())?;
        collector.probe().await.map_err(|refusal| match refusal {
            Refusal::ForNow { why, .. } | Refusal::Final(why) => why,
        })
    }

    /// Sends what can be sent within this time, and stops. What is left is sent by the next start.
    pub async fn finish(self, patience: Duration) {
        self.stopping.cancel();
        if tokio::time::timeout(patience, self.task).await.is_err() {
            tracing::warn!(
                "the collector of traces did not take all within {patience:?}: the next start sends the rest"
            );
        }
    }
}

struct Sender {
    service: Arc<Service>,
    coordinator: Arc<Coordinator>,
    collector: Collector,
    settings: TraceSettings,
    stopping: CancellationToken,
}

impl Sender {
    async fn run(self, mut ends: Receiver<Arc<Committed>>) {
        let mut mark = Mark::read(&self.settings.mark, now()).await;
        loop {
            let was_stopping = self.stopping.is_cancelled();
            let pause = match self.send_all(&mut mark).await {
                Ok(()) => None,
                Err(problem) => {
                    tracing::warn!("the builds whose traces are to be sent cannot be read: {problem}");
                    Some(STORE_PAUSE)
                }
            };
            if was_stopping {
                return;
            }
            tokio::select! {
                () = self.stopping.cancelled() => {}
                () = next_end(&mut ends), if pause.is_none() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            }
        }
    }

    /// Sends everything behind the mark.
    async fn send_all(&self, mark: &mut Mark) -> Result<(), String> {
        loop {
            let places = self.ended_after(mark.place()).await?;
            if places.is_empty() {
                return Ok(());
            }
            for place in places {
                match self.send(place).await? {
                    Told::Done => {}
                    Told::GivenUp(why) => {
                        self.service.metrics().trace_failed();
                        tracing::warn!(build = %place.1, "the trace of a build is not sent: {why}");
                    }
                    Told::Later => return Ok(()),
                }
                mark.move_to(place).await;
            }
        }
    }

    /// The builds that ended after this one, first things first, as many as are looked up at once.
    async fn ended_after(&self, place: Place) -> Result<BTreeSet<Place>, String> {
        // The coordinator is asked first: what leaves it meanwhile is finished in the store. Ends are committed in the
        // order of their times, so none that is behind these is still to come.
        let builds = self.coordinator.builds();
        let ended = builds.iter().filter_map(|(build, live)| {
            let ended = live.look(|facts, _| facts.ended.as_ref().map(|(at, ..)| *at))?;
            Some((ended, *build))
        });
        let mut places: BTreeSet<Place> = ended.filter(|ended| *ended > place).collect();
        let rows = self.service.store().finished_after(place, PAGE).await;
        places.extend(rows.map_err(|error| error.to_string())?);
        Ok(places.into_iter().take(PAGE as usize).collect())
    }

    /// Sends the trace of a build.
    async fn send(&self, (ended, build): Place) -> Result<Told, String> {
        if is_old(ended, now()) {
            return Ok(Told::GivenUp(TOO_OLD.to_owned()));
        }
        let known = match self.service.known(build).await {
            Ok(known) => known,
            // It was forgotten before its turn came.
            Err(problem) if problem.kind() == Kind::NotFound => return Ok(Told::Done),
            Err(problem) => return Err(problem.detail().to_owned()),
        };
        let Some(bodies) = requests(&known, &self.settings.service) else { return Ok(Told::Done) };
        for body in bodies {
            let told = self.post(body.into(), ended).await;
            if !matches!(told, Told::Done) {
                return Ok(told);
            }
        }
        self.service.metrics().trace_exported();
        Ok(Told::Done)
    }
}

/// What is sent for a build; none if it is part of a trace that nobody records.
fn requests(known: &Known, service: &str) -> Option<Vec<Vec<u8>>> {
    let (facts, kept) = (known.facts(), &known.kept);
    let submission = &kept.submission;
    let parent = kept.traceparent.as_deref().and_then(Parent::parse);
    if parent.is_some_and(|parent| !parent.sampled) {
        return None;
    }
    let origin = Origin {
        version: submission.version.as_deref(),
        trust: submission.trust.word(),
        by: &submission.by,
        retry_of: submission.retry_of,
        parent,
    };
    let trace = trace_of(&facts, &origin)?;
    Some(report::otlp::requests(&trace, service))
}

/// Returns when a build ended, or when ends may have been missed.
async fn next_end(ends: &mut Receiver<Arc<Committed>>) {
    loop {
        match ends.recv().await {
            Ok(committed) if matches!(committed.record.fact, Fact::Ended { .. }) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            // A coordinator that stopped ends no build.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
