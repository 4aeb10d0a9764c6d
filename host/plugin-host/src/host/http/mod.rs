//! The `http` import: requests to granted origins, sent by the host.

mod address;
mod gate;
mod import;
mod origin;
mod resolver;

pub(crate) use gate::HttpGate;

pub use gate::HttpLimits;
