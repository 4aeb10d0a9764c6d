//! What every pool must do, as a suite that any pool can be put through.
//!
//! A pool's own tests implement [`Subject`] and call [`run`]. The checks use real machines: what the subject's pool
//! grants must run commands.

mod checks;
mod subject;

pub use checks::{CHECKS, run};
pub use subject::{Subject, Violation};
