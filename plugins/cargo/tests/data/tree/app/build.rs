//! Generates a file and a variable.

use std::{env, fs, path::Path};

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    fs::write(Path::new(&out).join("made.txt"), "made").unwrap();
    println!("cargo:rustc-env=MADE_IN={out}");
    println!("cargo:rerun-if-changed=build.rs");
}
