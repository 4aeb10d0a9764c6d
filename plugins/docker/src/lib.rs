//! The `docker` pool: machines as containers of a Docker-compatible engine (Podman's service too), through the
//! Docker Engine API 1.40 over TCP or a unix socket.

mod agent;
mod api;
mod archive;
mod engine;
mod machine;
mod pool;
mod settings;

pub use engine::{Answer, Engine, Method};
pub use pool::{Containers, Docker};

muster_sdk::export!(Docker: pool);
