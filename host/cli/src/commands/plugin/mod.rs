//! `muster plugin`.

mod build;
mod inspect;
mod list;
mod run;

pub(super) use run::run;
