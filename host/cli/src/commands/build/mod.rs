//! `muster build`: gathers what a build needs, runs it, shows it, and writes its reports.

mod outputs;
mod reports;
mod run;
mod session;
mod stores;

pub use session::run;
