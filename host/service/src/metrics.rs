//! Numbers for Prometheus: what happened since the process began, and what is now.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use coordinator::{Committed, Coordinator};
use engine::{BuildFacts, Fact, Phase};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::view::OutcomeWord;

/// Bounds of the latency histogram, in seconds.
const LATENCIES: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByPlugin {
    plugin: String,
    role: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByRoute {
    method: String,
    route: String,
    status: u16,
}

/// The numbers.
pub(crate) struct Metrics {
    registry: Registry,
    builds: Family<ByOutcome, Counter>,
    faults: Family<ByPlugin, Counter>,
    missed: Counter,
    requests: Family<ByRoute, Histogram, fn() -> Histogram>,
    log_bytes: Counter,
    traces_exported: Counter,
    traces_failed: Counter,
    traces_refused: Counter,
    queued: Gauge,
    running: Gauge,
    leases: Gauge,
    streams: Gauge<i64>,
    up: Gauge<f64, AtomicU64>,
}

fn latencies() -> Histogram {
    Histogram::new(LATENCIES)
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("muster"),
            builds: Family::default(),
            faults: Family::default(),
            missed: Counter::default(),
            requests: Family::new_with_constructor(latencies),
            log_bytes: Counter::default(),
            traces_exported: Counter::default(),
            traces_failed: Counter::default(),
            traces_refused: Counter::default(),
            queued: Gauge::default(),
            running: Gauge::default(),
            leases: Gauge::default(),
            streams: Gauge::default(),
            up: Gauge::default(),
        };
        metrics.up.set(unix_now());
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("builds", "Builds that ended, by outcome", self.builds.clone());
        registry.register("plugin_faults", "What plugins did wrong", self.faults.clone());
        registry.register("metrics_missed", "Records that came too fast to be counted here", self.missed.clone());
        registry.register("log_read", "Bytes of logs sent to readers", self.log_bytes.clone());
        registry.register("traces_exported", "Builds whose trace a collector took", self.traces_exported.clone());
        registry.register("traces_failed", "Builds whose trace was given up", self.traces_failed.clone());
        let refused = "Times that a collector did not take a trace, and was asked again";
        registry.register("traces_refused", refused, self.traces_refused.clone());
        registry.register("builds_queued", "Builds that wait for their turn", self.queued.clone());
        registry.register("builds_running", "Builds that left the queue and have not ended", self.running.clone());
        registry.register("leases", "Machines that builds hold", self.leases.clone());
        registry.register("streams_open", "Event streams and followed logs", self.streams.clone());
        let time = "From a request's head to its answer's head";
        registry.register_with_unit("http_request_duration", time, Unit::Seconds, self.requests.clone());
        registry.register_with_unit("start_time", "When the process began", Unit::Seconds, self.up.clone());
    }

    /// Counts what is committed, until the server stops.
    pub(crate) fn count(&self, mut committed: Receiver<Arc<Committed>>, stopping: CancellationToken) {
        let (builds, faults, missed) = (self.builds.clone(), self.faults.clone(), self.missed.clone());
        tokio::spawn(async move {
            loop {
                let next = tokio::select! {
                    () = stopping.cancelled() => return,
                    next = committed.recv() => next,
                };
                match next {
                    Ok(committed) => count_one(&committed.record.fact, &builds, &faults),
                    Err(RecvError::Lagged(count)) => drop(missed.inc_by(count)),
                    Err(RecvError::Closed) => return,
                }
            }
        });
    }

    /// Notes an answered request.
    pub(crate) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = ByRoute { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Notes bytes of a log that were sent.
    pub(crate) fn log_read(&self, bytes: u64) {
        self.log_bytes.inc_by(bytes);
    }

    /// Notes that a collector took the trace of a build.
    pub(crate) fn trace_exported(&self) {
        self.traces_exported.inc();
    }

    /// Notes that the trace of a build was given up.
    pub(crate) fn trace_failed(&self) {
        self.traces_failed.inc();
    }

    /// Notes that a collector did not take a trace for now.
    pub(crate) fn trace_refused(&self) {
        self.traces_refused.inc();
    }

    /// The numbers as text, those of now taken from the builds of now.
    pub(crate) fn text(
        &self,
        coordinator: Option<&Coordinator>,
        open_streams: usize,
    ) -> Result<String, std::fmt::Error> {
        let live = coordinator.map(Coordinator::builds).unwrap_or_default();
        let held = |facts: &BuildFacts| facts.leases.values().filter(|lease| lease.ended.is_none()).count();
        let look = live.iter().map(|(_, build)| build.look(|facts, _| (facts.phase() == Phase::Queue, held(facts))));
        let (queued, leases) =
            look.fold((0, 0), |(queued, leases), (waits, held)| (queued + usize::from(waits), leases + held));
        self.leases.set(gauge(leases));
        self.queued.set(gauge(queued));
        self.running.set(gauge(live.len() - queued));
        self.streams.set(gauge(open_streams));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn count_one(fact: &Fact, builds: &Family<ByOutcome, Counter>, faults: &Family<ByPlugin, Counter>) {
    if let Fact::Ended { outcome, .. } = fact {
        builds.get_or_create(&ByOutcome { outcome: OutcomeWord::from(outcome).word() }).inc();
    }
    if let Fact::PluginFaulted { role, plugin, .. } = fact {
        faults.get_or_create(&ByPlugin { plugin: plugin.name.clone(), role: role.clone() }).inc();
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn unix_now() -> f64 {
    Duration::from_nanos(coordinator::now().as_nanos()).as_secs_f64()
}
