//! The agent: offers files and exec of one machine over HTTP. Linux only.
//!
//! ```text
//! accept -> (TLS) -> head -> route -> /exec: spawn -> pipe -> response            (plain, as Go's)
//!                                            spawn -> pipe -> spool -> response   (with an id)
//!                                     files, archives, listings: blocking work behind a bounded channel
//! ```
//! HTTP/1.1 is written here and not by hyper, because hyper drops the trailer of `/exec` unless a client says
//! `TE: trailers`, and Go's never does.

mod config;
mod server;

mod connection;
mod endpoints;
mod routes;

mod bridge;
mod contact;
mod exec;
mod http1;
mod paths;
mod process;
mod remove;
mod tree_writes;

mod error;
mod refusal;
mod state;

pub use config::{AgentConfig, AgentLimits, OrphanConfig};
pub use error::AgentError;
pub use server::{Agent, ServeEnd, kill_leftovers, run_until};
