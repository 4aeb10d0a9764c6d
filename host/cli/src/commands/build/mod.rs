//! `muster build`: gathers what a build needs, runs it, shows it, and writes its reports.

mod gather;
mod job;
mod key;
mod outputs;
mod project;
mod reports;
mod run;
mod session;

pub use job::{BuildJob, PoolChoice};
pub use session::run;
