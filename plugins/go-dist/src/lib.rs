//! Go's own tree: the builders of Go's build system, which make it with its scripts and run its dist tests, and the
//! parser that reads what `go tool dist test` prints.

mod builder;
mod catalog;
mod detect;
mod excerpt;
#[cfg(test)]
mod fixture;
mod json;
mod left_out;
mod listing;
mod memo;
mod names;
mod packages;
mod parser;
mod plan;
mod run;
mod sections;
mod settings;
mod spec;
mod table;
mod toolchain;

pub use builder::GoDist;
pub use parser::GoDistParser;

muster_sdk::export!(GoDist: builder);
muster_sdk::export!(GoDistParser: parser);
