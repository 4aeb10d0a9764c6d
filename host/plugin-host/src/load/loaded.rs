//! A component that passed every check, ready to be instantiated.

use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;

use semver::Version;
use wasmtime::component::{Component, InstancePre};

use super::{check, inspect};
use crate::bindings::exports::muster;
use crate::digest::digest_of;
use crate::error::LoadError;
use crate::plugin_host::PluginHost;
use crate::registry::Quarantine;
use crate::role::Role;
use crate::store::StoreData;

/// Bytes a component may have: twice a bundled Python interpreter.
pub const MAX_BYTES: u64 = 64 << 20;

/// Where a component came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is part of the binary.
    Bundled,
    /// A file.
    File(PathBuf),
    /// The blob store, by its digest.
    Stored,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Bundled => f.write_str("bundled"),
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Stored => f.write_str("stored"),
        }
    }
}

/// A role and the version of its contract that a component was built for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleVersion {
    /// Which role.
    pub role: Role,
    /// Which version.
    pub version: Version,
}

/// A loaded component. None of its code has run.
pub struct Loaded {
    /// The plugin's name.
    pub name: String,
    /// `sha256:...` of its bytes.
    pub digest: String,
    /// What it serves as.
    pub roles: Vec<RoleVersion>,
    /// What it wants.
    pub imports: Vec<String>,
    /// Bytes of the component.
    pub size: u64,
    /// Where it came from.
    pub source: Source,
    /// Its code was found compiled; none where no cache is used.
    pub cached: Option<bool>,
    pub(crate) pre: InstancePre<StoreData>,
    pub(crate) indices: Indices,
    /// Faults count against the component, with whatever settings it runs.
    pub(crate) quarantine: Mutex<Quarantine>,
}

/// Where the functions of each role are, for the roles that are there.
#[derive(Default)]
pub(crate) struct Indices {
    pub(crate) builder: Option<muster::builder::builder::GuestIndices>,
    pub(crate) estimator: Option<muster::estimator::estimator::GuestIndices>,
    pub(crate) policy: Option<muster::policy::policy::GuestIndices>,
    pub(crate) parser: Option<muster::parser::parser::GuestIndices>,
    pub(crate) pool: Option<muster::pool::pool::GuestIndices>,
}

impl Indices {
    fn find(pre: &InstancePre<StoreData>, roles: &[RoleVersion]) -> wasmtime::Result<Indices> {
        let mut indices = Indices::default();
        for role in roles {
            match role.role {
                Role::Builder => indices.builder = Some(muster::builder::builder::GuestIndices::new(pre)?),
                Role::Estimator => indices.estimator = Some(muster::estimator::estimator::GuestIndices::new(pre)?),
                Role::Policy => indices.policy = Some(muster::policy::policy::GuestIndices::new(pre)?),
                Role::Parser => indices.parser = Some(muster::parser::parser::GuestIndices::new(pre)?),
                Role::Pool => indices.pool = Some(muster::pool::pool::GuestIndices::new(pre)?),
            }
        }
        Ok(indices)
    }
}

/// Takes a component through every check. Blocking: it compiles.
pub(crate) fn load(host: &PluginHost, name: &str, source: Source, bytes: &[u8]) -> Result<Loaded, LoadError> {
    let file = match &source {
        Source::File(path) => path.display().to_string(),
        Source::Bundled | Source::Stored => name.to_owned(),
    };
    let size = bytes.len() as u64;
    if size > MAX_BYTES {
        return Err(LoadError::TooLarge { file, size, limit: MAX_BYTES });
    }
    check::component(&file, bytes)?;
    let inspected = inspect::inspect(&file, bytes, &host.contract)?;
    let (component, cached) = compile(host, &file, bytes)?;
    let linkers = &host.linkers;
    let linker = if inspected.wasi { &linkers.denied_wasi } else { &linkers.pure };
    let link = |error: wasmtime::Error| LoadError::Link { file: file.clone(), reason: format!("{error:#}") };
    let pre = linker.instantiate_pre(&component).map_err(link)?;
    let indices = Indices::find(&pre, &inspected.roles).map_err(link)?;
    Ok(Loaded {
        name: name.to_owned(),
        digest: digest_of(bytes),
        roles: inspected.roles,
        imports: inspected.imports,
        size,
        source,
        cached,
        pre,
        indices,
        quarantine: Mutex::default(),
    })
}

/// Compiles, or finds what was compiled before. One at a time, so that a hit is this component's.
fn compile(host: &PluginHost, file: &str, bytes: &[u8]) -> Result<(Component, Option<bool>), LoadError> {
    let _one = host.compiling.lock().expect("the compiler does not panic");
    let hits = || host.engine.cache.as_ref().map(wasmtime::Cache::cache_hits);
    let before = hits();
    let component = Component::new(&host.engine.engine, bytes)
        .map_err(|error| LoadError::Compile { file: file.to_owned(), reason: format!("{error:#}") })?;
    let cached = before.zip(hits()).map(|(before, after)| after > before);
    Ok((component, cached))
}
