//! Tests of the whole crate against real files, real git, real tar and a real S3 server.

mod archive;
mod blob;
mod clone;
mod disk_full;
mod fanout;
mod hostile;
mod objects;
mod properties;
mod s3;
mod source;
mod support;
