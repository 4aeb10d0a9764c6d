//! What can fail while a guest is built, each with what is missing and the one command that gets it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::toolchain::Target;

/// Why there is no toolchain to build guests with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolchainError {
    /// There is no cargo at all, so nothing can be compiled.
    #[error("find cargo on the PATH; get Rust with `curl --proto '=https' -sSf https://sh.rustup.rs | sh`")]
    NoCargo {
        /// Why cargo could not be started.
        #[source]
        source: io::Error,
    },
    /// Every way to compile for the target was tried.
    #[error("find a toolchain for `{target}` ({}); get one with `{remedy}`", tried.join("; "))]
    NoTarget {
        /// The target that was asked for.
        target: Target,
        /// What was tried, in order, and why each was of no use.
        tried: Vec<String>,
        /// The command that would help on this machine.
        remedy: String,
    },
}

/// Why a guest crate did not become components.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The folder holds no crate.
    #[error("find a Cargo.toml in `{}`", dir.display())]
    NoManifest {
        /// The folder that was given.
        dir: PathBuf,
    },
    /// The folder holds crates, but none that compiles to a module.
    #[error("find a plugin crate in `{}`: none has `crate-type = [\"cdylib\"]` in its `[lib]` section", dir.display())]
    NoGuest {
        /// The folder that was given.
        dir: PathBuf,
    },
    /// Cargo could not be run, or its end was not seen.
    #[error("run cargo in `{}`", dir.display())]
    Exec {
        /// Where it was to run.
        dir: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Cargo ran to its end and failed; what it had to say is in `detail` or went to standard error.
    #[error("compile the guests in `{}`: cargo ended with {status}{detail}", dir.display())]
    Cargo {
        /// Where it ran.
        dir: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it printed where it was not shown already, with a separator in front; else empty.
        detail: String,
    },
    /// Cargo printed something that is not one of its messages.
    #[error("read cargo's answer about `{}`", dir.display())]
    Answer {
        /// Where it ran.
        dir: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// Cargo succeeded without naming a module for a package it was told to build.
    #[error("find the module that cargo built for `{package}`")]
    NoModule {
        /// The package without a module.
        package: String,
    },
    /// The module did not become a component.
    #[error("make a component of `{package}`")]
    Component {
        /// The package whose module it is.
        package: String,
        /// The cause.
        #[source]
        source: ComponentError,
    },
    /// A built file could not be read or written.
    #[error("access `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// Why a module did not become a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// The bytes are neither a core module nor a component.
    #[error("recognise the bytes as WebAssembly")]
    NotWasm,
    /// The module and its embedded interface types do not fit together.
    #[error("encode the module as a component: {reason}")]
    Encode {
        /// The encoder's whole chain of causes (its error type is not a standard error).
        reason: String,
    },
    /// A component that exports nothing cannot serve as any role.
    #[error("find an exported interface: does the crate call its export macro?")]
    NothingExported,
}
