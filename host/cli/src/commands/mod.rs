//! The commands: one file each.

mod builders;
mod buildlet;
mod completions;
mod config;
mod dispatch;
mod kept;
mod output;
mod plugin;
mod simulate;
mod version;

pub mod build;

pub use dispatch::run;
