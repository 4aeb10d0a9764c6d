//! Gathers what the coordinator needs: the tree as plugins see it, the builder, the pool, the stores.

mod builder;
mod look;
mod pools;
mod stores;
mod tree;

pub(super) use builder::{Chosen, choose};
pub(super) use look::look;
pub(super) use pools::{Machines, machines};
pub(super) use stores::{Stores, stores, tidy};
pub(super) use tree::plugin_files;
