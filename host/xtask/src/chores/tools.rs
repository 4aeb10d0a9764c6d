//! What tests use that is not part of this repository: real servers and the programs around them.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::apt;
use crate::args::Extent;
use crate::process::{self, cargo};
use crate::projects;
use crate::repository::Repository;

/// What tests run for real: containers, a database, a browser, networks of their own, Python projects, Go's own tree.
const PACKAGES: [&str; 22] = [
    "busybox-static",
    "chromium",
    "conmon",
    "gcc",
    "git",
    "golang-1.19-go",
    "golang-1.19-src",
    "iproute2",
    "libexporter-tiny-perl",
    "libmoo-perl",
    "libpython3.11",
    "libtest-fatal-perl",
    "libtest-requires-perl",
    "libtest-warnings-perl",
    "netavark",
    "nftables",
    "perl",
    "podman",
    "postgresql",
    "python3-venv",
    "runc",
    "zstd",
];

/// An S3 server; later releases need a newer compiler than this project's.
const S3_SERVER: &str = "s3s-fs@0.14.1";

/// What makes requests from a description of an API.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// A collector of OpenTelemetry's, compiled; its newest release for the Python of this project's base system.
const COLLECTOR: &str = "rotel==0.0.1a15";

/// Whom a bench holds the service against: the master with its pages, and a worker.
const BUILDBOT: &str = "4.3.0";

/// The tools that tests are told about.
pub(crate) struct Tools {
    /// The S3 server, unless it could not be had.
    pub(crate) s3_server: Option<PathBuf>,
    /// The generator of requests, unless it could not be had.
    pub(crate) schemathesis: Option<PathBuf>,
    /// The collector of traces, unless it could not be had.
    pub(crate) collector: Option<PathBuf>,
    /// The folder of published projects, unless they could not be had.
    pub(crate) projects: Option<PathBuf>,
}

/// What is fetched ready to be used.
pub(crate) struct Fetched {
    projects: Option<PathBuf>,
    schemathesis: Option<PathBuf>,
    collector: Option<PathBuf>,
}

impl Fetched {
    /// With what was compiled.
    pub(crate) fn with(self, s3_server: Option<PathBuf>) -> Tools {
        let Fetched { projects, schemathesis, collector } = self;
        Tools { s3_server, schemathesis, collector, projects }
    }
}

/// Gets what is missing of packages, published projects and programs in Python. Where that is impossible the tests that
/// need it skip themselves, saying why; under `CI` that is an error.
pub(crate) fn fetch(repository: &Repository, extent: Extent) -> anyhow::Result<Fetched> {
    tolerate(apt::ensure(&PACKAGES))?;
    Ok(Fetched {
        schemathesis: tolerate(schemathesis(repository))?,
        collector: tolerate(collector(repository))?,
        projects: tolerate(projects::ensure(extent))?,
    })
}

/// Gets the S3 server, on the same terms.
pub(crate) fn s3_server(repository: &Repository) -> anyhow::Result<Option<PathBuf>> {
    tolerate(installed(repository))
}

/// Whether this run is the gate, where nothing may be skipped for want of a tool.
fn is_gate() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

fn tolerate<T>(result: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match result {
        Ok(tool) => Ok(Some(tool)),
        Err(error) if is_gate() => Err(error),
        Err(error) => {
            eprintln!("warning: failed to {error:#}; tests that need it will be skipped");
            Ok(None)
        }
    }
}

fn installed(repository: &Repository) -> anyhow::Result<PathBuf> {
    let folder = repository.target().join("tools");
    let program = folder.join("bin/s3s-fs");
    if program.exists() {
        return Ok(program);
    }
    eprintln!("installing {S3_SERVER} into {}", folder.display());
    let mut command = cargo(repository);
    command
        // Its tests move little data, and compiling it is the longest part of a cold run's tools.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .args(["install", "--quiet", "--locked", S3_SERVER, "--features", "binary", "--root"])
        .arg(&folder)
        .arg("--target-dir")
        .arg(folder.join("build"));
    process::run(&mut command).with_context(|| format!("install {S3_SERVER}"))?;
    if !program.exists() {
        bail!("find `{}` after its installation", program.display());
    }
    Ok(program)
}

fn schemathesis(repository: &Repository) -> anyhow::Result<PathBuf> {
    Ok(in_python(repository, SCHEMATHESIS, &[SCHEMATHESIS])?.join("bin/schemathesis"))
}

/// The program is in the package, and has no place among an environment's programs.
fn collector(repository: &Repository) -> anyhow::Result<PathBuf> {
    let library = in_python(repository, COLLECTOR, &[COLLECTOR])?.join("lib");
    let pythons = std::fs::read_dir(&library).with_context(|| format!("read `{}`", library.display()))?;
    let program = |python: std::fs::DirEntry| python.path().join("site-packages/rotel/rotel-agent");
    let program = pythons.filter_map(Result::ok).map(program).find(|program| program.exists());
    program.with_context(|| format!("find `rotel-agent` in {COLLECTOR}"))
}

/// Gets Buildbot: the environment that its programs are in.
pub(crate) fn buildbot(repository: &Repository) -> anyhow::Result<PathBuf> {
    let [master, worker] = [format!("buildbot[bundle]=={BUILDBOT}"), format!("buildbot-worker=={BUILDBOT}")];
    in_python(repository, &format!("buildbot=={BUILDBOT}"), &[&master, &worker])
}

/// An environment of this name, with these in it.
fn in_python(repository: &Repository, name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = repository.target().join("tools").join(name);
    let whole = folder.join("whole");
    if !whole.exists() {
        eprintln!("installing {name} into {}", folder.display());
        projects::equip(&folder, packages).with_context(|| format!("install {name}"))?;
        std::fs::write(&whole, "").with_context(|| format!("write `{}`", whole.display()))?;
    }
    Ok(folder)
}
