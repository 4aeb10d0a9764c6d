//! One loaded version of a plugin with its settings, grants and limits: what builds pin.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use engine::{PluginFault, PluginFaultKind, PluginRef};
use tokio::sync::OwnedSemaphorePermit;

use super::describe::Description;
use super::quarantine::Quarantine;
use crate::allowance::Allowance;
use crate::digest::short;
use crate::error::LoadError;
use crate::fault::{Crash, classify};
use crate::host::http::{HttpGate, HttpLimits};
use crate::host::{Grants, KeyValueStore, Services};
use crate::limits::Limits;
use crate::load::Loaded;
use crate::plugin_host::PluginHost;
use crate::role::Role;
use crate::runtime::{Job, JobEnd, Start};
use crate::wasm::Metering;

/// How long a call waits for one of the host's stores to become free.
const STORE_WAIT: Duration = Duration::from_secs(30);

/// What an operator says of one plugin.
#[derive(Clone, Default)]
pub struct PluginSettings {
    /// Its settings as JSON; empty is `{}`.
    pub settings: String,
    /// What it may touch.
    pub grants: Grants,
    /// How much it may use.
    pub limits: Limits,
    /// Bounds of its requests.
    pub http: HttpLimits,
    /// Where it keeps values, when `kv` is granted.
    pub kv: Option<Arc<dyn KeyValueStore>>,
    /// The only digest it may have.
    pub digest: Option<String>,
}

/// One loaded version of a plugin. It lives as long as anyone holds it, whatever the registry has by then.
pub struct Generation {
    pub(crate) host: Arc<PluginHost>,
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) limits: Limits,
    pub(crate) settings: String,
    pub(crate) grants: Grants,
    pub(crate) services: Arc<Services>,
    pub(crate) reference: PluginRef,
}

impl Generation {
    /// Binds a loaded component to its settings.
    ///
    /// # Errors
    /// [`LoadError`] when the digest is not the pinned one, a grant cannot be read or the settings are not JSON.
    pub fn new(
        host: &Arc<PluginHost>,
        loaded: Arc<Loaded>,
        settings: PluginSettings,
    ) -> Result<Arc<Generation>, LoadError> {
        if let Some(pinned) = settings.digest.filter(|pinned| *pinned != loaded.digest) {
            return Err(LoadError::Digest { file: loaded.name.clone(), found: loaded.digest.clone(), pinned });
        }
        let text = if settings.settings.trim().is_empty() { "{}".to_owned() } else { settings.settings };
        serde_json::from_str::<serde::de::IgnoredAny>(&text)
            .map_err(|error| LoadError::Settings { plugin: loaded.name.clone(), reason: error.to_string() })?;
        let http = HttpGate::new(&settings.grants.http, settings.http)
            .map_err(|source| LoadError::Host { plugin: loaded.name.clone(), source })?;
        let services = Services {
            plugin: loaded.name.clone(),
            generation: short(&loaded.digest).to_owned(),
            log: Default::default(),
            clock: settings.grants.clock,
            kv: settings.kv.filter(|_| settings.grants.kv),
            http,
        };
        Ok(Arc::new(Generation {
            host: Arc::clone(host),
            reference: PluginRef { name: loaded.name.clone(), digest: loaded.digest.clone() },
            loaded,
            limits: settings.limits,
            settings: text,
            grants: settings.grants,
            services: Arc::new(services),
        }))
    }

    /// The component, which other generations may share.
    pub fn loaded(&self) -> &Arc<Loaded> {
        &self.loaded
    }

    /// Its name and digest.
    pub fn reference(&self) -> &PluginRef {
        &self.reference
    }

    /// Its settings, as the operator gave them.
    pub fn settings(&self) -> &str {
        &self.settings
    }

    /// Whether it serves as this.
    pub fn has(&self, role: Role) -> bool {
        self.loaded.roles.iter().any(|found| found.role == role)
    }

    /// What there is to say of it.
    pub fn describe(&self) -> Description {
        let quarantine = self.quarantine();
        let (faults, last_fault) = quarantine.history();
        Description::new(self, faults, last_fault, quarantine.left(Instant::now()))
    }

