//! What every pool must do, as a suite that any pool can be put through.
//!
//! A pool's own tests implement [`Subject`] and call [`run`]; where machines outlive the pool's process, [`Survivor`] and
//! [`run_survival`], too. The checks use real machines: what the subject's pool
//! grants must run commands.

mod checks;
mod subject;
mod survival;

pub use checks::{CHECKS, Check, run};
pub use subject::{Subject, Survivor, Violation};
pub use survival::{SURVIVAL_CHECKS, run_survival};

use checks::finish;
