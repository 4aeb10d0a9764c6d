//! One suite over both databases, and what is special to each.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod full_disk;
mod migrations;
mod on_both;
mod postgres;
mod processes;
mod suite;
