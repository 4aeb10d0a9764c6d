//! A guest crate without dependencies: its interface types are made here and embedded as a custom section, which is
//! all that binding generators do.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use wit_component::StringEncoding;
use wit_parser::Resolve;

const WIT: &str = "package probe:guest@0.1.0; world guest { export add: func(a: u32, b: u32) -> u32; }";

const LIB: &str = r#"
#[unsafe(link_section = "component-type:guest")]
#[used]
static TYPES: [u8; include_bytes!("types.bin").len()] = *include_bytes!("types.bin");

#[unsafe(no_mangle)]
pub extern "C" fn add(a: u32, b: u32) -> u32 {
    a + b + BIAS
}
"#;

/// Writes a crate that exports `add`, with `bias` in its code so that two of them differ.
pub(crate) fn write(dir: &Path, name: &str, bias: u32) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("guest.wit", WIT)?;
    let world = resolve.select_world(&[package], None)?;
    let types = wit_component::metadata::encode(&resolve, world, StringEncoding::UTF8, None)?;
    write_crate(dir, name, &format!("const BIAS: u32 = {bias};\n{LIB}"))?;
    fs::write(dir.join("src/types.bin"), types).context("write the types")
}

/// Writes a plugin crate with the given source.
pub(crate) fn write_crate(dir: &Path, name: &str, source: &str) -> anyhow::Result<()> {
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n[workspace]\n"
    );
    fs::create_dir_all(dir.join("src"))?;
    fs::write(dir.join("Cargo.toml"), manifest)?;
    fs::write(dir.join("src/lib.rs"), source).context("write the source")
}
