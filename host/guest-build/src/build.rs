//! Runs cargo over a guest crate or workspace and writes the components.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::component::componentize;
use crate::error::BuildError;
use crate::metadata::{Guests, Package};
use crate::toolchain::Toolchain;

/// The profile of guests whose workspace says nothing about its own: small, and without what a panic cannot use.
const PROFILE: [&str; 5] = [
    "profile.release.opt-level=\"s\"",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=true",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
];

/// Where things are built.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// Cargo's target folder; by default the guest workspace's own.
    pub target_dir: Option<PathBuf>,
    /// The folder that gets one `<package>.wasm` each; by default `components` in the target folder.
    pub component_dir: Option<PathBuf>,
}

/// A component that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The package it was built from.
    pub package: String,
    /// The file that holds it.
    pub component: PathBuf,
    /// Its size.
    pub size_bytes: usize,
    /// Whether the file was written; an equal one is left alone, so that its modification time stands.
    pub is_changed: bool,
}

/// Builds every plugin (`crate-type = ["cdylib"]`) whose manifest is in `guest_dir` or below, release-built, and
/// writes the components, in order of name. The compiler's messages go to standard error as they come.
///
/// # Errors
/// [`BuildError`]: there is nothing to build, cargo could not be run, the crate does not compile, or what it compiled
/// to is no component.
pub fn build(toolchain: &Toolchain, guest_dir: &Path, options: &BuildOptions) -> Result<Vec<Built>, BuildError> {
    let guests = Guests::read(guest_dir)?;
    let target_dir = options.target_dir.clone().unwrap_or_else(|| guests.target_directory.clone());
    let component_dir = options.component_dir.clone().unwrap_or_else(|| target_dir.join("components"));
    let mut command = toolchain.cargo_build(guest_dir);
    command.arg("--message-format=json-render-diagnostics").arg("--target-dir").arg(&target_dir);
    for package in &guests.packages {
        command.args(["--package", &package.name]);
    }
    if !sets_profile(&guests.workspace_manifest)? {
        for setting in PROFILE {
            command.args(["--config", setting]);
        }
    }
    let modules = run(command, guest_dir)?;
    create_dir(&component_dir)?;
    guests.packages.iter().map(|package| write_component(package, &modules, &component_dir)).collect()
}

/// Whether a manifest has a release profile of its own, which then stands.
fn sets_profile(manifest: &Path) -> Result<bool, BuildError> {
    let text = fs::read_to_string(manifest).map_err(file_error(manifest))?;
    Ok(text.lines().any(|line| line.trim_start().starts_with("[profile.release")))
}

/// One line of cargo's answer, as far as it is of use here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Runs cargo and returns the built module of each package id.
fn run(mut command: Command, dir: &Path) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let exec_error = |source| BuildError::Exec { dir: dir.into(), source };
    let mut cargo = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(exec_error)?;
    let answers = cargo.stdout.take().map(BufReader::new);
    let modules = answers.map_or(Ok(BTreeMap::new()), |answers| read_modules(answers, dir));
    let status = cargo.wait().map_err(exec_error)?;
    if !status.success() {
        return Err(BuildError::Cargo { dir: dir.into(), status, detail: String::new() });
    }
    modules
}

/// Reads to the end whatever comes, so that cargo never blocks on a full pipe.
fn read_modules(answers: impl BufRead, dir: &Path) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let mut modules = BTreeMap::new();
    let mut first_error = None;
    for line in answers.lines() {
        let line = line.map_err(|source| BuildError::Exec { dir: dir.into(), source })?;
        // A build script's own output is not JSON and does not concern us.
        if !line.starts_with('{') {
            continue;
        }
        match serde_json::from_str::<Message>(&line) {
            Ok(message) => modules.extend(module_of(message)),
            Err(source) => {
                first_error.get_or_insert(source);
            }
        }
    }
    first_error.map_or(Ok(modules), |source| Err(BuildError::Answer { dir: dir.into(), source }))
}

fn module_of(message: Message) -> Option<(String, PathBuf)> {
    if message.reason != "compiler-artifact" {
        return None;
    }
    let module =
        message.filenames.into_iter().find(|file| file.extension().is_some_and(|extension| extension == "wasm"))?;
    Some((message.package_id?, module))
}

fn write_component(
    package: &Package,
    modules: &BTreeMap<String, PathBuf>,
    component_dir: &Path,
) -> Result<Built, BuildError> {
    let module = modules.get(&package.id).ok_or_else(|| BuildError::NoModule { package: package.name.clone() })?;
    let wasm = fs::read(module).map_err(file_error(module))?;
    let bytes =
        componentize(wasm).map_err(|source| BuildError::Component { package: package.name.clone(), source })?.bytes;
    let component = component_dir.join(format!("{}.wasm", package.name));
    let is_changed = fs::read(&component).ok().as_deref() != Some(&bytes);
    if is_changed {
        replace(&component, &bytes)?;
    }
    Ok(Built { package: package.name.clone(), component, size_bytes: bytes.len(), is_changed })
}

/// Writes beside the file and renames, so that nobody reads half a component.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    fs::write(&partial, bytes).map_err(file_error(&partial))?;
    fs::rename(&partial, path).map_err(file_error(path))
}

fn create_dir(dir: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(dir).map_err(file_error(dir))
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> BuildError + use<> {
    let path = path.to_owned();
    move |source| BuildError::File { path, source }
}
