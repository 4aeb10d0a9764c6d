//! What the benches that run whole builds share.

mod build;

pub(crate) use build::Build;
