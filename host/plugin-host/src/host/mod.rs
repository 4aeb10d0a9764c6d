//! What the host offers to plugins: one interface each, one grant each.

mod clock;
mod grants;
pub(crate) mod http;
mod kv;
mod log;
mod services;
pub(crate) mod wasi;

pub use grants::{Credential, Grants, HttpGrant};
pub use kv::{FileStore, KeyValueStore, KvError, MemoryStore};

pub(crate) use services::Services;
