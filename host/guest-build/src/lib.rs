//! Compiles a guest crate to a WebAssembly component.
