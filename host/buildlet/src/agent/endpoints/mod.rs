//! The endpoints, by what they are about.

pub(super) mod archive;
pub(super) mod clone;
pub(super) mod exec;
pub(super) mod execs;
pub(super) mod files;
pub(super) mod list;
pub(super) mod plain;
