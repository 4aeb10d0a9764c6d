//! A pool without machines that shows what the host lets it do.

use crate::Subject;
use crate::exports::muster::pool::pool::{Capacity, Guest, Machine, MachineSpec, MachineState};
use crate::muster::host::{clock, http, kv};
use crate::muster::types::types::Error;

impl Guest for Subject {
    /// Gets the URL that the settings name; the answer's status and body are the handle.
    fn create(settings: String, spec: MachineSpec) -> Result<String, Error> {
        kv::set(&spec.name, spec.host_type.as_bytes())?;
        let url = settings.trim_matches('"');
        let request =
            http::Request { method: "GET".into(), url: url.into(), headers: vec![], body: vec![], timeout: None };
        let response = http::send(&request)?;
        Ok(format!("{} {}", response.status, String::from_utf8_lossy(&response.body)))
    }

    fn describe(settings: String, handle: String) -> Result<Machine, Error> {
        let url = if settings == "\"leak\"" { "https://user:secret@machine/" } else { "https://machine/" };
        Ok(Machine {
            handle: handle.clone(),
            name: handle,
            labels: vec![],
            state: MachineState::Ready(url.into()),
            created: None,
        })
    }

    fn list(settings: String, _labels: Vec<(String, String)>) -> Result<Vec<Machine>, Error> {
        kv::list("")?.into_iter().map(|name| Self::describe(settings.clone(), name)).collect()
    }

    fn destroy(_settings: String, handle: String) -> Result<(), Error> {
        kv::delete(&handle)
    }

    fn can_build(_settings: String, _host_type: String) -> Result<bool, Error> {
        Ok(clock::now() > 0)
    }

    fn get_capacity(_settings: String, _host_type: String) -> Result<Capacity, Error> {
        Err(Error::Unavailable("the engine does not answer".into()))
    }
}
