//! Where things are in this repository.

use std::env;
use std::path::{Path, PathBuf};

/// The working tree this program was compiled from.
pub(crate) struct Repository {
    /// The root of the tree.
    pub(crate) root: PathBuf,
}

impl Repository {
    /// The tree that holds this crate.
    pub(crate) fn here() -> Self {
        let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = crate_dir.ancestors().nth(2).unwrap_or(crate_dir);
        Self { root: root.to_owned() }
    }

    /// What is built beside cargo's own outputs: `cargo clean` removes it.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The components that are bundled into the binary.
    pub(crate) fn components(&self) -> PathBuf {
        self.target().join("plugins")
    }

    /// The binary in a profile's folder (`debug`, `release`), wherever cargo was told to build.
    pub(crate) fn binary(&self, profile_dir: &str) -> PathBuf {
        let cargo_target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.target(), |dir| self.root.join(dir));
        cargo_target.join(profile_dir).join("muster")
    }
}
