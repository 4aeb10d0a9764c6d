//! Embeds the bundled plugins: every component in the bundle folder, with its digest.
//!
//! The folder is `$MUSTER_BUNDLE_DIR`, else `target/plugins` of the workspace. An empty one gives an empty bundle: the
//! binary says so when it starts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=MUSTER_BUNDLE_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins");
    let folder = env::var_os("MUSTER_BUNDLE_DIR").map_or(workspace, PathBuf::from);
    // Cargo takes a folder that is not there for one that changed, and would build this crate anew every time.
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut components: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            components.push(path);
        }
    }
    components.sort();

    let mut code = String::from("&[\n");
    for path in components {
        let bytes = fs::read(&path)?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let digest = hex::encode(Sha256::digest(&bytes));
        let _infallible = writeln!(
            code,
            "BundledPlugin {{ name: {name:?}, digest: \"sha256:{digest}\", bytes: include_bytes!({:?}) }},",
            path.display().to_string()
        );
    }
    code.push_str("]\n");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(out.join("bundle.rs"), code)
}
