//! `muster doctor`: what an operator would look at first.

mod finding;
mod machine;
mod run;
mod server;
mod state;
mod traces;

pub(super) use run::run;
