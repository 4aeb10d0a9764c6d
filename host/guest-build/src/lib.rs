//! Compiles a guest crate to a WebAssembly component with whichever Rust toolchain the machine has.
//!
//! [`Toolchain::find`] looks for one (and may ask rustup to add the target), [`build`] runs cargo with it and turns
//! each core module into a component. It is plain blocking code: it serves the project's chores and
//! `muster plugin build`, neither of which does anything else meanwhile.

mod build;
mod component;
mod debian;
mod environment;
mod error;
mod metadata;
mod probe;
mod toolchain;

pub use build::{BuildOptions, Built, build};
pub use component::{Componentized, componentize};
pub use environment::cargo_command;
pub use error::{BuildError, ComponentError, ToolchainError};
pub use toolchain::{Target, Toolchain};
