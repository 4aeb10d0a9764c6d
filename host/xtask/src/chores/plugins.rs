//! `cargo xtask plugins`: the first-party plugins as components.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use guest_build::{BuildOptions, Target, Toolchain, ToolchainError, build};

use crate::apt;
use crate::repository::Repository;

/// Debian's compiler for guests and the source of its standard library, for machines whose rustup cannot help.
const TOOLCHAIN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Builds every plugin of the guest workspace into `target/plugins`.
pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let guest_dir = repository.root.join("plugins");
    let toolchain = toolchain(&guest_dir)?;
    eprintln!("building the plugins for {toolchain}");
    let options = BuildOptions {
        target_dir: Some(repository.target().join("guests")),
        component_dir: Some(repository.components()),
    };
    let built = build(&toolchain, &guest_dir, &options)?;
    for built in &built {
        let size_kib = built.size_bytes.div_ceil(1024);
        let change = if built.is_changed { "" } else { ", unchanged" };
        eprintln!("  {} ({size_kib} KiB{change})", built.component.display());
    }
    let current = built.into_iter().filter_map(|built| Some(built.component.file_name()?.to_owned())).collect();
    remove_others(&repository.components(), &current)
}

/// The machine's toolchain, or the one that its package manager can get.
fn toolchain(guest_dir: &Path) -> anyhow::Result<Toolchain> {
    let target = Target::Wasm32UnknownUnknown;
    let mut say = |what: &str| eprintln!("{what}");
    match Toolchain::find(target, guest_dir, &mut say) {
        Ok(toolchain) => Ok(toolchain),
        Err(missing @ ToolchainError::NoTarget { .. }) => {
            apt::ensure(&TOOLCHAIN_PACKAGES).with_context(|| missing.to_string())?;
            // Rustup had its time; only Debian's can have come.
            Toolchain::debian(target, guest_dir).map_err(anyhow::Error::msg).context(missing)
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes components of plugins that are no more: everything in the folder is bundled.
fn remove_others(dir: &Path, current: &BTreeSet<OsString>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("read `{}`", dir.display()))? {
        let entry = entry.with_context(|| format!("read `{}`", dir.display()))?;
        let path = entry.path();
        let is_component = path.extension().is_some_and(|extension| extension == "wasm");
        if is_component && !current.contains(&entry.file_name()) {
            fs::remove_file(&path).with_context(|| format!("remove `{}`", path.display()))?;
            eprintln!("  removed {}", path.display());
        }
    }
    Ok(())
}
