//! Guests compiled for real by the toolchain of this machine.

mod guest;
mod tests;
