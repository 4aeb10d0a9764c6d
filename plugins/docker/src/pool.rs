//! The pool role.

use muster_sdk::pool::{Capacity, Labels, Machine, MachineSpec, MachineState, Pool};
use muster_sdk::{Error, log};
use serde_json::{Map, Value, json};

use crate::agent;
use crate::api::{Api, escape};
use crate::archive::{self, Entry};
use crate::engine::{Engine, HostEngine, Method};
use crate::machine;
use crate::settings::DockerSettings;

/// The label that every container of this plugin carries.
const OWN_LABEL: (&str, &str) = ("muster.pool", "docker");
/// The label with the host type of a container.
const HOST_TYPE_LABEL: &str = "muster.host-type";

/// The plugin.
#[derive(Debug)]
pub struct Docker;

impl Pool for Docker {
    fn create(settings: &str, spec: &MachineSpec) -> Result<String, Error> {
        Containers::new(&HostEngine, settings)?.create(spec)
    }

    fn describe(settings: &str, handle: &str) -> Result<Machine, Error> {
        Containers::new(&HostEngine, settings)?.describe(handle)
    }

    fn list(settings: &str, labels: &Labels) -> Result<Vec<Machine>, Error> {
        Containers::new(&HostEngine, settings)?.list(labels)
    }

    fn destroy(settings: &str, handle: &str) -> Result<(), Error> {
        Containers::new(&HostEngine, settings)?.destroy(handle)
    }

    fn can_build(settings: &str, host_type: &str) -> Result<bool, Error> {
        let settings = DockerSettings::parse(settings)?;
        settings.check_image()?;
        Ok(settings.image(host_type).is_some())
    }

    fn capacity(settings: &str, host_type: &str) -> Result<Capacity, Error> {
        Containers::new(&HostEngine, settings)?.capacity(host_type)
    }
}

/// The containers of one engine.
pub struct Containers<'a> {
    engine: &'a dyn Engine,
    settings: DockerSettings,
}

impl<'a> Containers<'a> {
    /// Settings are the pool's, as JSON.
    pub fn new(engine: &'a dyn Engine, settings: &str) -> Result<Containers<'a>, Error> {
        Ok(Containers { engine, settings: DockerSettings::parse(settings)? })
    }

    /// Makes and starts a container whose agent will write where it listens.
    pub fn create(&self, spec: &MachineSpec) -> Result<String, Error> {
        let image = self.settings.image(&spec.host_type).ok_or_else(|| {
            let text = format!("`image` is to name an image for host type `{}`; it names none", spec.host_type);
            Error::Invalid(text)
        })?;
        let path = format!("/containers/create?name={}", escape(&spec.name));
        let doing = format!("create container `{}` of image `{image}`", spec.name);
        let answer = self.api().send(Method::Post, &path, Some(&self.container(spec, image)))?;
        let answer = answer.expect(&doing, &[201])?.json(&doing)?;
        let id = answer.get("Id").and_then(Value::as_str);
        let id = id.ok_or_else(|| Error::Other(format!("{doing}: the answer has no id")))?.to_owned();
        match self.start(&id, &spec.password) {
            Ok(()) => Ok(id),
            Err(error) => {
                // Nothing is left behind; what went wrong first is what is told.
                if let Err(left) = self.destroy(&id) {
                    log::warn(&format!("container {id} could not be removed after it failed to start: {left}"));
                }
                Err(error)
            }
        }
    }

    /// How a container is doing.
    pub fn describe(&self, handle: &str) -> Result<Machine, Error> {
        let answer = self.api().send(Method::Get, &format!("/containers/{}/json", escape(handle)), None)?;
        if answer.status == 404 {
            let state = MachineState::Gone("there is no such container".into());
            return Ok(Machine { handle: handle.into(), name: String::new(), labels: vec![], state, created: None });
        }
        let doing = format!("inspect container {handle}");
        let container = answer.expect(&doing, &[200])?.json(&doing)?;
        machine::inspected(&self.api(), handle, &container)
    }

    /// Every container of this plugin with these labels, ended ones too.
    pub fn list(&self, labels: &Labels) -> Result<Vec<Machine>, Error> {
        let own = [(OWN_LABEL.0.to_owned(), OWN_LABEL.1.to_owned())];
        let wanted: Vec<String> = own.iter().chain(labels).map(|(name, value)| format!("{name}={value}")).collect();
        let filters = json!({ "label": wanted }).to_string();
        let path = format!("/containers/json?all=1&filters={}", escape(&filters));
        let doing = "list containers";
        let containers = self.api().send(Method::Get, &path, None)?.expect(doing, &[200])?.json(doing)?;
        Ok(containers.as_array().into_iter().flatten().filter_map(machine::listed).collect())
    }

    /// Removes a container and its volumes, whatever it does.
    pub fn destroy(&self, handle: &str) -> Result<(), Error> {
        let path = format!("/containers/{}?force=true&v=true", escape(handle));
        let answer = self.api().send(Method::Delete, &path, None)?;
        let is_going = answer.status == 409 && String::from_utf8_lossy(&answer.body).contains("already in progress");
        if is_going {
            return Ok(());
        }
        answer.expect(&format!("remove container {handle}"), &[200, 204, 404]).map(|_| ())
    }

    /// How many containers of a host type there may be and are.
    pub fn capacity(&self, host_type: &str) -> Result<Capacity, Error> {
        let machines = self.list(&[(HOST_TYPE_LABEL.to_owned(), host_type.to_owned())])?;
        let used = machines.iter().filter(|machine| !matches!(machine.state, MachineState::Gone(_))).count();
        Ok(Capacity { total: self.settings.capacity, used: u32::try_from(used).unwrap_or(u32::MAX), elastic: true })
    }

    fn api(&self) -> Api<'_> {
        Api { engine: self.engine, base: &self.settings.url }
    }

