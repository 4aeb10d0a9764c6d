//! What tests use that is not part of this repository: real servers and the programs around them.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::apt;
use crate::args::Extent;
use crate::process::{self, cargo};
use crate::projects;
use crate::repository::Repository;

/// What tests run for real: containers, a database, networks of their own, Python projects, Go's own tree.
const PACKAGES: [&str; 20] = [
    "busybox-static",
    "conmon",
    "gcc",
    "git",
    "golang-1.19-go",
    "golang-1.19-src",
    "iproute2",
    "libexporter-tiny-perl",
    "libmoo-perl",
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

/// The tools that tests are told about.
pub(crate) struct Tools {
    /// The S3 server, unless it could not be had.
    pub(crate) s3_server: Option<PathBuf>,
    /// The folder of published projects, unless they could not be had.
    pub(crate) projects: Option<PathBuf>,
}

/// Gets what is missing. Where that is impossible the tests that need it skip themselves, saying why; under `CI` that
/// is an error.
pub(crate) fn ensure(repository: &Repository, extent: Extent) -> anyhow::Result<Tools> {
    tolerate(apt::ensure(&PACKAGES))?;
    Ok(Tools { s3_server: tolerate(s3_server(repository))?, projects: tolerate(projects::ensure(extent))? })
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

fn s3_server(repository: &Repository) -> anyhow::Result<PathBuf> {
    let folder = repository.target().join("tools");
    let program = folder.join("bin/s3s-fs");
    if program.exists() {
        return Ok(program);
    }
    eprintln!("installing {S3_SERVER} into {}", folder.display());
    let mut command = cargo(repository);
    command
        // Optimised just enough: its tests move little data, and compiling it is the longest part of a cold run's tools.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
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
