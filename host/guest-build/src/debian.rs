//! Debian's Rust for guests: `rustc-web` compiles, `rust-web-src` is the standard library's source.
//!
//! Debian has no built standard library for WebAssembly, so cargo compiles it with the guest (`-Zbuild-std`, which a
//! released compiler allows under `RUSTC_BOOTSTRAP`). The linker is LLVM's, from a rustup toolchain or from Debian.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::environment::clean_command;
use crate::probe::ask;

/// The packages it needs.
pub(crate) const PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Where Debian puts its compiler, beside whatever rustup put earlier in the PATH.
const RUSTC: &str = "/usr/bin/rustc";

/// The source of the standard library under the compiler's own folder.
const SOURCE: &str = "lib/rustlib/src/rust/library/std";

/// The oldest minor release that understands what guests are written in (edition 2024).
const OLDEST_MINOR: u32 = 85;

/// Debian's compiler, its standard library's source and a linker for WebAssembly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DebianRust {
    linker: PathBuf,
    release: String,
}

impl DebianRust {
    /// Looks for all three; else says which is missing.
    pub(crate) fn find(dir: &Path, limit: Duration) -> Result<Self, String> {
        let release = ask(clean_command(RUSTC, dir).arg("--version"), limit)
            .map(|answer| answer.stdout)
            .map_err(|error| format!("{RUSTC}: {error}"))?;
        if minor(&release).is_none_or(|minor| minor < OLDEST_MINOR) {
            return Err(format!("{RUSTC} is too old ({release})"));
        }
        let sysroot = sysroot(RUSTC, dir, limit)?;
        if !sysroot.join(SOURCE).exists() {
            return Err(format!("{} has no source of the standard library (rust-web-src)", sysroot.display()));
        }
        let linker = linker(dir, limit).ok_or("there is no rust-lld or wasm-ld to link with")?;
        Ok(Self { linker, release })
    }

    /// Makes `cargo build` use it.
    pub(crate) fn apply(&self, command: &mut Command) {
        command
            .env("RUSTC", RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &self.linker)
            // An outer `cargo run` puts the libraries of its own compiler here.
            .env_remove("LD_LIBRARY_PATH")
            .arg("-Zbuild-std=std,panic_abort");
    }
}

impl fmt::Display for DebianRust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RUSTC} ({}), linked by ", self.release)?;
        write!(f, "{}", self.linker.display())
    }
}

fn sysroot(rustc: &str, dir: &Path, limit: Duration) -> Result<PathBuf, String> {
    ask(clean_command(rustc, dir).args(["--print", "sysroot"]), limit)
        .map(|answer| PathBuf::from(answer.stdout))
        .map_err(|error| format!("{rustc}: {error}"))
}

/// LLVM's linker: the one in the toolchain on the PATH, else Debian's `lld`, else any release of it.
fn linker(dir: &Path, limit: Duration) -> Option<PathBuf> {
    let in_toolchain = || {
        let hosts = sysroot("rustc", dir, limit).ok()?.join("lib/rustlib");
        first_that_exists(&hosts, |host| host.join("bin/rust-lld"))
    };
    let on_the_path = || {
        env::split_paths(&env::var_os("PATH")?)
            .flat_map(|folder| [folder.join("rust-lld"), folder.join("wasm-ld")])
            .find(|path| path.is_file())
    };
    let in_llvm = || first_that_exists(Path::new("/usr/lib"), |dir| dir.join("bin/wasm-ld"));
    in_toolchain().or_else(on_the_path).or_else(in_llvm)
}

fn first_that_exists(parent: &Path, below: impl Fn(&Path) -> PathBuf) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = parent
        .read_dir()
        .ok()?
        .filter_map(|entry| Some(below(&entry.ok()?.path())))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.into_iter().next()
}

/// The 96 of `rustc 1.96.0 (...)`.
fn minor(release: &str) -> Option<u32> {
    release.strip_prefix("rustc 1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn the_minor_release_is_read() {
        assert_eq!(minor("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"), Some(96));
        assert_eq!(minor("rustc 1.63.0"), Some(63));
        assert_eq!(minor("clang version 14"), None);
    }
}
