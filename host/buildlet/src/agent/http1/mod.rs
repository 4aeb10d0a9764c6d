//! A small HTTP/1.1 server side: heads by httparse, bodies by length or chunks, responses with trailers.

mod body;
mod connection;
mod exchange;
mod head;
mod writer;

pub(crate) use connection::{BoxIo, Connection, NoHead};
pub(crate) use exchange::{After, Exchange};
pub(crate) use head::Head;
pub(crate) use writer::StreamWriter;
