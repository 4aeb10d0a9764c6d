//! The plugin's logic against an engine: recorded answers, and Podman itself where it is installed.

mod podman;
mod recorded;
