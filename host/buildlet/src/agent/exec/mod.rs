//! `/exec`: what is asked, how it is started and watched, and where its output goes.

mod attach;
mod command;
mod env;
mod output;
mod params;
mod record;
mod registry;
mod spool;
mod supervise;

pub(crate) use attach::{attach, finish};
pub(crate) use command::{Command, GO_DIRS};
pub(crate) use output::Output;
pub(crate) use params::{ExecParams, MusterParams};
pub(crate) use registry::{Execs, Opened, RunningPermit, StopCause};
pub(crate) use spool::Spool;
pub(crate) use supervise::Exec;
