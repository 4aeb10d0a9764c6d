//! `muster plugin build`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use guest_build::{BuildOptions, Built, Target, Toolchain};
use serde_json::json;

use crate::args::PluginBuildArgs;
use crate::commands::output::print;
use crate::exit::{Exit, UsageError};
use crate::text;

/// Compiles a guest and makes a component of it.
pub(super) fn run(args: &PluginBuildArgs) -> anyhow::Result<Exit> {
    let dir = &args.dir;
    if !dir.is_dir() {
        return Err(UsageError::new(format!("`{}` is not a folder", dir.display()), "give the guest's folder").into());
    }
    if !dir.join("Cargo.toml").is_file() {
        return Err(UsageError::new(
            format!("there is no Cargo.toml in `{}`", dir.display()),
            "guests in Rust are compiled here; make components of Python with componentize-py and of JavaScript with \
             componentize-js, and check them with `muster plugin inspect FILE`",
        )
        .into());
    }
    let mut say = |line: &str| tracing::warn!("{line}");
    let toolchain = Toolchain::find(Target::default(), dir, &mut say)
        .with_context(|| format!("failed to find a toolchain for `{}`", dir.display()))?;
    let built = guest_build::build(&toolchain, dir, &BuildOptions::default())
        .with_context(|| format!("failed to build `{}`", dir.display()))?;
    let placed = place(&built, args.output.as_deref())?;
    let mut out = String::new();
    for (guest, file) in built.iter().zip(&placed) {
        out += &if args.json {
            format!("{}\n", json!({"name": guest.package, "file": file, "size_bytes": guest.size_bytes}))
        } else {
            format!("{}: {}\n", file.display(), text::bytes(guest.size_bytes as u64))
        };
    }
    print(&out)?;
    Ok(Exit::Passed)
}

/// Where each component is at the end: where it was asked for, else where it was built.
fn place(built: &[Built], output: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    let Some(output) = output else { return Ok(built.iter().map(|guest| guest.component.clone()).collect()) };
    let [guest] = built else {
        let names: Vec<&str> = built.iter().map(|guest| guest.package.as_str()).collect();
        let message = format!("one file cannot hold {} plugins: {}", built.len(), names.join(", "));
        return Err(UsageError::new(message, "leave out `--output`, or give the folder of one of them").into());
    };
    fs::copy(&guest.component, output).with_context(|| format!("failed to write `{}`", output.display()))?;
    Ok(vec![output.to_owned()])
}