    /// Ends its quarantine.
    pub fn reset(&self) {
        self.quarantine().reset();
    }

    /// Takes in a fault that was found elsewhere: an engine that judged a decision.
    pub fn report(&self, fault: &PluginFault) {
        self.count(fault.kind, &fault.detail);
    }

    /// Runs a call under its limits. Whatever it ends with but an answer costs the store, which the job owns.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        start: Start,
        allowance: Allowance,
        job: Job<Result<T, Crash>>,
    ) -> Result<T, PluginFault> {
        let start = match self.host.engine.metering {
            Metering::Wall => start,
            Metering::Fuel(_) => Start::Here,
        };
        match self.host.runtime.run(start, allowance, job).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(crash)) => {
                let (kind, text) = classify(&crash);
                Err(self.fault(kind, &text))
            }
            Err(JobEnd::Spent) => {
                let text = format!("no answer within {:?} of processor time", allowance.computing);
                Err(self.fault(PluginFaultKind::TimedOut, &text))
            }
            Err(JobEnd::TimedOut) => {
                Err(self.fault(PluginFaultKind::TimedOut, &format!("no answer within {:?}", allowance.all)))
            }
            Err(JobEnd::Panicked(text)) => {
                Err(self.fault(PluginFaultKind::Trapped, &format!("the host failed: {text}")))
            }
        }
    }

    /// Waits for the right to make a store. Refused while the generation is quarantined.
    pub(crate) async fn admit(&self) -> Result<OwnedSemaphorePermit, PluginFault> {
        self.check_quarantine()?;
        let stores = Arc::clone(&self.host.stores);
        match tokio::time::timeout(STORE_WAIT, stores.acquire_owned()).await {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            // Not its own fault, and so not counted.
            Err(_) => Err(self.message(PluginFaultKind::Limit, "all stores of the host are in use")),
        }
    }

    /// Refuses while the generation is quarantined.
    pub(crate) fn check_quarantine(&self) -> Result<(), PluginFault> {
        let quarantine = self.quarantine();
        let Some(left) = quarantine.left(Instant::now()) else { return Ok(()) };
        let last = quarantine.history().1.unwrap_or_default().to_owned();
        drop(quarantine);
        Err(self
            .message(PluginFaultKind::Quarantined, &format!("for {} s more; its last fault: {last}", left.as_secs())))
    }

    /// A fault of this generation, counted.
    pub(crate) fn fault(&self, kind: PluginFaultKind, text: &str) -> PluginFault {
        self.count(kind, text);
        self.message(kind, text)
    }

    /// An answer that the contract does not allow.
    pub(crate) fn bad_answer(&self, text: &str) -> PluginFault {
        self.fault(PluginFaultKind::BadAnswer, text)
    }

    /// An answer that is an error: for people, and not counted.
    pub(crate) fn refused(&self, text: &str) -> PluginFault {
        self.message(PluginFaultKind::Refused, text)
    }

    fn message(&self, kind: PluginFaultKind, text: &str) -> PluginFault {
        let detail = format!("plugin `{}` ({}): {text}", self.reference.name, short(&self.reference.digest));
        PluginFault { kind, detail }
    }

    fn count(&self, kind: PluginFaultKind, text: &str) {
        let counts = match kind {
            PluginFaultKind::Trapped
            | PluginFaultKind::TimedOut
            | PluginFaultKind::Limit
            | PluginFaultKind::BadAnswer => true,
            PluginFaultKind::Refused | PluginFaultKind::Quarantined | PluginFaultKind::NotLoaded => false,
        };
        if !counts {
            return;
        }
        let (plugin, generation) = (&self.reference.name, short(&self.reference.digest));
        tracing::warn!(%plugin, %generation, ?kind, "plugin fault: {text}");
        if self.quarantine().fault(Instant::now(), text) {
            tracing::error!(%plugin, %generation, "plugin quarantined after repeated faults");
        }
    }

    fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        self.loaded.quarantine.lock().expect("no code that holds the quarantine panics")
    }
}
