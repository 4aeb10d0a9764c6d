//! The `command` builder: any project, by the make, list and run commands in the `[command]` section of its
//! `muster.toml`.

mod builder;
mod fill;
mod listing;
mod patterns;
mod plan;
mod settings;

pub use builder::CommandBuilder;

muster_sdk::export!(CommandBuilder: builder);
