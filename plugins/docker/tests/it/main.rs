//! The plugin's logic against an engine: recorded answers, and Podman itself where it is installed.
#![expect(clippy::unwrap_used, reason = "tests")]

mod podman;
mod recorded;
