//! The `muster` command from outside: the real binary, and the files it writes.

mod command;
mod config;
mod config_files;
mod config_reference;
mod events;
/// Finished builds, the same that the reports are tested with.
#[path = "../../../report/tests/it/fixture.rs"]
mod fixture;
mod remote;
mod simulate;

/// A build that ran, and a server to ask: the same that the service is tested with.
#[path = "../../../service/tests/it/recorded.rs"]
mod recorded;
#[expect(dead_code, reason = "the service's own tests need more of it")]
#[path = "../../../service/tests/it/server.rs"]
mod server;
