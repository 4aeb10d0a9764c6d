//! The `muster` command: reads arguments and configuration, drives one build, and shows what happened.
//!
//! Everything a build tells is a [`view::BuildUpdate`]; progress, the event stream, the summary, JUnit XML, the HTML
//! report and the log file are views of these and know nothing of how they came about.

pub mod args;
pub mod assemble;
pub mod bundle;
pub mod client;
pub mod commands;
pub mod config;
pub mod exit;
pub mod plugins;
pub mod progress;
mod secret_file;
mod serve;
pub use coordinator::view;
pub use report::{summary, text};

mod start;

pub use start::main;
