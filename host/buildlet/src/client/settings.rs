//! The time budgets and bounds of a client.

use std::time::Duration;

/// Time budgets and bounds; the defaults are those of the protocol's own client where it has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// To open a connection, TLS included. 10 s.
    pub connect: Duration,
    /// From sending a request to the head of its answer. 20 s.
    pub head: Duration,
    /// For calls in which the agent works before it answers: unpacking the end of an archive, fetching one by URL,
    /// cloning, removing, listing with digests. 15 min, what the ancestor's snapshots grew to need.
    pub work: Duration,
    /// For `/halt` at the end. 2 s.
    pub close: Duration,
    /// Between heartbeats. 10 s.
    pub heartbeat_every: Duration,
    /// For one heartbeat's answer. 10 s.
    pub heartbeat_timeout: Duration,
    /// Heartbeats missed in a row after which the peer is dead. 3.
    pub heartbeat_misses: u32,
    /// Without a single byte in either direction, a transfer of an archive or a file is broken. 2 min.
    pub stall: Duration,
    /// How much later than the agent the client enforces an exec's deadline, where the agent does too. 5 s.
    pub deadline_grace: Duration,
    /// Idle connections are closed after this time, well before the agent's three minutes. 1 min.
    pub idle: Duration,
    /// Most idle connections kept. 8.
    pub max_idle: usize,
    /// Most bytes of a listing or another answer that is read whole. 64 MiB.
    pub max_answer_bytes: usize,
}

impl Default for ClientSettings {
    fn default() -> Self {
        ClientSettings {
            connect: Duration::from_secs(10),
            head: Duration::from_secs(20),
            work: Duration::from_secs(900),
            close: Duration::from_secs(2),
            heartbeat_every: Duration::from_secs(10),
            heartbeat_timeout: Duration::from_secs(10),
            heartbeat_misses: 3,
            stall: Duration::from_secs(120),
            deadline_grace: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            max_idle: 8,
            max_answer_bytes: 64 << 20,
        }
    }
}
