//! The environment a guest's cargo runs in: nothing that an outer cargo or a host build set may reach it.

use std::env;
use std::path::Path;
use std::process::Command;

/// Settings of cargo itself that stay: where it keeps things and how it reaches registries, never what it compiles.
const KEPT_CARGO_PREFIXES: [&str; 6] =
    ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_"];

/// Variables that choose a compiler, flags or a job server, or that cargo sets for what it runs.
const DROPPED: [&str; 16] = [
    "DEBUG",
    "HOST",
    "MAKEFLAGS",
    "MFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "TARGET",
];

/// A command for `cargo` that runs in `dir`, free of what an outer cargo, a build script or a host build put into the
/// environment (compiler, wrappers, flags, profiles, target folders).
#[must_use]
pub fn cargo_command(dir: &Path) -> Command {
    clean_command("cargo", dir)
}

/// As [`cargo_command`], for another program of the toolchain.
pub(crate) fn clean_command(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_dropped) {
            command.env_remove(name);
        }
    }
    command
}

fn is_dropped(name: &str) -> bool {
    let is_kept = || KEPT_CARGO_PREFIXES.iter().any(|kept| name.starts_with(kept));
    DROPPED.contains(&name) || name == "CARGO" || (name.starts_with("CARGO_") && !is_kept()) || name.starts_with("DEP_")
}

#[cfg(test)]
mod tests {
    use super::is_dropped;

    #[test]
    fn what_chooses_the_compilation_is_dropped() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_PROFILE_RELEASE_DEBUG",
            "CARGO_MANIFEST_DIR",
            "CARGO_MAKEFLAGS",
            "CARGO",
            "DEP_Z_ROOT",
        ] {
            assert!(is_dropped(name), "{name} reaches the guest's cargo");
        }
    }

    #[test]
    fn what_reaches_the_registry_is_kept() {
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_NET_OFFLINE",
            "CARGO_HTTP_PROXY",
            "CARGO_HTTP_CAINFO",
            "CARGO_REGISTRIES_MINE_INDEX",
            "CARGO_REGISTRY_DEFAULT",
            "CARGO_TERM_COLOR",
        ] {
            assert!(!is_dropped(name), "{name} is taken from the guest's cargo");
        }
    }
}
