//! Machines that are child processes of this one: `muster buildlet` on loopback, each with a work directory of its own.
//!
//! An agent and all that it started end with its lease, and with this process, even when that is killed: the agent
//! watches its parent, and where control groups are allowed the pool kills by group what a killed agent leaves. With
//! [`LocalSettings::survive`] it outlives this process instead, and waits for the next one.
//!
//! Not here: hiding the state directory from commands by namespaces. Passwords and other machines' trees are kept from
//! other users by file modes only.

mod pool;
mod settings;

mod adopt;
mod claim;
mod shared;

mod agent;
mod child;
mod files;
mod mark;
mod output;
mod survivor;

mod cgroup;
mod folders;
mod group;
mod hierarchy;

pub use pool::LocalPool;
pub use settings::{LocalSettings, MachineLimits};
