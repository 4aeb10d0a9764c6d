//! The `muster` command: reads arguments and configuration, drives one build, and shows what happened.
//!
//! Everything a build tells is a [`view::BuildUpdate`]; progress, the event stream, the summary, JUnit XML, the HTML
//! report and the log file are views of these and know nothing of how they came about.

pub mod args;
pub mod bundle;
pub mod commands;
pub mod config;
pub mod exit;
pub mod go2015;
pub mod junit;
pub mod logfile;
pub mod plugins;
pub mod progress;
pub mod report;
pub mod summary;
pub mod text;
pub use coordinator::view;

mod start;

pub use start::main;
