//! The `muster` command from outside: the real binary, and the files it writes.

mod command;
mod config;
mod config_files;
mod events;
mod fixture;
mod go2015;
mod junit;
mod report;
mod simulate;
mod summary;
