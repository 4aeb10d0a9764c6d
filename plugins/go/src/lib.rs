//! Go modules: the builder that compiles every test binary once, lists the tests and runs them, and the parser that
//! reads what test binaries print, `go test`'s own lines, and `go test -json`.
//!
//! A test is a top-level function of a package (`package.TestName`), the smallest thing that `go test` selects and
//! runs the same way each time; its subtests are reported below it (`package.TestName/sub`), as `go test -json` does.
//! A package of which nothing smaller has a verdict is a test itself, called by its import path: one without test
//! files (skipped), without tests, or that does not compile.

mod builder;
mod detect;
mod listing;
mod names;
mod parser;
mod plan;
mod run;
mod runner;
mod settings;

pub use builder::Go;
pub use parser::GoParser;

muster_sdk::export!(Go: builder);
muster_sdk::export!(GoParser: parser);
