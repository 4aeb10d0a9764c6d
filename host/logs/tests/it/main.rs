//! Streams against real stores: files, and an S3 server.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says what it measured")]

mod damage;
mod model;
mod reading;
mod s3;
mod support;
mod writing;
