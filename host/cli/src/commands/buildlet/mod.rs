//! `muster buildlet`.

mod announce;
mod secrets;
mod serve;
mod setup;

pub(super) use serve::run;
