//! The commands: one file each.

mod builders;
mod buildlet;
mod completions;
mod config;
mod dispatch;
mod doctor;
mod gc;
pub(crate) mod kept;
mod output;
mod plugin;
mod remote;
mod serve;
mod signals;
mod simulate;
mod version;
mod whole;

pub mod build;

pub use dispatch::run;
pub(crate) use output::{Closed, warn};
