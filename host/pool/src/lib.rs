//! The pool port, and the pools of the host: local processes and machines by URL.
//!
//! [`Pool`] is what the driver sees. [`LocalPool`] starts agents as child processes, [`UrlPool`] uses machines that run
//! one already, [`PluginPool`](plugin::PluginPool) asks a plugin for them, and [`Pools`] sends each host type to its
//! pool. What all must do is in [`conformance`].

pub mod by_url;
pub mod conformance;
pub mod local;
pub mod owned;
pub mod plugin;

mod connect;
mod error;
mod ledger;
mod pools;
mod port;
mod seen;
mod wanted;

pub use by_url::UrlPool;
pub use error::{PoolError, Refusal};
pub use ledger::{Ledger, LedgerError};
pub use local::LocalPool;
pub use pools::Pools;
pub use port::{AdoptRequest, Capacity, Condition, Granted, LeaseRequest, LocalInfo, Orphan, Pool};
pub use seen::{Holder, Seen, SeenMachine};
