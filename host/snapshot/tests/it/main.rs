//! Tests of the whole crate against real files, real git and a real S3 server.
