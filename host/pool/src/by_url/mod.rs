//! Machines that run a buildlet already, Muster's or Go's, named by URL.

mod adopt;
mod machine;
mod pool;
mod settings;
mod shared;
mod waiting;

pub use pool::UrlPool;
pub use settings::UrlSettings;
