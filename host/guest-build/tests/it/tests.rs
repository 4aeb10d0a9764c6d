//! What becomes of guests that compile and of guests that do not.

use std::fs;
use std::path::Path;

use guest_build::{BuildError, BuildOptions, ComponentError, Target, Toolchain, ToolchainError, build};
use tempfile::TempDir;
use wit_component::DecodedWasm;

use crate::guest;

/// The machine's toolchain; without one the tests say so and pass, because there is nothing to compile with.
fn toolchain(dir: &Path) -> anyhow::Result<Option<Toolchain>> {
    match Toolchain::find(Target::Wasm32UnknownUnknown, dir, &mut |_| ()) {
        Ok(toolchain) => Ok(Some(toolchain)),
        Err(error @ ToolchainError::NoTarget { .. }) if std::env::var_os("CI").is_none() => {
            eprintln!("skipped: {error}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn assert_exports_add(component: &Path) -> anyhow::Result<()> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&fs::read(component)?)? else {
        anyhow::bail!("{} is a WIT package", component.display());
    };
    let world = &resolve.worlds[world];
    let exports: Vec<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    assert_eq!(exports, ["add"]);
    assert!(world.imports.is_empty(), "a plain guest imports nothing");
    Ok(())
}

#[test]
fn a_guest_becomes_a_component_once_per_change() -> anyhow::Result<()> {
    let scratch = TempDir::new()?;
    let Some(toolchain) = toolchain(scratch.path())? else {
        return Ok(());
    };
    let options = BuildOptions::default();
    guest::write(scratch.path(), "my-guest", 0)?;
    let first = build(&toolchain, scratch.path(), &options)?;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].package, "my-guest");
    assert!(first[0].is_changed);
    assert!(first[0].component.ends_with("components/my-guest.wasm"), "{}", first[0].component.display());
    assert_exports_add(&first[0].component)?;

    let second = build(&toolchain, scratch.path(), &options)?;
    assert!(!second[0].is_changed, "nothing changed, yet it was written");

    guest::write(scratch.path(), "my-guest", 7)?;
    let third = build(&toolchain, scratch.path(), &options)?;
    assert!(third[0].is_changed, "the source changed");
    Ok(())
}

#[test]
fn the_folders_are_the_callers() -> anyhow::Result<()> {
    let scratch = TempDir::new()?;
    let guest_dir = scratch.path().join("guest");
    let options = BuildOptions {
        target_dir: Some(scratch.path().join("cargo")),
        component_dir: Some(scratch.path().join("out")),
    };
    guest::write(&guest_dir, "placed", 0)?;
    let Some(toolchain) = toolchain(&guest_dir)? else {
        return Ok(());
    };
    build(&toolchain, &guest_dir, &options)?;
    assert_exports_add(&scratch.path().join("out/placed.wasm"))?;
    assert!(!guest_dir.join("target").exists());
    Ok(())
}

#[test]
fn a_guest_that_exports_nothing_is_named() -> anyhow::Result<()> {
    let scratch = TempDir::new()?;
    guest::write_crate(scratch.path(), "mute", "")?;
    let Some(toolchain) = toolchain(scratch.path())? else {
        return Ok(());
    };
    let result = build(&toolchain, scratch.path(), &BuildOptions::default());
    let Err(BuildError::Component { package, source }) = result else {
        anyhow::bail!("{result:?}");
    };
    assert_eq!(package, "mute");
    assert!(matches!(source, ComponentError::NothingExported), "{source:?}");
    Ok(())
}

#[test]
fn a_guest_that_does_not_compile_is_cargos_failure() -> anyhow::Result<()> {
    let scratch = TempDir::new()?;
    guest::write_crate(scratch.path(), "broken", "fn f() -> u32 { \"text\" }")?;
    let Some(toolchain) = toolchain(scratch.path())? else {
        return Ok(());
    };
    let result = build(&toolchain, scratch.path(), &BuildOptions::default());
    let Err(BuildError::Cargo { status, .. }) = result else {
        anyhow::bail!("{result:?}");
    };
    assert!(!status.success());
    Ok(())
}

#[test]
fn a_folder_without_a_plugin_is_refused() -> anyhow::Result<()> {
    let scratch = TempDir::new()?;
    let Some(toolchain) = toolchain(scratch.path())? else {
        return Ok(());
    };
    let result = build(&toolchain, scratch.path(), &BuildOptions::default());
    assert!(matches!(result, Err(BuildError::NoManifest { .. })), "{result:?}");

    guest::write_crate(scratch.path(), "plain", "")?;
    let manifest = fs::read_to_string(scratch.path().join("Cargo.toml"))?;
    let without_cdylib = manifest.replace("cdylib", "rlib");
    fs::write(scratch.path().join("Cargo.toml"), without_cdylib)?;
    let result = build(&toolchain, scratch.path(), &BuildOptions::default());
    assert!(matches!(result, Err(BuildError::NoGuest { .. })), "{result:?}");
    Ok(())
}

/// Debian's compiler builds the standard library along, which takes a minute: only with `MUSTER_TEST_FULL=1`.
#[test]
fn debians_compiler_builds_the_same_guest() -> anyhow::Result<()> {
    let scratch = TempDir::new()?;
    if std::env::var_os("MUSTER_TEST_FULL").is_none() {
        eprintln!("skipped: needs MUSTER_TEST_FULL=1");
        return Ok(());
    }
    let toolchain = match Toolchain::debian(Target::Wasm32UnknownUnknown, scratch.path()) {
        Ok(toolchain) => toolchain,
        Err(reason) => {
            eprintln!("skipped: {reason}");
            return Ok(());
        }
    };
    guest::write(scratch.path(), "by-debian", 0)?;
    let built = build(&toolchain, scratch.path(), &BuildOptions::default())?;
    assert_exports_add(&built[0].component)
}
