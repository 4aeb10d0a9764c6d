//! End-to-end tests, each on the real binary in a state folder of its own.
#![expect(clippy::unwrap_used, reason = "tests")]

mod command_line;
mod containers;
mod full_disk;
mod go_module;
mod go_tree;
mod losses;
mod node_ids;
mod ordered_log;
mod outside_plugin;
mod published;
mod service;
mod set_up;
mod support;
mod verdicts;
