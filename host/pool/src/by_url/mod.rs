//! Machines that run a buildlet already, Muster's or Go's, named by URL.

mod machine;
mod pool;

pub use pool::{UrlPool, UrlSettings};
