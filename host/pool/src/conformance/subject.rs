//! The pool under test, and how a check ends badly.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::{Granted, Pool};

/// A pool to be put through the suite. Each check gets a subject of its own.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The pool.
    fn pool(&self) -> &dyn Pool;

    /// A host type that it offers.
    fn host_type(&self) -> &str;

    /// A host type that it does not offer; none if it offers every one.
    fn unknown_host_type(&self) -> Option<&str>;

    /// Machines it has, exactly; at least 2, at most 4.
    fn capacity(&self) -> u32;

    /// The bound for anything that must happen: generous, since it is no measure of speed.
    fn patience(&self) -> Duration;

    /// Ends a leased machine as a power failure would.
    async fn kill(&self, granted: &Granted);

    /// What is left after `shutdown` that must not be: processes, folders, containers, in words.
    async fn left_behind(&self) -> Vec<String>;
}

/// A pool whose machines outlive its process.
#[async_trait]
pub trait Survivor: Subject {
    /// Ends the pool as the death of its process would, and opens the next one over what is left.
    async fn next_life(&mut self);
}

/// A pool did not do what every pool must.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("conform in check `{check}`: {detail}")]
pub struct Violation {
    /// Which check.
    pub check: &'static str,
    /// What it did instead.
    pub detail: String,
}
