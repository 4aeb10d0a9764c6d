//! Everything a build needs, put together from what is asked, its tree, the host's configuration, plugins and pools:
//! `muster build` does it once, `muster serve` for every build.

mod builder;
mod check;
mod job;
mod key;
mod ledger;
mod look;
mod named;
mod outline;
mod pools;
mod project;
mod tree;
mod urls;
mod written;

pub(crate) use check::check;
pub(crate) use job::tree_folder;
pub use job::{BuildJob, PoolChoice, Wishes};
pub(crate) use ledger::Survival;
pub(crate) use named::check_named;
pub(crate) use outline::{Ground, Subject, check_sections, outline};
pub(crate) use pools::{Machines, PoolGround, machines};
pub(crate) use project::name as project_name;
pub(crate) use tree::listing;
pub(crate) use written::written;
