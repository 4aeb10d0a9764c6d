//! Finds a Rust toolchain that compiles guests.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::debian::{self, DebianRust};
use crate::environment::{cargo_command, clean_command};
use crate::error::ToolchainError;
use crate::probe::ask;

/// Longest time a compiler may take to describe itself; a cold disk needs seconds.
const PROBE_LIMIT: Duration = Duration::from_secs(60);

/// Longest time rustup may take to fetch a target (about 20 MB); past it the next way is tried.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// What a guest is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// A core module without any WASI, made into a component afterwards: the first-class path.
    #[default]
    Wasm32UnknownUnknown,
    /// A component that the compiler makes itself and that imports WASI.
    Wasm32Wasip2,
}

impl Target {
    /// The compiler's name for it.
    #[must_use]
    pub const fn triple(self) -> &'static str {
        match self {
            Self::Wasm32UnknownUnknown => "wasm32-unknown-unknown",
            Self::Wasm32Wasip2 => "wasm32-wasip2",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.triple())
    }
}

/// A toolchain that compiles for a [`Target`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    target: Target,
    standard_library: StandardLibrary,
}

/// Where the target's standard library comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum StandardLibrary {
    /// It came with the compiler.
    Installed { library_dir: PathBuf },
    /// It is compiled with the guest, from Debian's package of its source.
    FromSource(DebianRust),
}

impl Toolchain {
    /// Looks for a toolchain for crates in `dir` (whose `rust-toolchain.toml` counts), in this order: a compiler that
    /// has the target; rustup, which may fetch it (for at most three minutes; being offline only means that the next
    /// way is tried); Debian's `rustc-web` with `rust-web-src`, which compiles the standard library along. `say` is
    /// told before anything is fetched.
    ///
    /// # Errors
    /// [`ToolchainError`] names everything that was tried and the command that would help.
    pub fn find(target: Target, dir: &Path, say: &mut dyn FnMut(&str)) -> Result<Self, ToolchainError> {
        ask(cargo_command(dir).arg("--version"), PROBE_LIMIT).map_err(|source| ToolchainError::NoCargo { source })?;
        let mut tried = Vec::new();
        for way in [Way::Installed, Way::Rustup, Way::Debian] {
            let found = match way {
                Way::Installed => Self::installed(target, dir),
                Way::Rustup => Self::add_with_rustup(target, dir, say),
                Way::Debian => Self::debian(target, dir),
            };
            match found {
                Ok(toolchain) => return Ok(toolchain),
                Err(reason) => tried.push(reason),
            }
        }
        Err(ToolchainError::NoTarget { target, tried, remedy: remedy(target, dir) })
    }

    /// The compiler on the PATH, when it has the target; else why not.
    ///
    /// # Errors
    /// A sentence fragment that says what is missing.
    pub fn installed(target: Target, dir: &Path) -> Result<Self, String> {
        let mut command = clean_command("rustc", dir);
        command.args(["--print", "target-libdir", "--target", target.triple()]);
        let answer = ask(&mut command, PROBE_LIMIT).map_err(|error| format!("rustc: {error}"))?;
        let library_dir = PathBuf::from(answer.stdout);
        if !answer.is_success || !has_files(&library_dir) {
            return Err(format!("rustc has no standard library for {target}"));
        }
        Ok(Self { target, standard_library: StandardLibrary::Installed { library_dir } })
    }

    /// The same after rustup added the target.
    fn add_with_rustup(target: Target, dir: &Path, say: &mut dyn FnMut(&str)) -> Result<Self, String> {
        if !has_rustup(dir) {
            return Err("there is no rustup to add it".to_owned());
        }
        say(&format!("adding {target} with rustup"));
        let mut command = clean_command("rustup", dir);
        command.args(["target", "add", target.triple()]);
        let answer = ask(&mut command, RUSTUP_LIMIT).map_err(|error| format!("rustup: {error}"))?;
        if !answer.is_success {
            return Err(format!("rustup could not add it: {}", answer.last_complaint));
        }
        Self::installed(target, dir)
    }

    /// Debian's compiler and the source of its standard library; else why not.
    ///
    /// # Errors
    /// A sentence fragment that says what is missing.
    pub fn debian(target: Target, dir: &Path) -> Result<Self, String> {
        match target {
            Target::Wasm32Wasip2 => Err(format!("Debian's compiler does not build for {target}")),
            Target::Wasm32UnknownUnknown => {
                Ok(Self { target, standard_library: StandardLibrary::FromSource(DebianRust::find(dir, PROBE_LIMIT)?) })
            }
        }
    }

    /// What it compiles for.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// The `cargo build` command for release-built guests in `dir`, to which packages and folders are added.
    pub(crate) fn cargo_build(&self, dir: &Path) -> Command {
        let mut command = cargo_command(dir);
        command.args(["build", "--release", "--target", self.target.triple()]);
        match &self.standard_library {
            StandardLibrary::Installed { .. } => {}
            StandardLibrary::FromSource(debian) => debian.apply(&mut command),
        }
        command
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.standard_library {
            StandardLibrary::Installed { library_dir } => {
                write!(f, "{} from {}", self.target, library_dir.display())
            }
            StandardLibrary::FromSource(debian) => write!(f, "{} by {debian}", self.target),
        }
    }
}

/// The ways to a toolchain, in the order of [`Toolchain::find`].
#[derive(Clone, Copy)]
enum Way {
    Installed,
    Rustup,
    Debian,
}

fn has_files(dir: &Path) -> bool {
    dir.read_dir().is_ok_and(|mut entries| entries.next().is_some())
}

fn has_rustup(dir: &Path) -> bool {
    let mut command = clean_command("rustup", dir);
    ask(command.arg("--version"), PROBE_LIMIT).is_ok_and(|answer| answer.is_success)
}

fn remedy(target: Target, dir: &Path) -> String {
    let can_use_debian = match target {
        Target::Wasm32UnknownUnknown => Path::new("/usr/bin/apt-get").exists(),
        Target::Wasm32Wasip2 => false,
    };
    if can_use_debian && !has_rustup(dir) {
        return format!("apt-get install {}", debian::PACKAGES.join(" "));
    }
    format!("rustup target add {target}")
}
