//! The coordinator over HTTP: routes by caller, pages, tokens with scopes, events that resume, metrics, traces.
//!
//! A request passes the [`identity`] checks (names of the server, then token and scope), reaches a handler in `api/`,
//! and is answered from the one view model in [`view`], which is made of a build's facts. What the service cannot know
//! by itself, how builds are planned and driven, comes through [`ports`].

pub mod generations;
pub mod identity;
pub mod ports;
pub mod problem;
pub mod view;

mod api;
mod events;
mod facts;
mod folds;
mod kept;
mod metrics;
mod pages;
mod pools;
mod server;
mod service;
mod settings;
mod submission;
mod traces;
mod trees;
mod unread;

pub use api::{openapi, router};
pub use events::Letters;
pub use kept::Kept;
pub use server::serve;
pub use service::{Parts, Service, Standing};
pub use settings::{MetricsAccess, ServiceSettings};
pub use submission::{Submission, Trust};
pub use traces::{TraceSettings, Traces};
pub use trees::{TREE_KIND, tree_key};
