//! One machine of a source: made, waited for, destroyed.

use std::sync::Arc;
use std::time::Duration;

use buildlet::client::Client;
use buildlet::protocol::Lease;
use buildlet::{BuildletUrl, Secret};
use engine::LeaseId;
use tokio::time::{Instant, sleep, timeout_at};

use super::settings::{BUILD, COORDINATOR, LEASE, POOL};
use super::shared::HeldMachine;
use super::{MachineSource, MachineSpec, MachineState, PluginSettings, SourceError};
use crate::connect::{LeaseNumbers, connect, reconnect};
use crate::{LeaseRequest, PoolError};

/// The longest name that `muster:pool` allows.
const MAX_NAME: usize = 61;

/// What a machine for this lease is called.
pub(super) fn machine_name(settings: &PluginSettings, lease: LeaseId) -> String {
    let tail = format!("-{lease}");
    let mut name = format!("muster-{}-{}", settings.coordinator, settings.run);
    name.truncate(name.floor_char_boundary(MAX_NAME - tail.len()));
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    name + &tail
}

/// What a machine for this request is to be.
pub(super) fn spec(settings: &PluginSettings, request: &LeaseRequest) -> MachineSpec {
    MachineSpec {
        host_type: request.host_type.clone(),
        name: machine_name(settings, request.lease),
        labels: vec![
            (COORDINATOR.to_owned(), settings.coordinator.clone()),
            (POOL.to_owned(), settings.name.clone()),
            (BUILD.to_owned(), request.build.to_string()),
            (LEASE.to_owned(), request.lease.to_string()),
        ],
        agent_binary: settings.agent_binary.clone(),
        password: Secret::random(),
        max_life_seconds: settings.max_life.as_secs(),
    }
}

/// A machine whose buildlet is to answer.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) handle: &'a str,
    pub(super) password: &'a Secret,
    /// Where the number of its lease is from.
    pub(super) numbers: Numbered<'a>,
    /// The time it has.
    pub(super) within: Duration,
}

/// The number of a lease, as the machine knows it.
pub(super) enum Numbered<'a> {
    /// The next of these.
    Anew(&'a LeaseNumbers),
    /// That under which an earlier life leased it.
    Again(Lease),
}

impl Wanted<'_> {
    /// Its lease as it is written down.
    pub(super) fn held(&self, request: &LeaseRequest, number: Lease) -> HeldMachine {
        HeldMachine {
            lease: request.lease,
            number,
            build: request.build,
            name: self.name.to_owned(),
            handle: self.handle.to_owned(),
            password: self.password.reveal().to_owned(),
        }
    }
}

/// Waits until a machine's buildlet answers; it is connected to under the number that is returned.
pub(super) async fn wait_until_ready(
    source: &dyn MachineSource,
    settings: &PluginSettings,
    wanted: &Wanted<'_>,
) -> Result<(Arc<Client>, Lease), PoolError> {
    let deadline = Instant::now() + wanted.within;
    let mut pause = settings.first_look;
    let mut waiting_for = "its first sign".to_owned();
    loop {
        let look = look(source, settings, wanted);
        match timeout_at(deadline, look).await {
            Ok(Ok(Look::Ready(client, number))) => return Ok((client, number)),
            Ok(Ok(Look::NotYet(reason))) => waiting_for = reason,
            Ok(Err(error)) => return Err(error),
            Err(_) => {}
        }
        if Instant::now() + pause >= deadline {
            return Err(PoolError::NotReady { name: wanted.name.to_owned(), limit: wanted.within, waiting_for });
        }
        sleep(pause).await;
        pause = (pause * 2).min(settings.longest_look);
    }
}

enum Look {
    Ready(Arc<Client>, Lease),
    NotYet(String),
}

async fn look(source: &dyn MachineSource, settings: &PluginSettings, wanted: &Wanted<'_>) -> Result<Look, PoolError> {
    let name = wanted.name.to_owned();
    let machine = match source.describe(wanted.handle).await {
        Ok(machine) => machine,
        Err(error) if error.retryable => return Ok(Look::NotYet(error.message)),
        Err(source) => return Err(PoolError::Source { call: "describe", pool: settings.name.clone(), source }),
    };
    match machine.state {
        MachineState::Starting(reason) => Ok(Look::NotYet(reason)),
        MachineState::Gone(cause) => Err(PoolError::Gone { name, cause }),
        MachineState::Ready(text) => {
            let unusable = |error| PoolError::Unusable { name, cause: format!("URL `{text}`: {error}") };
            let mut url: BuildletUrl = text.parse().map_err(unusable)?;
            url.password = Some(wanted.password.clone());
            let connected = match wanted.numbers {
                Numbered::Anew(numbers) => connect(wanted.name, &url, &settings.client, numbers).await,
                Numbered::Again(number) => {
                    let again = reconnect(wanted.name, &url, &settings.client, number).await;
                    again.map(|client| (client, number))
                }
            };
            match connected {
                Ok((client, number)) => Ok(Look::Ready(client, number)),
                // The machine is there before its buildlet listens.
                Err(error @ PoolError::Connect { .. }) => Ok(Look::NotYet(error.chain())),
                Err(PoolError::Lost { cause, .. }) => Ok(Look::NotYet(cause)),
                Err(error) => Err(error),
            }
        }
    }
}

/// Destroys a machine, trying again until it works or the time for it is over.
pub(super) async fn destroy(
    source: &dyn MachineSource,
    settings: &PluginSettings,
    handle: &str,
) -> Result<(), SourceError> {
    let deadline = Instant::now() + settings.destroy;
    let mut pause = settings.first_look;
    loop {
        let error = match timeout_at(deadline, source.destroy(handle)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => return Err(too_late(settings.destroy)),
        };
        if Instant::now() + pause >= deadline {
            return Err(error);
        }
        sleep(pause).await;
        pause = (pause * 2).min(settings.longest_look);
    }
}

fn too_late(limit: Duration) -> SourceError {
    SourceError { message: format!("there was no answer within {limit:?}"), retryable: true }
}

#[cfg(test)]
mod tests {
    use engine::{BuildId, Role};

    use super::*;

    #[test]
    fn names_stay_within_what_every_source_takes() {
        let settings = PluginSettings::new("docker", "büro.example-".repeat(9), "r1");
        let request =
            LeaseRequest { lease: LeaseId(12_345), build: BuildId(7), role: Role::Main, host_type: "linux".into() };
        let spec = spec(&settings, &request);
        assert!(spec.name.len() <= MAX_NAME, "{}", spec.name);
        assert!(spec.name.ends_with("-l12345"));
        assert!(spec.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
        assert!(spec.labels.contains(&(BUILD.to_owned(), "b7".to_owned())));
    }
}
