//! From bytes to a plugin that could be asked: checked, compiled, understood and linked, with none of its code run.

mod check;
mod contract;
mod inspect;
mod linker;
mod loaded;
mod shape;

pub use loaded::{Loaded, MAX_BYTES, RoleVersion, Source};

pub(crate) use contract::Contract;
pub(crate) use linker::Linkers;
pub(crate) use loaded::{Indices, load};
