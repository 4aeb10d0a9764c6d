//! The buildlet wire protocol: agent and client.
