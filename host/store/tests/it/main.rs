//! One suite over both databases, and what is special to each.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says why it skips")]

mod full_disk;
mod migrations;
mod names;
mod on_both;
mod postgres;
mod processes;
mod retention;
mod service;
mod suite;
