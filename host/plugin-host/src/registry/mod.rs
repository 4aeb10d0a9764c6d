//! Which plugins there are: generations, their state, and the names they go by.

mod describe;
mod generation;
mod quarantine;
mod store;

pub use describe::{Description, RoleDescription};
pub use generation::{Generation, PluginSettings};
pub(crate) use quarantine::Quarantine;
pub use quarantine::{FAULTS, TERM, WINDOW};
pub use store::PluginRegistry;
