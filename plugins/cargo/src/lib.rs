//! Rust projects built and tested with cargo: the builder that compiles, lists and runs their tests, by nextest or by
//! the test binaries themselves, and the parser that reads what either prints.
//!
//! What happens on the machines is done by a program of this plugin, in `runner/`: it is compiled there.

mod builder;
mod detect;
mod listing;
mod names;
mod nextest;
mod parser;
mod plain;
mod plan;
mod run;
mod settings;

#[path = "runner/libtest.rs"]
mod libtest;
#[path = "runner/unit.rs"]
mod unit;

pub use builder::CargoBuilder;
pub use parser::CargoParser;

muster_sdk::export!(CargoBuilder: builder);
muster_sdk::export!(CargoParser: parser);
