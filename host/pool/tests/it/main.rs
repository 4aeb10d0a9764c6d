//! Pools with real machines: processes of this one, and agents by URL.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod by_url;
mod killed;
mod ledger;
mod local;
mod plugin;
mod pools;
mod processes;
