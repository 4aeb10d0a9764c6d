//! The `tap` parser: the Test Anything Protocol, versions 12 to 14, and what `prove` prints around it.
//!
//! A listed test is either a test *file*, whose points are folded into one verdict (`names = "file"`, the default),
//! or a single test *point* by its description (`names = "point"`).

mod fold;
mod line;
mod parser;
mod points;

pub use parser::Tap;

muster_sdk::export!(Tap: parser);
