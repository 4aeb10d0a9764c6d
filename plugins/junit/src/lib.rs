//! The `junit` parser: verdicts from the JUnit XML files that a test command wrote, of several dialects.

mod cases;
mod index;
mod parser;
mod xml;

pub use parser::Junit;

muster_sdk::export!(Junit: parser);
