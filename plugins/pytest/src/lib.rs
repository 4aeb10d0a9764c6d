//! Python projects tested with pytest: the builder that makes, lists and runs them, and the parser that reads the
//! output of its runner script, or of plain `pytest -v`.

mod builder;
mod detect;
mod environment;
mod listing;
mod names;
mod parser;
mod plain;
mod plan;
mod run;
mod settings;

pub use builder::Pytest;
pub use parser::PytestParser;

muster_sdk::export!(Pytest: builder);
muster_sdk::export!(PytestParser: parser);
