//! One file for each chore.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod plugins;
pub(crate) mod test;
pub(crate) mod tools;
