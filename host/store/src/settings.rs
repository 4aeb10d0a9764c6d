//! The bounds of a store.

use std::time::Duration;

/// Bounds of waiting and of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a write waits for other processes at one SQLite file. 30 s: the longest write, one hundred thousand
    /// observations, takes a few seconds on a slow disk.
    pub busy_timeout: Duration,
    /// How long to wait for a free connection, and for PostgreSQL to be reached. 10 s.
    pub acquire_timeout: Duration,
    /// Most connections of one store. 4: one writes, the others read.
    pub max_connections: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { busy_timeout: Duration::from_secs(30), acquire_timeout: Duration::from_secs(10), max_connections: 4 }
    }
}
