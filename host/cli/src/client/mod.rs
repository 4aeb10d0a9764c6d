//! A client of `muster serve`: finds server and token, speaks the API, and takes up broken streams where they broke.

mod error;
mod find;
mod follow;
mod http;
mod pointer;
mod sse;
mod tree;

pub use error::ServerError;
pub use find::{Server, find};
pub use follow::{EventStream, LogStream};
pub use http::Client;
pub(crate) use pointer::{called_at, pointer_path};
pub use tree::{PackedTree, pack};