    /// What is to be created. There are no Ulimits: some engines may not raise any, and their own default applies.
    fn container(&self, spec: &MachineSpec, image: &str) -> Value {
        let settings = &self.settings;
        let mut labels: Map<String, Value> = Map::new();
        let own =
            [(OWN_LABEL.0.to_owned(), OWN_LABEL.1.to_owned()), (HOST_TYPE_LABEL.to_owned(), spec.host_type.clone())];
        for (name, value) in settings.labels.iter().chain(&spec.labels).chain(&own) {
            labels.insert(name.clone(), Value::from(value.clone()));
        }
        let mut binds = settings.binds.clone();
        if settings.agent.is_none() {
            binds.push(format!("{}:{}:ro", spec.agent_binary, agent::AGENT));
        }
        let mut host = json!({ "NetworkMode": settings.network, "Binds": binds });
        if let Some(bytes) = settings.memory_bytes {
            host["Memory"] = Value::from(bytes);
        }
        if let Some(cpus) = settings.cpus {
            host["NanoCpus"] = Value::from((cpus * 1e9) as u64);
        }
        let command = agent::command(settings);
        let env: Vec<String> = settings.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        json!({
            "Image": image, "Entrypoint": command[..1], "Cmd": command[1..], "Env": env, "Labels": labels,
            "HostConfig": host,
        })
    }

    /// Brings the password in, and starts.
    fn start(&self, id: &str, password: &str) -> Result<(), Error> {
        let files = archive::write(&[
            Entry::Folder { name: agent::FOLDER, mode: 0o700 },
            Entry::File { name: agent::PASSWORD, mode: 0o600, content: password.as_bytes() },
        ]);
        let path = format!("/containers/{}/archive?path={}", escape(id), escape("/"));
        let doing = format!("bring the password into container {id}");
        self.api().put_archive(&path, files)?.expect(&doing, &[200])?;
        let answer = self.api().send(Method::Post, &format!("/containers/{}/start", escape(id)), None)?;
        answer.expect(&format!("start container {id}"), &[204, 304]).map(|_| ())
    }
}
