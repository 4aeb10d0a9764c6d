//! Processes of commands: grouping, measuring, finding and killing them.

mod cgroup;
mod exec_cgroup;
mod mounts;
mod orphans;
mod parent;
mod running;
mod table;
mod tree;

pub(crate) use cgroup::Cgroups;
pub(crate) use orphans::Orphans;
pub(crate) use parent::ParentWatch;
pub(crate) use running::RunningNotes;
pub(crate) use tree::{Ownership, Tree};
