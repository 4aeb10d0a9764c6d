//! The plugins inside this binary. They are loaded like any other.

/// A component inside this binary.
#[derive(Clone, Copy, Debug)]
pub struct BundledPlugin {
    /// The name of its file, without `.wasm`.
    pub name: &'static str,
    /// `sha256:...` of its bytes.
    pub digest: &'static str,
    /// The component.
    pub bytes: &'static [u8],
}

/// All of them, by name. Empty in a binary that was built without built plugins.
pub static BUNDLE: &[BundledPlugin] = include!(concat!(env!("OUT_DIR"), "/bundle.rs"));

/// What people are told when the bundle is empty.
pub const EMPTY: &str = "this binary was built without bundled plugins: `cargo xtask build` makes one with them; use `--plugin FILE` meanwhile";
