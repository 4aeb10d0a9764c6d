//! What can be set of the service, and its bounds.

use std::time::Duration;

/// Who may read the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Whoever has a token that may read.
    #[default]
    Token,
    /// Everybody who reaches the address.
    Open,
}

/// What can be set. The defaults serve a team.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Names this server goes by, beside the address it listens on: `builds.example.org`, or with a port.
    pub names: Vec<String>,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
    /// Bytes of an uploaded tree, as sent.
    pub tree_bytes: u64,
    /// Bytes of any other body.
    pub body_bytes: usize,
    /// Streams (events and followed logs) open at once.
    pub streams: usize,
    /// Connections open at once.
    pub connections: usize,
    /// How long a client may take over the head of a request.
    pub head_timeout: Duration,
    /// How long an upload may stand still.
    pub body_stall: Duration,
    /// How long a client may leave what it is sent unread; then its connection is closed. Who follows a stream comes again.
    pub write_stall: Duration,
    /// How often a quiet event stream says that it is there.
    pub keep_alive: Duration,
}

impl Default for ServiceSettings {
    fn default() -> ServiceSettings {
        ServiceSettings {
            names: Vec::new(),
            metrics: MetricsAccess::default(),
            tree_bytes: 4 << 30,
            body_bytes: 1 << 20,
            streams: 1_000,
            connections: 4_096,
            head_timeout: Duration::from_secs(30),
            body_stall: Duration::from_secs(60),
            write_stall: Duration::from_secs(60),
            keep_alive: Duration::from_secs(15),
        }
    }
}
