#![doc = include_str!("../README.md")]

pub mod builder;
pub mod estimator;
pub mod facts;
pub mod lines;
pub mod log;
pub mod parser;
pub mod policy;
pub mod pool;
pub mod settings;
pub mod types;

#[doc(hidden)]
pub mod bindings;
mod common;
mod export;
mod unlisted;

pub use builder::Builder;
pub use estimator::Estimator;
pub use parser::Parser;
pub use policy::Policy;
pub use pool::Pool;
pub use types::Error;
